/* pitch_kernel.h - what the pitch kernels share. */
#ifndef PROSODY_PITCH_KERNEL_H
#define PROSODY_PITCH_KERNEL_H

#include "pitch_model.h"
#include "fft.h"
#include "kernel.h"

#define PITCH_FIRST_BIN 3       /* bins of 15.6 Hz below hold no voice: mean, drift and mains hum under 47 Hz */
#define PITCH_BINS (PITCH_FFT / 2)

#define PITCH_GROUPS (KERNEL_MAX_LANES / LANES)

/* Of each of `groups` groups of LANES frames: posterior[0] is "unvoiced", posterior[1 + k] F0 state k, as log probabilities up to one common term; power has
 * PITCH_BINS + 1 values, and they become their square roots; audible is which frames are not digital silence. Where none is, that is all that is said. */
void PROSODY_LEVEL_NAME(pitch_posterior)(int groups, vf *power, vi *audible, vf *posterior);

/* Candidates of `groups` groups of LANES frames, at most PITCH_GROUPS; `harmonicity` as in kernel.h. */
void PROSODY_LEVEL_NAME(pitch_candidates)(const pitch_range *range, int harmonicity, const pitch_job *jobs, int groups);

#endif
