/* runs.h - lengths of the runs of voiced and of unvoiced frames. */
#ifndef PROSODY_RUNS_H
#define PROSODY_RUNS_H

#include <stdint.h>

#include "moments.h"

typedef struct runs {
    int kind;           /* of the run that is open: 1 voiced, 0 unvoiced */
    uint64_t length;    /* of the run that is open, frames; 0 before the first */
    moments closed[2];  /* lengths from first frame to last, in frames less one, by kind */
} runs;

/* Adds `count` frames of one kind. */
void runs_add(runs *r, int kind, uint64_t count);

/* Ends the open run. */
void runs_close(runs *r);

#endif
