/* test_band_edges.c - what a line cuts off, of one SIMD level: the definition in double precision, whole spectra, and hostile ones. Compiled once per level; main is in
 * test_level_main.c. */
#include <math.h>
#include <string.h>

#include "band_edges.h"
#include "check.h"
#include "formants.h"

#define PI 3.14159265358979323846
#define BINS_MAX 177

typedef struct rate_case {
    int32_t rate_hz;
    int order, top, edges;
} rate_case;

static const rate_case rates[] = {{8000, 8, 128, 2}, {16000, 11, 176, 1}};
static const int first_bin[] = {0, 112}, last_bin[] = {8, 128};

static double half_at_ends(const rate_case *rate, int k) {
    return k == 0 || k == rate->top ? 0.5 : 1;
}

static void lags_of(const rate_case *rate, const double *power, double *r) {
    for (int n = 0; n <= rate->order; n++) {
        r[n] = 0;
        for (int k = 0; k <= rate->top; k++)
            r[n] += half_at_ends(rate, k) * power[k] * cos(PI * n * k / rate->top);
    }
}

/* Predictor 1, a_1 .. by Levinson-Durbin; returns the power of its error. */
static double predictor_of(const rate_case *rate, const double *r, double *a) {
    double error = r[0] * (1 + 1e-9), next[16];
    memset(a, 0, sizeof(double) * 16);
    a[0] = 1;
    for (int i = 1; i <= rate->order; i++) {
        double k = 0;
        for (int j = 0; j < i; j++)
            k -= a[j] * r[i - j] / error;
        memcpy(next, a, sizeof next);
        for (int j = 1; j <= i; j++)
            next[j] = a[j] + k * a[i - j];
        memcpy(a, next, sizeof next);
        error *= 1 - k * k;
    }
    return error;
}

static double response(const rate_case *rate, const double *a, int k) {
    double re = 0, im = 0;
    for (int n = 0; n <= rate->order; n++) {
        re += a[n] * cos(PI * n * k / rate->top);
        im += a[n] * sin(PI * n * k / rate->top);
    }
    return re * re + im * im;
}

/* The definition as it reads (tests/reference/egemaps/band_edges.py). */
static void expect(const rate_case *rate, const float *heard, double *held) {
    for (int k = 0; k <= rate->top; k++)
        held[k] = (double)heard[k];
    for (int step = 0; step < 2; step++) {
        double r[16] = {0}, a[16];
        lags_of(rate, held, r);
        const double error = predictor_of(rate, r, a);
        for (int i = 0; i < rate->edges; i++) {
            double total = 0, there = 0;
            for (int k = first_bin[i]; k <= last_bin[i]; k++) {
                total += half_at_ends(rate, k) * error / (rate->top * response(rate, a, k));
                there += half_at_ends(rate, k) * (double)heard[k];
            }
            const double most = fmin(1, r[0] / total), kept = fmin(1, there / (0.6 * total * most));
            for (int k = first_bin[i]; k <= last_bin[i]; k++) {
                const double missing = most * error / (rate->top * response(rate, a, k)), wanted = missing + kept * ((double)heard[k] - missing);
                held[k] = fmax(0, held[k] + 1.9 * (wanted - held[k]));
            }
        }
    }
}

/* Three peaks of some width and height, no bin 40 dB under the loudest, the edges of some of them cut off. */
static void draw_spectrum(const rate_case *rate, uint64_t *random, float *power) {
    double peak[3], loudest = 0;
    for (int i = 0; i < 3; i++)
        peak[i] = (0.1 + 0.3 * i + 0.1 * (double)random_sample(random)) * rate->top;
    const double width = 0.1 * rate->top * (1.5 + (double)random_sample(random)), cut = random_below(random, 2) ? 1e-4 : 1;
    for (int k = 0; k <= rate->top; k++) {
        double sum = 0.001;
        for (int i = 0; i < 3; i++)
            sum += exp2(-2.0 * i) / (1 + (k - peak[i]) * (k - peak[i]) / (0.02 * width * width));
        power[k] = (float)(sum * (1 + 0.3 * (double)random_sample(random)));
        loudest = fmax(loudest, sum);
    }
    for (int k = 0; k <= rate->top; k++)
        power[k] *= (float)((k <= 8 || k >= 112) && rate->rate_hz == 8000 ? cut : k <= 8 ? cut : 1) / (float)loudest;
}

static void complete(const rate_case *rate, const vf *power, vf *lags) {
    PROSODY_LEVEL_NAME(formant_lags)(rate->rate_hz, power, lags);
    PROSODY_LEVEL_NAME(complete_band)(rate->rate_hz, power, lags);
}

