/* kernel.c - the table of one SIMD level. Compiled once per level with PROSODY_LEVEL (a C identifier) and PROSODY_LEVEL_STRING set. */
#include "kernel.h"

#include <math.h>

#include "prosody.h"
#include "spectrum.h"

static void measure(int32_t rate_hz, const pitch_range *range, const frame_job *jobs, size_t count) {
    frame_job group[LANES];
    float spare_row[64];
    pitch_frame spare_frame;
    for (size_t l = 0; l < LANES; l++) {
        group[l] = jobs[l < count ? l : 0];
        if (l >= count) {
            group[l].row = spare_row;
            group[l].candidates = &spare_frame;
        }
    }
    PROSODY_LEVEL_NAME(spectrum)(rate_hz, group);
    PROSODY_LEVEL_NAME(pitch_candidates)(range, group);
}

/* Outputs are element-wise sums in one order, so results do not depend on `count`. The odd taps of a half-band filter but the middle one are zero. */
static void decimate(const float *x, float *y, size_t count) {
    const int middle = DECIMATOR_TAPS / 2;
    for (size_t m = 0; m < count; m++) {
        const float *centre = x + 2 * m + middle;
        float sum = prosody_half_band[middle] * centre[0];
        for (int t = 1; t <= middle; t += 2)
            sum += prosody_half_band[middle + t] * (centre[t] + centre[-t]);
        y[m] = sum;
    }
}

static size_t find_bad(const float *x, size_t count) {
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        const vi good = (vabs(load(x + i)) <= PROSODY_MAX_ABS) & (vabs(load(x + i + LANES)) <= PROSODY_MAX_ABS) &
                        (vabs(load(x + i + 2 * LANES)) <= PROSODY_MAX_ABS) & (vabs(load(x + i + 3 * LANES)) <= PROSODY_MAX_ABS);
        if (mask_bits(~good) != 0)
            break;
    }
    for (; i < count; i++)
        if (!(fabsf(x[i]) <= PROSODY_MAX_ABS))
            return i;
    return count;
}

const prosody_kernel PROSODY_LEVEL_NAME(prosody_kernel) = {PROSODY_LEVEL_STRING, LANES, measure, decimate, find_bad};
