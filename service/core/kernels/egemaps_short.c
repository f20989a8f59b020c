/* egemaps_short.c - what the 20 ms window says of LANES frames: loudness, spectral balance and flux, MFCC 1-4.
 *
 * Bins are 31.25 Hz apart at both rates. Eyben et al. (2016), "The Geneva Minimalistic Acoustic Parameter Set", IEEE Trans. Affective Computing 7(2); loudness after
 * Hermansky (1990), "Perceptual linear predictive analysis of speech", JASA 87(4). Which choices reproduce openSMILE's figures: docs/egemaps.md.
 */
#include "egemaps_kernel.h"

#define ALPHA_SPLIT 32                              /* first bin of the upper band: 1000 Hz */
#define HAMMARBERG_SPLIT 64                         /* 2000 Hz */
#define TOP_BIN 160                                 /* last bin of the upper bands: 5000 Hz */
#define SLOPE_HIGH_FIRST 16                         /* 500 Hz */
#define DB_PER_LOG2 3.01029996f
#define SLOPE_FLOOR 1e-14f                          /* -140 dB */
#define LOUDNESS_FLOOR_LOG2 (-30.0020774f)          /* 0.9985 / 32767^2: about the square of one 16-bit step */
#define MFCC_FLOOR 9.31379421e-18f                  /* 1e-8 / 32767^2 */
#define LOUDNESS_EXPONENT 0.33f
#define FULL_SCALE_SQUARE 1.00006104f               /* (32768 / 32767)^2 */

#define WINDOW_MAX 320

typedef struct rate_tables {
    int window, half;
    const float *weights, *band_weight, *band_loudness;
    const uint16_t *band_first;
} rate_tables;

static const rate_tables tables8000 = {160, 128, prosody_short_window8000, prosody_band_weight8000, prosody_band_loudness8000, prosody_band_first8000};
static const rate_tables tables16000 = {320, 256, prosody_short_window16000, prosody_band_weight16000, prosody_band_loudness16000, prosody_band_first16000};

/* log2 of the power in each mel band; `rising` and `falling` are the shares of a stretch of bins that go to the band that rises and to the one that falls there. */
static void band_log_power(const rate_tables *t, const vf *power, vf *band) {
    vf before = {0};
    for (int s = 0; s <= EGEMAPS_BANDS; s++) {
        vf total = {0}, rising = {0};
        for (int k = t->band_first[s]; k < t->band_first[s + 1]; k++) {
            total += power[k];
            rising += power[k] * t->band_weight[k];
        }
        if (s > 0)
            band[s - 1] = vlog2(vmax(before + (total - rising), splat(MFCC_FLOOR)));
        before = rising;
    }
}

static vf loudness(const rate_tables *t, const vf *band) {
    vf sum = {0};
    for (int b = 0; b < EGEMAPS_BANDS; b++)
        sum += vexp2(LOUDNESS_EXPONENT * (vmax(band[b], splat(LOUDNESS_FLOOR_LOG2)) + t->band_loudness[b]));
    return sum;
}

static void cepstrum(const vf *band, vf *row) {
    vf sum[4] = {{0}};
    for (int b = 0; b < EGEMAPS_BANDS; b++)
        for (int k = 0; k < 4; k++)
            sum[k] += band[b] * prosody_mfcc_basis[4 * b + k];
    for (int k = 0; k < 4; k++)
        row[EGEMAPS_MFCC1 + k] = sum[k];
}

/* 10 log10(a / b), 0 where either is digital silence. */
INLINE vf ratio_db(vf a, vf b) {
    const vi sound = (a > 0.0f) & (b > 0.0f);
    return choose(sound, DB_PER_LOG2 * (vlog2(choose(sound, a, splat(1.0f)) + 1e-37f) - vlog2(choose(sound, b, splat(1.0f)) + 1e-37f)), (vf){0});
}

/* What is summed over the bins. */
typedef struct bin_sums {
    vf low, high, low_peak, high_peak, flux;
} bin_sums;

/* The magnitude of bin k, and the square of the step from before[k], which is the frame before's in lanes that are `given` and elsewhere that of the lane before. */
INLINE void step_from(const vf *before, vi given, const vf *power, int k, vf *magnitude, bin_sums *s) {
    magnitude[k] = vsqrt(power[k]);
    const vf step = magnitude[k] - choose(given, before[k], lane_before(magnitude[k]));
    s->flux += step * step;
}

