/* sketch.c - percentiles from a histogram of bounded size.
 *
 * Loudness: bins in a constant ratio, so that the middle of a bin is within a constant share of every value in it (Masson, Rim & Lee, DDSketch, PVLDB 12(12), 2019). Pitch: bins
 * of a hundredth of a semitone. Interpolation between two order statistics keeps either bound.
 */
#include <math.h>

#include "percentiles.h"
#include "prosody.h"

#define LOUDNESS_LEAST 1e-4     /* a tenth of the loudness of digital silence */
#define LOUDNESS_GREATEST 1e3   /* full scale noise is near 20 */
#define LOUDNESS_SHARE (0.99 * PROSODY_LOUDNESS_ERROR)  /* what is left covers the rounding to float */
#define LOUDNESS_BINS 8142u     /* bin 0 is what is not above LOUDNESS_LEAST; ceil(log(1e7) / log((1 + share) / (1 - share))) others */

#define PITCH_GREATEST_ST 64.0
#define PITCH_BIN_ST 0.0099     /* twice the error, and a little for rounding */
#define PITCH_BINS 6465u        /* ceil(64 / 0.0099) */

static double log_ratio(void) {
    return log((1.0 + LOUDNESS_SHARE) / (1.0 - LOUDNESS_SHARE));
}

size_t sketch_bins(sketch_scale scale) {
    return scale == SKETCH_LOUDNESS ? LOUDNESS_BINS : PITCH_BINS;
}

static size_t clamp_bin(double place, size_t bins) {
    return place < 0.0 ? 0 : place >= (double)bins ? bins - 1 : (size_t)place;
}

void sketch_add(sketch_scale scale, uint64_t *bins, const double *values, size_t count) {
    const double per_log = 1.0 / log_ratio();
    for (size_t i = 0; i < count; i++) {
        const double x = values[i];
        if (scale == SKETCH_PITCH)
            bins[clamp_bin(x * (1.0 / PITCH_BIN_ST), PITCH_BINS)]++;
        else
            bins[x > LOUDNESS_LEAST ? clamp_bin(1.0 + log(x * (1.0 / LOUDNESS_LEAST)) * per_log, LOUDNESS_BINS) : 0]++;
    }
}

/* What stands for the values of a bin. */
static double bin_value(sketch_scale scale, size_t bin) {
    if (scale == SKETCH_PITCH)
        return ((double)bin + 0.5) * PITCH_BIN_ST;
    return bin == 0 ? 0.0 : LOUDNESS_LEAST * (1.0 - LOUDNESS_SHARE) * exp((double)bin * log_ratio()); /* (1 - share) x upper edge = (1 + share) x lower */
}

static double at_rank(sketch_scale scale, const uint64_t *bins, uint64_t rank) {
    size_t bin = 0;
    for (; bin + 1 < sketch_bins(scale) && rank >= bins[bin]; bin++)
        rank -= bins[bin];
    return bin_value(scale, bin);
}

void percentiles_sketch(sketch_scale scale, const uint64_t *bins, double out[PERCENTILE_COUNT]) {
    uint64_t total = 0;
    for (size_t i = 0; i < sketch_bins(scale); i++)
        total += bins[i];
    for (size_t p = 0; p < PERCENTILE_COUNT; p++) {
        const double place = percentile_place(p, total);
        const uint64_t rank = (uint64_t)place;
        const double below = at_rank(scale, bins, rank), part = place - (double)rank;
        out[p] = part == 0.0 ? below : below + part * (at_rank(scale, bins, rank + 1) - below);
    }
}
