/* pitch.h - what a frame says about its F0 and voicing, and the path through it.
 *
 * Three steps, each with its own file:
 *
 *   kernels/pitch_posterior.c    the spectrum of 48 ms, flattened by its own envelope, through a small network: log probability of PITCH_STATES F0 and of "unvoiced"
 *   kernels/pitch_candidates.c   the peaks of that, their F0 sharpened on the autocorrelation of the amplitude-compressed spectrum, and HNR (Boersma 1993,
 *                                "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17)
 *   src/pitch_voicing.c          voicing from that evidence and the level, of the frames about it, against a running peak and floor of the level
 *   src/pitch_path.c             the best path (Viterbi) with a fixed look-ahead; an unvoiced stretch remembers the F0 before it
 *
 * The weights of both networks are fitted to synthetic voices only, see bench/pitch_fit.py and docs/pitch.md.
 */
#ifndef PROSODY_PITCH_H
#define PROSODY_PITCH_H

#include <stddef.h>
#include <stdint.h>

#define PITCH_CANDIDATES 6      /* voiced candidates kept per frame */
#define PITCH_LEVEL_FRAMES 16   /* look-ahead of the running peak and floor of the level */
#define PITCH_PATH_FRAMES 20    /* look-ahead of the path */
#define PITCH_LAG_FRAMES (PITCH_LEVEL_FRAMES + PITCH_PATH_FRAMES) /* of the decision: 360 ms */

/* The search range, in states of the posterior. */
typedef struct pitch_range {
    int32_t state_min, state_max;
} pitch_range;

/* What a frame says by itself. Candidates come in order of falling strength. */
typedef struct pitch_frame {
    int32_t count;                          /* voiced candidates, 0 .. PITCH_CANDIDATES */
    float level_db;                         /* of the middle 12 ms; PITCH_SILENCE_DB for digital silence */
    float evidence;                         /* log odds of voiced to unvoiced by the spectrum alone */
    float clarity;                          /* log probability of the best F0 if the frame is voiced */
    float log2_f0[PITCH_CANDIDATES];        /* log2 of F0 in Hz */
    float strength[PITCH_CANDIDATES];       /* log probability of the F0 if the frame is voiced */
    float harmonicity[PITCH_CANDIDATES];    /* normalised autocorrelation of the sound at its period, for HNR, below 1 */
} pitch_frame;

#define PITCH_SILENCE_DB (-160.0f)          /* what level_db cannot fall below */
#define PITCH_SILENT_EVIDENCE (-12.0f)      /* what such a frame says, and one outside the stream */
#define PITCH_SILENT_CLARITY (-5.0f)
#define PITCH_AUDIBLE_DB (-130.0f)          /* frames below are digital silence: unvoiced, and unheard by peak and floor */

#define PITCH_RING 64           /* a power of two above PITCH_LAG_FRAMES + the largest group of frames + the voicing context */

typedef struct pitch_levels {
    int heard;                              /* a frame that is not digital silence has come */
    float smooth_db, peak_db, floor_db;
} pitch_levels;

typedef struct pitch_path {
    int64_t seen;                           /* frames taken */
    int64_t scored;                         /* frames on the path */
    int64_t decided;                        /* frames given out */
    pitch_levels levels;
    float score[PITCH_CANDIDATES + 1];      /* of the last scored frame's states: 0 is unvoiced, c + 1 is candidate c */
    float memory;                           /* log2 of the last F0 on the best path that ends unvoiced, 0 when there was none */
    float voicing[PITCH_RING];              /* log odds of voiced */
    uint8_t from[PITCH_RING][PITCH_CANDIDATES + 1];
    uint8_t chosen[PITCH_RING];             /* state on the last traced path */
    pitch_frame frame[PITCH_RING];
} pitch_path;

typedef struct pitch_result {
    float f0_hz;                            /* 0 when unvoiced */
    float voicing_probability;              /* 0 .. 1 */
    float hnr_db;                           /* 0 when unvoiced */
} pitch_result;

/* Returns 0 when the range makes no sense. What lies outside 60 to 520 Hz is not found. */
int pitch_range_init(pitch_range *range, float f0_min_hz, float f0_max_hz);

/* Moves the running peak and floor on by one frame. */
void pitch_levels_hear(pitch_levels *levels, float level_db);
/* Log odds that frame `index` is voiced, from frames up to six before and six after it; `last` is the newest that exists. */
float pitch_voicing(const pitch_frame *ring, const pitch_levels *levels, int64_t index, int64_t last);

void pitch_path_reset(pitch_path *path);
/* Where the next frame is to be written, `ahead` frames past the last one pushed. */
pitch_frame *pitch_path_slot(pitch_path *path, size_t ahead);
/* Takes the next frame, already in its slot. */
void pitch_path_push(pitch_path *path);
/* Gives the oldest undecided frame if the look-ahead is complete, or at any time when `finishing`; returns 1 or 0. */
int pitch_path_pop(pitch_path *path, int finishing, pitch_result *result);

#endif
