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

static void balance(const vf *power, int top, vf *row) {
    vf low = {0}, high = {0}, low_peak = {0}, high_peak = {0};
    for (int k = 0; k < ALPHA_SPLIT; k++) {
        low += power[k];
        low_peak = vmax(low_peak, power[k]);
    }
    for (int k = ALPHA_SPLIT; k < HAMMARBERG_SPLIT; k++) {
        high += power[k];
        low_peak = vmax(low_peak, power[k]);
    }
    for (int k = HAMMARBERG_SPLIT; k <= top; k++) {
        high += power[k];
        high_peak = vmax(high_peak, power[k]);
    }
    row[EGEMAPS_ALPHA_RATIO] = ratio_db(high, low);
    row[EGEMAPS_HAMMARBERG_INDEX] = ratio_db(low_peak, high_peak);
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

/* magnitude[k] to before[k], the magnitude of the frame before: that of the lane before, or of the stream's last frame where a stream's frames begin. */
static void frames_before(const egemaps_job *jobs, const vf *magnitude, int bins, vf *before) {
    for (int k = 0; k < bins; k++)
        before[k] = lane_before(magnitude[k]);
    for (int l = 0; l < LANES; l++)
        if (jobs[l].magnitudes_before != NULL)
            for (int k = 0; k < bins; k++)
                ((float *)before)[k * LANES + l] = jobs[l].magnitudes_before[k];
}

static vf flux(const egemaps_job *jobs, const vf *power, int bins) {
    vf magnitude[EGEMAPS_FLUX_BINS], before[EGEMAPS_FLUX_BINS], sum = {0};
    for (int k = 0; k < bins; k++)
        magnitude[k] = vsqrt(power[k]);
    frames_before(jobs, magnitude, bins, before);
    for (int k = 0; k < bins; k++) {
        const vf step = magnitude[k] - before[k];
        sum += step * step;
    }
    for (int l = 0; l < LANES; l++)
        if (jobs[l].magnitudes_after != NULL)
            for (int k = 0; k < bins; k++)
                jobs[l].magnitudes_after[k] = ((const float *)magnitude)[k * LANES + l];
    return vsqrt(sum * (1.0f / (float)bins));
}

void PROSODY_LEVEL_NAME(egemaps_short)(int32_t rate_hz, const egemaps_job *jobs) {
    const rate_tables *t = rate_hz == 8000 ? &tables8000 : &tables16000;
    const float *frames[LANES];
    fft_work work;
    vf power[SPECTRUM_FFT_MAX / 2 + 1], band[EGEMAPS_BANDS], row[EGEMAPS_COUNT];

    for (int l = 0; l < LANES; l++)
        frames[l] = jobs[l].short_window;
    row[EGEMAPS_MEAN_SQUARE] = fft_load(&work, frames, t->weights, t->window, t->half) * (FULL_SCALE_SQUARE / (float)t->window);
    fft_complex(&work, t->half);
    fft_power(&work, t->half, power);
    band_log_power(t, power, band);
    row[EGEMAPS_LOUDNESS] = loudness(t, band);
    cepstrum(band, row);
    balance(power, t->half < TOP_BIN ? t->half : TOP_BIN, row);
    slopes(power, row);
    row[EGEMAPS_SPECTRAL_FLUX] = flux(jobs, power, t->half < EGEMAPS_FLUX_BINS ? t->half + 1 : EGEMAPS_FLUX_BINS);
    const float *values = (const float *)row;
    for (int l = 0; l < LANES; l++) {
        for (int c = 0; c < EGEMAPS_SHORT_COUNT; c++)
            jobs[l].row[c] = values[c * LANES + l];
        jobs[l].row[EGEMAPS_MEAN_SQUARE] = values[EGEMAPS_MEAN_SQUARE * LANES + l];
    }
}
