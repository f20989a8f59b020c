/* kernel.h - what the scalar code and the SIMD kernels agree on.
 *
 * A kernel measures frames that do not depend on each other, LANES of them side by side in one vector register, of one stream or of many. A frame's result is the
 * same in whichever lane and beside whichever other frames it is computed, because every operation is element-wise; unused lanes of a group repeat its first frame.
 * A call takes jobs for the widest registers; where they are narrower it goes through them group by group, but for the pitch network, whose weights serve all groups at once.
 */
#ifndef PROSODY_KERNEL_H
#define PROSODY_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "egemaps_columns.h"
#include "first_place.h"
#include "formant_track.h"
#include "periods.h"
#include "pitch.h"

#define KERNEL_MAX_LANES 16

/* One frame, when its samples are complete. */
typedef struct pitch_job {
    const float *window;            /* PITCH_WINDOW samples at 8 kHz, centred on the frame */
    pitch_frame *candidates;
} pitch_job;

/* The same frame's signal columns. */
typedef struct signals_job {
    const float *window;            /* 20 ms of input, centred on the frame */
    float *row;                     /* COLUMN_COUNT floats; all but the pitch columns are written */
} signals_job;

/* The same frame's eGeMAPS columns of the short window. */
#define EGEMAPS_FLUX_BINS 160       /* below 5000 Hz; at 8 kHz 129 */
typedef struct egemaps_job {
    const float *short_window;      /* 20 ms of input, from the frame's first sample */
    const float *magnitudes_before; /* EGEMAPS_FLUX_BINS of the frame before, or NULL when that is the job before this one */
    float *magnitudes_after;        /* where to leave those of this frame, or NULL */
    float *row;                     /* EGEMAPS_COUNT floats */
} egemaps_job;

/* A voiced row, when its F0 is known. */
typedef struct voiced_job {
    const float *long_window;       /* 60 ms of input, from the row's first sample */
    float f0_hz;
    int64_t index;                  /* of the row in its stream, whose voiced rows come in order */
    formant_track *track;           /* of the stream */
    float *row;                     /* EGEMAPS_COUNT floats */
} voiced_job;

/* All take 1 .. KERNEL_MAX_LANES jobs of streams at one rate, 8000 or 16000. */
typedef struct prosody_kernel {
    const char *level;
    /* F0 candidates; with their harmonicity, which only the signal columns need, or without. */
    void (*pitch)(const pitch_range *range, int harmonicity, const pitch_job *jobs, size_t count);
    void (*signals)(int32_t rate_hz, const signals_job *jobs, size_t count);
    void (*egemaps_short)(int32_t rate_hz, const egemaps_job *jobs, size_t count);
    void (*egemaps_long)(int32_t rate_hz, const voiced_job *jobs, size_t count);
    /* Jitter and shimmer of one row; see periods.h. */
    void (*periods)(period_chain *chain, int32_t rate_hz, const float *samples, int64_t first, int64_t end, int64_t row, float f0_hz, float *jitter,
                    float *shimmer_db);
    /* y[m] = sum_t h[t] x[2m + t], t < DECIMATOR_TAPS, for `count` outputs. */
    void (*decimate)(const float *x, float *y, size_t count);
    /* Index of the first sample that is not finite or is above PROSODY_MAX_ABS, or `count`. */
    size_t (*find_bad)(const float *x, size_t count);
    /* Of rankings; see first_place.h. */
    rivals_below rivals_below;
    rivals_above rivals_above;
} prosody_kernel;

#endif
