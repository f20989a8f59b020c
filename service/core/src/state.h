/* state.h - one channel's stream: its samples on one side, its finished rows on the other.
 *
 * Samples are kept contiguous, with a history long enough for the windows to come; positions are counted from the first sample of the stream, and the windows of
 * the first frames begin before it. Rows wait in a ring from the measurement of their frame until they are read. In between, the pitch path decides their F0 with
 * a fixed look-ahead, and an eGeMAPS row whose F0 is known gets its harmonic descriptors ("pitched"):
 *
 *     read <= pitched <= decided <= measured,  measured - read <= row_queue
 *
 * What measures frames is a batch (batch.h): it takes frames of one stream or many and fills vector lanes with them.
 */
#ifndef PROSODY_STATE_H
#define PROSODY_STATE_H

#include "columns.h"
#include "egemaps_columns.h"
#include "kernel.h"
#include "periods.h"
#include "pitch.h"
#include "prosody.h"

#define HOP_LOW 80                          /* 10 ms at 8 kHz */
#define PITCH_BEFORE (PITCH_HALF - HOP_LOW / 2)
#define PITCH_HALF 192                      /* half of PITCH_WINDOW */
#define DECIMATOR_HALF 23                   /* half of DECIMATOR_TAPS */
#define LOW_LEAD 12                         /* low-rate samples before the first whose filter already reaches into the stream */
#define LOW_CAPACITY 1920                   /* history and a full group of frames at 8 kHz */
#define TAIL_FRAMES 6                       /* measured beyond the end, see stream.c */

typedef struct sample_window {
    float *samples;
    int64_t first;                          /* position of samples[0] */
    int64_t end;                            /* position after the last sample held */
    int64_t capacity;
} sample_window;

struct prosody_state {
    const prosody_kernel *kernel;
    pitch_range range;
    uint32_t sets;
    int32_t rate_hz;
    int32_t hop;
    int32_t columns;                        /* floats of a row */
    int32_t egemaps_at;                     /* first column of the eGeMAPS set in a row */
    int32_t row_queue;                      /* rows between measurement and read */
    int32_t queued;                         /* frames from `measured` on that wait in a batch */
    int finished;
    size_t bytes;
    int64_t accepted;                       /* samples of the stream taken, without the silence that finish adds */
    int64_t total;                          /* frames of the stream, known once it is finished */
    int64_t measurable;                     /* and frames to measure: the silence after the end says how the last ones are to be heard */
    int64_t measured, decided, pitched, read;
    int64_t oldest_voiced;                  /* first row that waits in a batch for its harmonics, or INT64_MAX */
    pitch_result last_pitch;                /* of the last decided frame */
    period_chain chain;
    formant_track formants;
    sample_window input;
    sample_window low;                      /* at 16 kHz: the input at 8 kHz; at 8 kHz empty */
    pitch_path path;
    float magnitudes[EGEMAPS_FLUX_BINS];    /* of the last measured frame */
    float *rows;
    float memory[];                         /* rows, input samples, low samples */
};

/* The rows of a frame. */
static inline float *state_signals(prosody_state *state, int64_t index) {
    return state->rows + (size_t)(index % state->row_queue) * (size_t)state->columns;
}

static inline float *state_egemaps(prosody_state *state, int64_t index) {
    return state_signals(state, index) + state->egemaps_at;
}

/* Where a stream's low-rate samples are. */
static inline const sample_window *state_low(const prosody_state *state) {
    return state->rate_hz == 8000 ? &state->input : &state->low;
}

#endif
