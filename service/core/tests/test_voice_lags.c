/* test_voice_lags.c - the autocorrelation without noise of one SIMD level: closed forms, the sum that it is, and rows in any grouping. Compiled once per level; main is in
 * test_level_main.c. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "formants.h"
#include "voice_lags.h"

#define PI 3.14159265358979323846
#define BINS_MAX 353
#define PLACES_MAX 89
#define WORST 0.0051961524 /* 0.03 to the power of 1.5: the weight of what is all noise */

typedef struct rate_case {
    int32_t rate_hz;
    int order, bins;
    double ceiling_hz;
} rate_case;

static const rate_case rates[] = {{8000, 8, 257, 4000}, {16000, 11, 353, 5500}};

/* What remembers a stretch, in double precision. */
typedef struct memory {
    double periodic[PLACES_MAX], whole[PLACES_MAX], total;
} memory;

/* Sum of x over the bins from `from` to `to`, which may divide bins and lie beyond them. */
static double sum_over(const double *x, int bins, double from, double to) {
    double sum = 0;
    for (int k = 0; k < bins; k++)
        sum += x[k] * fmax(0, fmin(to, k + 1) - fmax(from, k));
    return sum;
}

/* What a row should give. */
typedef struct figures {
    double weight[PLACES_MAX], voice[(BINS_MAX + 1) / 2], lags[16];
} figures;

static void expect(const rate_case *rate, const float *power, double f0_hz, int begins, memory *m, figures *out) {
    const double width = f0_hz / 15.625, emphasis = exp(-PI * 50 / rate->ceiling_hz);
    double plain[BINS_MAX], wave[BINS_MAX], *weight = out->weight, *lags = out->lags, total = 0;
    const int top = (rate->bins - 1) / 2;
    for (int k = 0; k < rate->bins; k++) {
        plain[k] = (double)power[k] * (1 + emphasis * emphasis - 2 * emphasis * cos(PI * k / (rate->bins - 1)));
        wave[k] = plain[k] * cos(2 * PI * k / width);
        total += plain[k];
    }
    if (begins)
        memset(m, 0, sizeof *m);
    m->total = 0.7 * m->total + total;
    for (int i = 0; i <= (rate->bins - 1) / 4; i++) {
        const double middle = 4 * i + 0.5;
        m->periodic[i] = 0.7 * m->periodic[i] + sum_over(wave, rate->bins, middle - width / 2, middle + width / 2);
        m->whole[i] = 0.7 * m->whole[i] + sum_over(plain, rate->bins, middle - width / 2, middle + width / 2);
        weight[i] = pow(fmin(1, fmax(0.03, m->periodic[i] / fmax(m->whole[i], fmax(1e-6 * m->total, 1e-30)))), 1.5);
    }
    for (int n = 0; n <= rate->order; n++)
        lags[n] = 0;
    for (int j = 0; j <= top; j++) {
        const double about = plain[2 * j] + (j > 0 ? plain[2 * j - 1] / 2 : 0) + (j < top ? plain[2 * j + 1] / 2 : 0);
        const double w = j % 2 ? (weight[j / 2] + weight[j / 2 + 1]) / 2 : weight[j / 2];
        out->voice[j] = about * w;
        for (int n = 0; n <= rate->order; n++)
            lags[n] += about * w * cos(n * PI * j / top) * (j == 0 || j == top ? 0.5 : 1);
    }
}

/* One row by itself: its spectrum in the first lane. */
static void one_row(const rate_case *rate, const float *power, float f0_hz, int begins, formant_track *track, float *lags) {
    vf spectrum[FFT_HALF_MAX + 1], weight[SHARE_PLACES_MAX], found[FORMANT_LAGS_MAX];
    voiced_job jobs[LANES];
    fft_work work;
    for (int k = 0; k < rate->bins; k++)
        spectrum[k] = splat(power[k]);
    for (int l = 0; l < LANES; l++)
        jobs[l] = (voiced_job){.f0_hz = f0_hz, .track = track};
    PROSODY_LEVEL_NAME(voice_lags)(rate->rate_hz, spectrum, jobs, &begins, 1, &work, weight, found);
    for (int n = 0; n <= rate->order; n++)
        lags[n] = found[n][0];
}

/* Noise alone, and a voice alone: bins at multiples of F0 only. */
static void test_closed_forms(const rate_case *rate) {
    float noise[BINS_MAX], voice[BINS_MAX], lags[FORMANT_LAGS_MAX];
    double all_noise = 0, all_voice = 0;
    const double emphasis = exp(-PI * 50 / rate->ceiling_hz);
    formant_track track;
    for (int k = 0; k < rate->bins; k++) {
        const double gain = (1 + emphasis * emphasis - 2 * emphasis * cos(PI * k / (rate->bins - 1))) * (k == 0 || k == rate->bins - 1 ? 0.5 : 1);
        noise[k] = 1;
        voice[k] = k % 8 == 0;
        all_noise += gain;
        all_voice += gain * (double)voice[k];
    }
    memset(&track, 0, sizeof track);
    one_row(rate, noise, 8 * 15.625f, 1, &track, lags);
    /* The pre-emphasis tilts white noise, so it does not cancel to the last bit; at the ends half of a period is missing. */
    CHECK((double)lags[0] < 0.02 * all_noise, "noise keeps %g of %g", (double)lags[0], all_noise);
    CHECK((double)lags[0] >= WORST * all_noise * 0.99, "noise keeps %g of %g", (double)lags[0], all_noise);
    one_row(rate, voice, 8 * 15.625f, 1, &track, lags);
    CHECK(fabs((double)lags[0] - all_voice) < 1e-4 * all_voice, "a voice keeps %g of %g", (double)lags[0], all_voice);
}

