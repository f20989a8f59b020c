/* kernel.h - what the scalar code and the SIMD kernels agree on.
 *
 * A kernel measures frames that do not depend on each other, LANES of them side by side in one vector register. A frame's result is the same in whichever lane and
 * beside whichever other frames it is computed, because every operation is element-wise; unused lanes of a last group repeat its first frame.
 */
#ifndef PROSODY_KERNEL_H
#define PROSODY_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "pitch.h"

#define KERNEL_MAX_LANES 16

typedef struct frame_job {
    const float *spectrum;      /* 20 ms of input, centred on the frame */
    const float *pitch;         /* PITCH_WINDOW samples at 8 kHz, centred on the frame */
    float *row;                 /* COLUMN_COUNT floats; all but the pitch columns are written */
    pitch_frame *candidates;
} frame_job;

typedef struct prosody_kernel {
    const char *level;
    size_t lanes;
    /* Measures `count` frames (1 .. lanes) of streams at one rate, 8000 or 16000, with one F0 range. */
    void (*measure)(int32_t rate_hz, const pitch_range *range, const frame_job *jobs, size_t count);
    /* y[m] = sum_t h[t] x[2m + t], t < DECIMATOR_TAPS, for `count` outputs. */
    void (*decimate)(const float *x, float *y, size_t count);
    /* Index of the first sample that is not finite or is above PROSODY_MAX_ABS, or `count`. */
    size_t (*find_bad)(const float *x, size_t count);
} prosody_kernel;

#endif
