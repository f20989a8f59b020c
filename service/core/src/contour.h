/* contour.h - the contour of one column, kept for what needs it whole: percentiles, extrema and slopes.
 *
 * Unsmoothed values are kept as they come, a block of them; a block that is full goes into a histogram and a pool of slopes, and the next begins.
 */
#ifndef PROSODY_CONTOUR_H
#define PROSODY_CONTOUR_H

#include <stddef.h>
#include <stdint.h>

#include "extrema.h"
#include "percentiles.h"

typedef struct contour {
    sketch_scale scale;
    int nonzero;        /* smoothed over what is not zero, zeros left out; else plainly */
    size_t block;       /* rows of a full block */
    size_t held;        /* entries of raw: the row before the block (or what stands for it), then rows of the block; 0 before the first row */
    float *raw;         /* [block + 2]: the last is the row after */
    uint64_t blocks;    /* that were full */
    slopes pooled;      /* of these */
    uint64_t *bins;     /* [sketch_bins]: histogram of these */
} contour;

typedef struct contour_figures {
    double percentiles[PERCENTILE_COUNT];   /* 0 when there is no value */
    slopes slopes;
} contour_figures;

void contour_reset(contour *c);

/* Adds the next row; `scratch` has room for block + 1 doubles. */
void contour_push(contour *c, double x, double *scratch);

/* Figures of all rows so far; `scratch` likewise, `spare` has room for sketch_bins. */
contour_figures contour_read(const contour *c, double *scratch, uint64_t *spare);

#endif
