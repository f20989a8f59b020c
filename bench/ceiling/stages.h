/* stages.h - parts of the path from samples to eGeMAPS rows, each by itself over a whole recording.
 *
 * A part runs over all frames of the recording or over its voiced rows, LANES at a time, with the kernels and the lane width of one SIMD level.
 */
#ifndef CEILING_STAGES_H
#define CEILING_STAGES_H

#include <stddef.h>
#include <stdint.h>

#include "levels.h"

#define PAD 4096                    /* samples of silence before and after a recording */
#define ROW_FLOATS 40               /* room for a row of either set */

typedef struct recording {
    int32_t rate_hz, hop;
    const float *samples, *low;     /* the first sample; the same at 8 kHz */
    size_t frames;                  /* all of whose windows lie within the padding */
    const float *f0_hz;             /* of each row, 0 where unvoiced */
    const size_t *voiced;           /* voiced rows */
    size_t voiced_count;
    float *rows;                    /* ROW_FLOATS for each frame: eGeMAPS as the short window leaves them */
    float *lags;                    /* FORMANT_LAGS_MAX for each voiced row, up to a whole number of groups: what its formants come from */
    pitch_frame *candidates;        /* of each frame */
    const float *finished;          /* rows as the core gives them, EGEMAPS_COUNT floats each */
    const prosody_kernel *kernel;
    const pitch_range *range;
} recording;

typedef enum stage_unit { PER_FRAME, PER_VOICED_ROW } stage_unit;

typedef enum stage_kind {
    UNAVOIDABLE,                    /* part of the ceiling */
    KERNEL,                         /* part of the core as it is */
    WHOLE,                          /* the core from samples to rows, or beyond */
} stage_kind;

typedef struct stage {
    const char *name;
    stage_unit unit;
    stage_kind kind;
    float (*run)(const recording *r);   /* returns something that depends on all of its work */
} stage;

/* What the core does, kernel by kernel and as a whole, on the level of r->kernel; ends with a NULL name. */
extern const stage core_stages[];

/* The unavoidable parts, compiled for each level; ends with a NULL name. */
typedef struct level_stages {
    const char *level;
    const stage *stages;
    void (*find_lags)(const recording *r);  /* fills r->lags */
} level_stages;

#endif
