/* pitch.h - F0 candidates of a frame, and the path through them.
 *
 * Boersma (1993), "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, with two
 * changes: the square root of the power spectrum is transformed (amplitude compression flattens formants and raises the weak harmonics of a telephone band,
 * as in Tolonen & Karjalainen 2000), and loudness is judged against a slowly falling peak of the past instead of the peak of the whole sound, which a stream
 * does not have. Candidates are found by the kernels (kernels/pitch_candidates.c), the path by pitch_path.c.
 */
#ifndef PROSODY_PITCH_H
#define PROSODY_PITCH_H

#include <stddef.h>
#include <stdint.h>

#define PITCH_CANDIDATES 8      /* voiced candidates kept per frame */
#define PITCH_STATES (PITCH_CANDIDATES + 1)
#define PITCH_LAG_FRAMES 20     /* look-ahead of the decision: 200 ms */

/* The search range, in lags at 8 kHz. */
typedef struct pitch_range {
    float f0_min_hz, f0_max_hz;
    int32_t lag_min, lag_max;
} pitch_range;

/* What a frame says about its F0. Candidates come in order of falling strength. */
typedef struct pitch_frame {
    int32_t count;                          /* voiced candidates, 0 .. PITCH_CANDIDATES */
    float level;                            /* RMS amplitude of the pitch window */
    float log2_f0[PITCH_CANDIDATES];        /* log2 of F0 in Hz */
    float strength[PITCH_CANDIDATES];       /* normalised autocorrelation of the compressed spectrum at the candidate, 0 .. 1 */
    float harmonicity[PITCH_CANDIDATES];    /* normalised autocorrelation of the sound itself there, for HNR, below 1 */
} pitch_frame;

/* The path: a ring of the last frames with, for each state, its best predecessor. State 0 is unvoiced, state c + 1 is candidate c. */
#define PITCH_RING 64           /* a power of two above PITCH_LAG_FRAMES + the largest group of frames */

typedef struct pitch_path {
    int64_t seen;                           /* frames taken */
    int64_t decided;                        /* frames given out */
    float reference;                        /* falling peak of the level */
    float score[PITCH_STATES];
    float best_strength[PITCH_RING];
    uint8_t from[PITCH_RING][PITCH_STATES];
    uint8_t chosen[PITCH_RING];             /* state on the last traced path */
    pitch_frame frame[PITCH_RING];
} pitch_path;

typedef struct pitch_result {
    float f0_hz;                            /* 0 when unvoiced */
    float voicing_probability;              /* 0 .. 1 */
    float hnr_db;                           /* 0 when unvoiced */
} pitch_result;

/* Fills in lags; returns 0 when the range is not within what the tables cover. */
int pitch_range_init(pitch_range *range, float f0_min_hz, float f0_max_hz);

void pitch_path_reset(pitch_path *path);
/* Where the next frame's candidates are to be written, `ahead` frames past the last one pushed. */
pitch_frame *pitch_path_slot(pitch_path *path, size_t ahead);
/* Takes the next frame, already in its slot. */
void pitch_path_push(pitch_path *path, const pitch_range *range);
/* Gives the oldest undecided frame if the look-ahead is complete, or at any time when `finishing`; returns 1 or 0. */
int pitch_path_pop(pitch_path *path, int finishing, pitch_result *result);

#endif
