/* stages.c - the unavoidable arithmetic of eGeMAPS with pitch: windows, FFTs, inverse transforms, linear prediction. Compiled once per SIMD level.
 *
 * Each part is a loop over groups of LANES frames that does only that, on real windows of the recording where they matter. It uses the core's own transforms
 * (kernels/fft.c) and its Levinson recursion and polynomial factors (kernels/formants.c): no faster ones are known here, and measured against others they are fast
 * (docs/performance.md). So the ceiling says what is left beside them, not how good they are.
 */
#include "stages.h"

#include "egemaps_columns.h"
#include "egemaps_tables.h"
#include "fft.h"
#include "band_edges.h"
#include "formants.h"
#include "kernel.h"
#include "tables.h"
#include "voice_lags.h"

/* One group of windows transformed; `at` gives the first sample of each. */
INLINE void transform(const float *const *at, const float *weights, int window, int half, vf *power) {
    fft_work work;
    fft_power(&work, at, weights, window, half, power, NULL);
}

static float lane_sum(vf v) {
    float sum = 0;
    for (int l = 0; l < LANES; l++)
        sum += v[l];
    return sum;
}

static float short_spectrum(const recording *r) {
    const int wide = r->rate_hz != 8000, half = wide ? 256 : 128;
    vf power[FFT_HALF_MAX + 1], sum = {0};
    for (size_t i = 0; i < r->frames; i += LANES) {
        const float *at[LANES];
        for (size_t l = 0; l < LANES; l++)
            at[l] = r->samples + (i + l) * (size_t)r->hop;
        transform(at, wide ? prosody_short_window16000 : prosody_short_window8000, wide ? 320 : 160, half, power);
        sum += power[half / 2];
    }
    return lane_sum(sum);
}

static float pitch_spectrum(const recording *r) {
    vf power[FFT_HALF_MAX + 1], sum = {0};
    for (size_t i = 0; i < r->frames; i += LANES) {
        const float *at[LANES];
        for (size_t l = 0; l < LANES; l++)
            at[l] = r->low + (i + l) * 80 - PITCH_WINDOW / 2 + 40;
        transform(at, prosody_pitch_window, PITCH_WINDOW, PITCH_FFT / 2, power);
        sum += power[100];
    }
    return lane_sum(sum);
}

/* One inverse transform: the core takes it of the square root of the power, on every frame that is not digital silence. */
static float pitch_inverse(const recording *r) {
    vf spectrum[FFT_HALF_MAX + 1], lags[FFT_HALF_MAX], sum = {0};
    fft_work work;
    for (int k = 0; k <= PITCH_FFT / 2; k++)
        spectrum[k] = splat(1.0f / (float)(1 + k));
    for (size_t i = 0; i < r->frames; i += LANES) {
        spectrum[5] += 1.0f;
        fft_cosine(&work, spectrum, lags, PITCH_LAGS, PITCH_FFT / 2);
        sum += lags[PITCH_LAGS - 1];
    }
    return lane_sum(sum);
}

/* First samples of the windows of voiced rows i .., the last one repeated to fill the group. */
static void voiced_windows(const recording *r, size_t i, const float **at) {
    for (size_t l = 0; l < LANES; l++)
        at[l] = r->samples + r->voiced[i + l < r->voiced_count ? i + l : r->voiced_count - 1] * (size_t)r->hop;
}

static float long_spectrum(const recording *r) {
    const int wide = r->rate_hz != 8000, half = wide ? 512 : 256;
    vf power[FFT_HALF_MAX + 1], sum = {0};
    for (size_t i = 0; i < r->voiced_count; i += LANES) {
        const float *at[LANES];
        voiced_windows(r, i, at);
        transform(at, wide ? prosody_long_window16000 : prosody_long_window8000, wide ? 960 : 480, half, power);
        sum += power[half / 2];
    }
    return lane_sum(sum);
}

