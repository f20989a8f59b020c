/* runs.c - see runs.h. */
#include "runs.h"

/* Shorter runs are no segments: openSMILE's output has none. */
#define MIN_RUN_FRAMES 3u

void runs_close(runs *r) {
    if (r->length >= MIN_RUN_FRAMES)
        moments_push(&r->closed[r->kind], (double)(r->length - 1));
    r->length = 0;
}

void runs_add(runs *r, int kind, uint64_t count) {
    if (kind != r->kind)
        runs_close(r);
    r->kind = kind;
    r->length += count;
}
