/* kernel.c - the table of one SIMD level. Compiled once per level with PROSODY_LEVEL (a C identifier) and PROSODY_LEVEL_STRING set. */
#include "kernel.h"

#include <math.h>

#include "columns.h"
#include "egemaps_kernel.h"
#include "periods_kernel.h"
#include "pitch_kernel.h"
#include "prosody.h"
#include "spectrum.h"

rivals_sums PROSODY_LEVEL_NAME(rivals_below)(const rivals *all, double x, double *ratios);
rivals_sums PROSODY_LEVEL_NAME(rivals_above)(const rivals *all, double x);

/* How many jobs a group has that begins with the job at `i`. */
#define GROUP_SIZE(i, count) ((count) - (i) < LANES ? (count) - (i) : LANES)

/* Fills a group: unused lanes repeat the first job, with their results thrown away. */
#define FILL(group, jobs, count)               \
    for (size_t l = 0; l < LANES; l++)         \
        (group)[l] = (jobs)[l < (count) ? l : 0];

static void pitch(const pitch_range *range, int harmonicity, const pitch_job *jobs, size_t count) {
    pitch_job all[KERNEL_MAX_LANES];
    pitch_frame spare;
    for (size_t i = 0; i < KERNEL_MAX_LANES; i++)
        all[i] = i < count ? jobs[i] : (pitch_job){jobs[0].window, &spare};
    PROSODY_LEVEL_NAME(pitch_candidates)(range, harmonicity, all, (int)((count + LANES - 1) / LANES));
}

static void signals(int32_t rate_hz, const signals_job *jobs, size_t count) {
    signals_job group[LANES];
    float spare[COLUMN_COUNT];
    for (size_t i = 0; i < count; i += LANES) {
        const size_t size = GROUP_SIZE(i, count);
        FILL(group, jobs + i, size)
        for (size_t l = size; l < LANES; l++)
            group[l].row = spare;
        PROSODY_LEVEL_NAME(spectrum)(rate_hz, group);
    }
}

static void egemaps_short(int32_t rate_hz, const egemaps_job *jobs, size_t count) {
    egemaps_job group[LANES];
    float spare[EGEMAPS_COUNT], between[EGEMAPS_FLUX_BINS]; /* a group's last frame is the one before the next group's first */
    for (size_t i = 0; i < count; i += LANES) {
        const size_t size = GROUP_SIZE(i, count);
        FILL(group, jobs + i, size)
        if (group[0].magnitudes_before == NULL)
            group[0].magnitudes_before = between;
        if (group[size - 1].magnitudes_after == NULL)
            group[size - 1].magnitudes_after = between;
        for (size_t l = size; l < LANES; l++) {
            group[l].magnitudes_before = NULL;
            group[l].magnitudes_after = NULL;
            group[l].row = spare;
        }
        PROSODY_LEVEL_NAME(egemaps_short)(rate_hz, group);
    }
}

static void egemaps_long(int32_t rate_hz, const voiced_job *jobs, size_t count) {
    voiced_job group[LANES];
    for (size_t i = 0; i < count; i += LANES) {
        const size_t size = GROUP_SIZE(i, count);
        FILL(group, jobs + i, size)
        PROSODY_LEVEL_NAME(egemaps_long)(rate_hz, group, size);
    }
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

const prosody_kernel PROSODY_LEVEL_NAME(prosody_kernel) = {
    PROSODY_LEVEL_STRING, pitch, signals, egemaps_short, egemaps_long, PROSODY_LEVEL_NAME(periods), decimate, find_bad,
    PROSODY_LEVEL_NAME(rivals_below), PROSODY_LEVEL_NAME(rivals_above),
};