/* The lags of all voiced rows, as the core has them. */
static void find_lags(const recording *r) {
    const int wide = r->rate_hz != 8000, half = wide ? 512 : 256;
    static formant_track track;
    for (size_t i = 0; i < r->voiced_count; i += LANES) {
        vf power[FFT_HALF_MAX + 1], weight[SHARE_PLACES_MAX], lags[FORMANT_LAGS_MAX];
        const float *at[LANES];
        voiced_job jobs[LANES];
        int begins[LANES];
        fft_work work;
        voiced_windows(r, i, at);
        transform(at, wide ? prosody_long_window16000 : prosody_long_window8000, wide ? 960 : 480, half, power);
        for (size_t l = 0; l < LANES; l++) {
            const size_t n = i + l < r->voiced_count ? i + l : r->voiced_count - 1;
            begins[l] = n == 0 || r->voiced[n] != r->voiced[n - 1] + 1;
            jobs[l] = (voiced_job){.f0_hz = r->f0_hz[r->voiced[n]], .track = &track};
        }
        PROSODY_LEVEL_NAME(voice_lags)(r->rate_hz, power, jobs, begins, LANES, &work, weight, lags);
        PROSODY_LEVEL_NAME(complete_band)(r->rate_hz, work.re, lags);
        for (size_t l = 0; l < LANES; l++)
            for (int k = 0; k < FORMANT_LAGS_MAX; k++)
                r->lags[(i + l) * FORMANT_LAGS_MAX + (size_t)k] = ((const float *)lags)[k * LANES + (int)l];
    }
}

static float long_inverse(const recording *r) {
    const int wide = r->rate_hz != 8000, half = wide ? 512 : 256, lags = wide ? 336 : 168;
    vf spectrum[FFT_HALF_MAX + 1], out[FFT_HALF_MAX], sum = {0};
    fft_work work;
    for (int k = 0; k <= half; k++)
        spectrum[k] = splat(1.0f / (float)(1 + k));
    for (size_t i = 0; i < r->voiced_count; i += LANES) {
        spectrum[5] += 1.0f;
        fft_cosine(&work, spectrum, out, lags, half);
        sum += out[lags - 1];
    }
    return lane_sum(sum);
}

/* Autocorrelation of a spectrum at the lags of the predictor. */
static float prediction_lags(const recording *r) {
    vf power[FFT_HALF_MAX + 1], lags[FORMANT_LAGS_MAX], sum = {0};
    for (int k = 0; k <= FFT_HALF_MAX; k++)
        power[k] = splat(1.0f / (float)(1 + k));
    for (size_t i = 0; i < r->voiced_count; i += LANES) {
        power[5] += 1.0f;
        PROSODY_LEVEL_NAME(formant_lags)(r->rate_hz, power, lags);
        sum += lags[8];
    }
    return lane_sum(sum);
}

/* Levinson recursion and roots, of the recording's own lags: how soon roots are found depends on them. */
static float prediction_roots(const recording *r) {
    vf frequency[FORMANTS], bandwidth[FORMANTS], sum = {0};
    for (size_t i = 0; i < r->voiced_count; i += LANES) {
        vf lags[FORMANT_LAGS_MAX];
        for (size_t l = 0; l < LANES; l++)
            for (int k = 0; k < FORMANT_LAGS_MAX; k++)
                ((float *)lags)[k * LANES + (int)l] = r->lags[(i + l) * FORMANT_LAGS_MAX + (size_t)k];
        PROSODY_LEVEL_NAME(formants)(r->rate_hz, lags, frequency, bandwidth);
        sum += frequency[0] + bandwidth[FORMANTS - 1];
    }
    return lane_sum(sum);
}

static const stage stages[] = {
    {"short window, FFT, power", PER_FRAME, UNAVOIDABLE, short_spectrum},
    {"pitch window, FFT, power", PER_FRAME, UNAVOIDABLE, pitch_spectrum},
    {"pitch inverse transform", PER_FRAME, UNAVOIDABLE, pitch_inverse},
    {"long window, FFT, power", PER_VOICED_ROW, UNAVOIDABLE, long_spectrum},
    {"long inverse transform", PER_VOICED_ROW, UNAVOIDABLE, long_inverse},
    {"prediction: lags", PER_VOICED_ROW, UNAVOIDABLE, prediction_lags},
    {"prediction: Levinson, roots", PER_VOICED_ROW, UNAVOIDABLE, prediction_roots},
    {NULL, PER_FRAME, UNAVOIDABLE, NULL},
};

const level_stages PROSODY_LEVEL_NAME(ceiling) = {PROSODY_LEVEL_STRING, stages, find_lags};