/* A spectrum with formants, harmonics as sharp as they are and noise. */
static void draw_spectrum(const rate_case *rate, uint64_t *random, double f0_hz, float *power) {
    const double noise = exp2(5 * (double)random_sample(random) - 6), tilt = 0.01 * (1 + (double)random_sample(random));
    for (int k = 0; k < rate->bins; k++) {
        const double wave = cos(PI * k * 15.625 / f0_hz), chance = 1 + 0.9 * (double)random_sample(random);
        power[k] = (float)(exp2(-tilt * k) * (pow(wave, 8) * (1.2 + cos(k / 20.0)) + noise * chance));
    }
}

/* A few stretches of one stream and another beside it, the rows side by side: each gets what the definition says, and to the bit what it gets alone. */
static void test_definition(const rate_case *rate, uint64_t *random) {
    for (int round = 0; round < 40; round++) {
        static float power[LANES][BINS_MAX];
        vf spectrum[FFT_HALF_MAX + 1], weight[SHARE_PLACES_MAX], found[FORMANT_LAGS_MAX];
        formant_track together[2], alone[2];
        memory wanted[2];
        memset(together, 0, sizeof together);
        memset(alone, 0, sizeof alone);
        memset(wanted, 0, sizeof wanted);
        for (int group = 0; group < 3; group++) {
            const size_t count = 1 + random_below(random, LANES);
            voiced_job jobs[LANES];
            int begins[LANES];
            fft_work work;
            for (size_t l = 0; l < LANES; l++) {
                const float f0_hz = 60.0f * exp2f(1.5f * (1.0f + random_sample(random)));
                draw_spectrum(rate, random, (double)f0_hz, power[l]);
                for (int k = 0; k < rate->bins; k++)
                    spectrum[k][l] = power[l][k];
                begins[l] = random_below(random, 4) == 0;
                jobs[l] = (voiced_job){.f0_hz = f0_hz, .track = &together[random_below(random, 2)]};
            }
            PROSODY_LEVEL_NAME(voice_lags)(rate->rate_hz, spectrum, jobs, begins, count, &work, weight, found);
            for (size_t l = 0; l < count; l++) {
                const size_t stream = (size_t)(jobs[l].track - together);
                figures right;
                const double *lags = right.lags;
                float again[16];
                expect(rate, power[l], (double)jobs[l].f0_hz, begins[l], &wanted[stream], &right);
                one_row(rate, power[l], jobs[l].f0_hz, begins[l], &alone[stream], again);
                for (int i = 0; i <= (rate->bins - 1) / 4; i++)
                    CHECK(fabs((double)weight[i][l] - right.weight[i]) < 2e-3, "weight %d is %g, not %g", i, (double)weight[i][l], right.weight[i]);
                for (int k = 0; k <= (rate->bins - 1) / 2; k++)
                    CHECK(fabs((double)work.re[k][l] - right.voice[k]) < 2e-4 * lags[0], "bin %d has %g, not %g", k, (double)work.re[k][l], right.voice[k]);
                for (int n = 0; n <= rate->order; n++) {
                    CHECK(fabs((double)found[n][l] - lags[n]) < 2e-4 * lags[0], "lag %d is %g, not %g of %g", n, (double)found[n][l], lags[n], lags[0]);
                    CHECK(found[n][l] == again[n], "lag %d is %g beside others and %g alone", n, (double)found[n][l], (double)again[n]);
                }
            }
        }
        CHECK(memcmp(together, alone, sizeof alone) == 0, "what is remembered depends on the grouping");
    }
}

/* Nothing, the loudest and the quietest there can be: numbers come out, and lags that the roots' finder can judge. */
static void test_extremes(const rate_case *rate, uint64_t *random) {
    const float scale[] = {0.0f, 1e-38f, 1e-20f, 1e10f, 1e15f};
    formant_track track;
    memset(&track, 0, sizeof track);
    for (int round = 0; round < 200; round++) {
        float power[BINS_MAX], lags[FORMANT_LAGS_MAX];
        const float f0_hz = random_below(random, 2) ? 55.0f : 800.0f;
        for (int k = 0; k < rate->bins; k++)
            power[k] = scale[random_below(random, 5)] * (random_below(random, 2) ? 1.0f : 0.0f);
        one_row(rate, power, f0_hz, random_below(random, 3) == 0, &track, lags);
        for (int n = 0; n <= rate->order; n++)
            CHECK(isfinite(lags[n]) && lags[0] >= 0, "lag %d is %g, lag 0 %g", n, (double)lags[n], (double)lags[0]);
    }
}

/* Called by main once the machine is known to have the level. */
int test_level(void);

int test_level(void) {
    uint64_t random = check_start("voice lags " PROSODY_LEVEL_STRING);
    for (int i = 0; i < 2; i++) {
        test_closed_forms(&rates[i]);
        test_definition(&rates[i], &random);
        test_extremes(&rates[i], &random);
    }
    return check_end();
}
