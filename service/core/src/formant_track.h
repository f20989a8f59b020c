/* formant_track.h - what the rows so far of a stream's voiced stretch say about the formants of the next. See kernels/voice_lags.c and kernels/egemaps_long.c. */
#ifndef PROSODY_FORMANT_TRACK_H
#define PROSODY_FORMANT_TRACK_H

#include <stdint.h>

#define FORMANTS 3
#define FORMANT_LAGS_MAX 12 /* lags 0 .. 8 at 8 kHz, 0 .. 11 at 16 kHz */
#define SHARE_PLACES_MAX 96 /* 65 at 8 kHz, 89 at 16 kHz, up to a whole number of vectors */
#define SHARE_PLACE_HZ 62.5f

/* Before the first voiced row all zeros, and `next` -1.*/
typedef struct formant_track {
    int64_t next;                     /* the row that goes on with the stretch */
    float periodic[SHARE_PLACES_MAX]; /* fading sums of the power that repeats after a period, about each place */
    float whole[SHARE_PLACES_MAX];    /* of all power there */
    float total;                      /* and of that everywhere */
    float width_sum[FORMANTS];        /* sums of log2 of each formant's bandwidth */
    float width_count[FORMANTS];
    float third_log2;                 /* what is known of F3, */
    float third_variance;             /* and how well: of its natural logarithm */
    float last_hz[FORMANTS];          /* where each was last found, or a neutral vocal tract has it */
} formant_track;

#endif