/* Lags in units of lag 0 are those of the completed spectrum; whatever the neighbours hold, and at any level. */
static void test_definition(const rate_case *rate, uint64_t *random) {
    int changed = 0;
    for (int round = 0; round < 100; round++) {
        static float heard[LANES][BINS_MAX];
        vf power[BINS_MAX], lags[FORMANT_LAGS_MAX], alone[FORMANT_LAGS_MAX], plain[FORMANT_LAGS_MAX];
        for (int l = 0; l < LANES; l++) {
            draw_spectrum(rate, random, heard[l]);
            for (int k = 0; k <= rate->top; k++)
                power[k][l] = heard[l][k];
        }
        PROSODY_LEVEL_NAME(formant_lags)(rate->rate_hz, power, plain);
        complete(rate, power, lags);
        for (int l = 0; l < LANES; l++) {
            double held[BINS_MAX], r[16];
            expect(rate, heard[l], held);
            lags_of(rate, held, r);
            for (int n = 1; n <= rate->order; n++)
                CHECK(fabs((double)(lags[n][l] / lags[0][l]) - r[n] / r[0]) < 1e-4, "lag %d is %g, not %g", n, (double)(lags[n][l] / lags[0][l]), r[n] / r[0]);
            changed += fabsf(lags[1][l] / lags[0][l] - plain[1][l] / plain[0][l]) > 1e-3f;
        }
        for (int k = 0; k <= rate->top; k++)
            power[k] = splat(0x1p20f * heard[0][k]);
        complete(rate, power, alone);
        for (int n = 0; n <= rate->order; n++)
            CHECK(fabsf(alone[n][LANES - 1] / alone[0][LANES - 1] - lags[n][0] / lags[0][0]) < 1e-6f, "lag %d depends on its lane or on the level", n);
    }
    CHECK(changed > 10 * LANES, "only %d spectra had anything cut off", changed);
}

/* A spectrum that prediction fits, with nothing cut off, stays what it is. */
static void test_whole(const rate_case *rate) {
    vf power[BINS_MAX], lags[FORMANT_LAGS_MAX], plain[FORMANT_LAGS_MAX];
    for (int k = 0; k <= rate->top; k++)
        power[k] = splat((float)(1 / (1.3 - cos(PI * (k - 20) / rate->top)) + 1 / (1.3 - cos(PI * (k + 20) / rate->top))));
    PROSODY_LEVEL_NAME(formant_lags)(rate->rate_hz, power, plain);
    complete(rate, power, lags);
    for (int n = 1; n <= rate->order; n++)
        CHECK(fabsf(lags[n][0] / lags[0][0] - plain[n][0] / plain[0][0]) < 1e-5f, "lag %d of a whole spectrum moved from %g to %g", n,
              (double)(plain[n][0] / plain[0][0]), (double)(lags[n][0] / lags[0][0]));
}

/* Nothing at all, single bins, the loudest and the quietest, what is no number: finite lags that the roots' finder can judge, or those that were no autocorrelation. */
static void test_hostile(const rate_case *rate, uint64_t *random) {
    const float scale[] = {0.0f, 1e-38f, 1e-20f, 1.0f, 1e15f, 1e36f, NAN, INFINITY};
    for (int round = 0; round < 300; round++) {
        vf power[BINS_MAX], lags[FORMANT_LAGS_MAX], plain[FORMANT_LAGS_MAX], frequency[FORMANTS], bandwidth[FORMANTS];
        const size_t kinds = round % 2 ? 8 : 6, rare = 1 + random_below(random, 100);
        for (int k = 0; k <= rate->top; k++)
            for (int l = 0; l < LANES; l++)
                power[k][l] = random_below(random, rare) ? 0.0f : scale[random_below(random, kinds)];
        PROSODY_LEVEL_NAME(formant_lags)(rate->rate_hz, power, plain);
        complete(rate, power, lags);
        PROSODY_LEVEL_NAME(formants)(rate->rate_hz, lags, frequency, bandwidth);
        for (int l = 0; l < LANES; l++) {
            int valid = plain[0][l] >= 1.17549435e-38f && plain[0][l] <= 3.40282347e38f;
            for (int n = 1; n <= rate->order; n++)
                valid &= fabsf(plain[n][l]) <= plain[0][l];
            for (int n = 0; n <= rate->order; n++)
                CHECK(valid ? isfinite(lags[n][l]) : memcmp((const float *)&lags[n] + l, (const float *)&plain[n] + l, sizeof(float)) == 0, "lag %d became %g from %g", n,
                      (double)lags[n][l], (double)plain[n][l]);
            for (int i = 0; i < FORMANTS; i++)
                CHECK(frequency[i][l] == 0.0f || (frequency[i][l] > 0.0f && frequency[i][l] < 4000.0f), "a formant at %g", (double)frequency[i][l]);
        }
    }
}

/* Called by main once the machine is known to have the level. */
int test_level(void);

int test_level(void) {
    uint64_t random = check_start("band edges " PROSODY_LEVEL_STRING);
    for (int i = 0; i < 2; i++) {
        test_definition(&rates[i], &random);
        test_whole(&rates[i]);
        test_hostile(&rates[i], &random);
    }
    return check_end();
}