/* All that is summed, while the roots are taken. `before` has as many bins as the flux. */
static void sum_bins(const vf *power, int top, const vf *before, vi given, int flux_bins, vf *magnitude, bin_sums *s) {
    *s = (bin_sums){0};
    for (int k = 0; k < ALPHA_SPLIT; k++) {
        s->low += power[k];
        s->low_peak = vmax(s->low_peak, power[k]);
        step_from(before, given, power, k, magnitude, s);
    }
    for (int k = ALPHA_SPLIT; k < HAMMARBERG_SPLIT; k++) {
        s->high += power[k];
        s->low_peak = vmax(s->low_peak, power[k]);
        step_from(before, given, power, k, magnitude, s);
    }
    for (int k = HAMMARBERG_SPLIT; k < flux_bins; k++) {
        s->high += power[k];
        s->high_peak = vmax(s->high_peak, power[k]);
        step_from(before, given, power, k, magnitude, s);
    }
    for (int k = flux_bins; k <= top; k++) {
        s->high += power[k];
        s->high_peak = vmax(s->high_peak, power[k]);
    }
}

static void slopes(const vf *power, vf *row) {
    vf low = {0}, high = {0}, level = {0};
    for (int k = 0; k < EGEMAPS_SLOPE_LOW_BINS; k++) {
        level = vlog2(vmax(power[k], splat(SLOPE_FLOOR)));
        low += level * prosody_slope_0_500[k];
    }
    high = level * prosody_slope_500_1500[0]; /* the bands share the bin of 500 Hz */
    for (int k = 1; k < EGEMAPS_SLOPE_HIGH_BINS; k++)
        high += vlog2(vmax(power[SLOPE_HIGH_FIRST + k], splat(SLOPE_FLOOR))) * prosody_slope_500_1500[k];
    row[EGEMAPS_SLOPE_0_500] = low;
    row[EGEMAPS_SLOPE_500_1500] = high;
}

/* Magnitudes that come from frames outside of the group; returns the lanes that have them. */
static vi frames_before(const egemaps_job *jobs, int bins, vf *before) {
    vi given = {0};
    for (int l = 0; l < LANES; l++)
        if (jobs[l].magnitudes_before != NULL) {
            given[l] = -1;
            for (int k = 0; k < bins; k++)
                ((float *)before)[k * LANES + l] = jobs[l].magnitudes_before[k];
        }
    return given;
}

static void balance_and_flux(const egemaps_job *jobs, const vf *power, int half, vf *row) {
    const int top = half < TOP_BIN ? half : TOP_BIN, bins = half < EGEMAPS_FLUX_BINS ? half + 1 : EGEMAPS_FLUX_BINS;
    vf magnitude[EGEMAPS_FLUX_BINS], before[EGEMAPS_FLUX_BINS];
    bin_sums sums;
    const vi given = frames_before(jobs, bins, before);
    sum_bins(power, top, before, given, bins, magnitude, &sums);
    row[EGEMAPS_ALPHA_RATIO] = ratio_db(sums.high, sums.low);
    row[EGEMAPS_HAMMARBERG_INDEX] = ratio_db(sums.low_peak, sums.high_peak);
    row[EGEMAPS_SPECTRAL_FLUX] = vsqrt(sums.flux * (1.0f / (float)bins));
    for (int l = 0; l < LANES; l++)
        if (jobs[l].magnitudes_after != NULL)
            for (int k = 0; k < bins; k++)
                jobs[l].magnitudes_after[k] = ((const float *)magnitude)[k * LANES + l];
}

static vf mean_square(const vf *squares, int window) {
    vf sum = {0};
    for (int n = 0; n < window / 2; n++)
        sum += squares[n];
    return sum * (FULL_SCALE_SQUARE / (float)window);
}

void PROSODY_LEVEL_NAME(egemaps_short)(int32_t rate_hz, const egemaps_job *jobs) {
    const rate_tables *t = rate_hz == 8000 ? &tables8000 : &tables16000;
    const float *frames[LANES];
    fft_work work;
    vf squares[WINDOW_MAX / 2], power[SPECTRUM_FFT_MAX / 2 + 1], band[EGEMAPS_BANDS], row[EGEMAPS_COUNT];

    for (int l = 0; l < LANES; l++)
        frames[l] = jobs[l].short_window;
    fft_power(&work, frames, t->weights, t->window, t->half, power, &(fft_pairs){0, t->window, 0, squares});
    row[EGEMAPS_MEAN_SQUARE] = mean_square(squares, t->window);
    band_log_power(t, power, band);
    row[EGEMAPS_LOUDNESS] = loudness(t, band);
    cepstrum(band, row);
    balance_and_flux(jobs, power, t->half, row);
    slopes(power, row);
    const float *values = (const float *)row;
    for (int l = 0; l < LANES; l++) {
        for (int c = 0; c < EGEMAPS_SHORT_COUNT; c++)
            jobs[l].row[c] = values[c * LANES + l];
        jobs[l].row[EGEMAPS_MEAN_SQUARE] = values[EGEMAPS_MEAN_SQUARE * LANES + l];
    }
}
