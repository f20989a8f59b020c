/* contour.c - see contour.h. Sums and divisions are in double and in the order of the definition, so that values equal on paper are equal here: extrema hang on it. */
#include "contour.h"

#include <string.h>

void contour_reset(contour *c) {
    if (c->blocks > 0)
        memset(c->bins, 0, sketch_bins(c->scale) * sizeof *c->bins);
    c->held = 0;
    c->blocks = 0;
    c->pooled = (slopes){0};
}

static double smooth(double before, double at, double after) {
    return (before + at + after) / 3.0;
}

static double smooth_nonzero(double before, double at, double after) {
    static const double divisors[3] = {1.0, 2.0, 3.0};
    return (before + at + after) / divisors[(before != 0.0) + (after != 0.0)];
}

/* Writes the smoothed values of the first `rows` of the block; returns how many there are. */
static size_t smoothed(const contour *c, size_t rows, double *out) {
    const float *x = c->raw + 1;
    size_t count = 0;
    for (size_t i = 0; i < rows; i++) {
        const int last = i + 2 == c->held;  /* no row after it is known */
        if (!c->nonzero) {
            out[i] = smooth(i == 0 ? c->raw[0] : x[i - 1], x[i], last ? x[i] : x[i + 1]);
            continue;
        }
        if (x[i] == 0.0f)
            continue;
        const double y = smooth_nonzero(i == 0 ? c->raw[0] : x[i - 1], x[i], last ? 0.0 : x[i + 1]);
        out[count] = y;
        count += y != 0.0;
    }
    return c->nonzero ? count : rows;
}

static void add_slopes(slopes *s, const double *values, size_t count) {
    double low = 0.0, high = 0.0;
    for (size_t i = 0; i < count; i++) {
        low = i == 0 || values[i] < low ? values[i] : low;
        high = i == 0 || values[i] > high ? values[i] : high;
    }
    slopes_add(s, values, count, low, high);
}

static void finish_block(contour *c, double *scratch) {
    const size_t count = smoothed(c, c->block, scratch);
    add_slopes(&c->pooled, scratch, count);
    sketch_add(c->scale, c->bins, scratch, count);
    c->blocks++;
    c->raw[0] = c->raw[c->block];
    c->raw[1] = c->raw[c->block + 1];
    c->held = 2;
}

void contour_push(contour *c, double x, double *scratch) {
    if (c->held == c->block + 2)
        finish_block(c, scratch);
    if (c->held == 0)
        c->raw[c->held++] = c->nonzero ? 0.0f : (float)x;
    c->raw[c->held++] = (float)x;
}

contour_figures contour_read(const contour *c, double *scratch, uint64_t *spare) {
    contour_figures figures = {{0.0}, c->pooled};
    const size_t count = c->held == 0 ? 0 : smoothed(c, c->held - 1, scratch);
    add_slopes(&figures.slopes, scratch, count);
    if (c->blocks == 0) {
        if (count > 0)
            percentiles_exact(scratch, count, figures.percentiles);
        return figures;
    }
    memcpy(spare, c->bins, sketch_bins(c->scale) * sizeof *spare);
    sketch_add(c->scale, spare, scratch, count);
    percentiles_sketch(c->scale, spare, figures.percentiles);
    return figures;
}
