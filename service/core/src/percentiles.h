/* percentiles.h - the 20th, 50th and 80th percentile: exactly from an array, or from a histogram of bounded size. */
#ifndef PROSODY_PERCENTILES_H
#define PROSODY_PERCENTILES_H

#include <stddef.h>
#include <stdint.h>

#define PERCENTILE_COUNT 3

/* Where percentile `p` of `count` values lies among them in ascending order, counted from 0: between two of them when it is not whole. */
static inline double percentile_place(size_t p, uint64_t count) {
    static const double shares[PERCENTILE_COUNT] = {0.2, 0.5, 0.8};
    return (double)(count - 1) * shares[p];
}

/* Of `count` values, 1 or more, by linear interpolation between order statistics. `values` is only read. */
void percentiles_exact(const double *values, size_t count, double out[PERCENTILE_COUNT]);

/* Where the bins of a histogram lie. */
typedef enum sketch_scale {
    SKETCH_LOUDNESS,    /* logarithmic */
    SKETCH_PITCH,       /* uniform, semitones */
} sketch_scale;

size_t sketch_bins(sketch_scale scale);

/* Adds values to the bins; outside the scale they count as its ends. */
void sketch_add(sketch_scale scale, uint64_t *bins, const double *values, size_t count);

/* Of what the bins hold, 1 value or more. */
void percentiles_sketch(sketch_scale scale, const uint64_t *bins, double out[PERCENTILE_COUNT]);

#endif
