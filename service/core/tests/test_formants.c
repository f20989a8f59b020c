/* test_formants.c - formants of one SIMD level: known poles, the sum that the lags are, and hostile lags. Compiled once per level; main is in test_level_main.c. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "formants.h"

#define PI 3.14159265358979323846

typedef struct rate_case {
    int32_t rate_hz;
    int order, top;
    double ceiling_hz;
} rate_case;

static const rate_case rates[] = {{8000, 8, 128, 4000}, {16000, 11, 176, 5500}};

static double uniform(uint64_t *random, double low, double high) {
    return low + (high - low) * (0.5 + 0.5 * (double)random_sample(random));
}

/* Multiplies a[0 .. degree] by z^2 + p z + q. */
static void multiply(double *a, int degree, double p, double q) {
    a[degree + 1] = a[degree + 2] = 0;
    for (int k = degree + 2; k >= 1; k--)
        a[k] += p * a[k - 1] + (k >= 2 ? q * a[k - 2] : 0);
}

/* Autocorrelation of the all-pole process 1 / A, r[0] = 1: step-down to reflection coefficients, then Levinson's recursion read backwards.
 * Returns the power of the prediction error, from 0 to 1. */
static double lags_of(const double *a, int order, double *r) {
    double reflection[16], c[16], next[16], predictor[16] = {1};
    memcpy(c, a, sizeof(double) * (size_t)(order + 1));
    for (int n = order; n >= 1; n--) {
        const double k = reflection[n] = c[n];
        for (int i = 1; i < n; i++)
            next[i] = (c[i] - k * c[n - i]) / (1 - k * k);
        memcpy(c + 1, next + 1, sizeof(double) * (size_t)(n - 1));
    }
    double error = r[0] = 1;
    for (int n = 1; n <= order; n++) {
        r[n] = -reflection[n] * error;
        for (int i = 1; i < n; i++)
            r[n] -= predictor[i] * r[n - i];
        for (int i = 1; i < n; i++)
            next[i] = predictor[i] + reflection[n] * predictor[n - i];
        memcpy(predictor + 1, next + 1, sizeof(double) * (size_t)(n - 1));
        predictor[n] = reflection[n];
        error *= 1 - reflection[n] * reflection[n];
    }
    return error;
}

/* One vocal tract: resonances at least a tenth of the band apart, at 8 kHz sometimes two real roots in place of the last, at 16 kHz always one real root. */
static int draw_tract(const rate_case *rate, uint64_t *random, double *r, double *hz, double *width) {
    const int pairs = rate->order / 2 - (rate->order == 8 && random_below(random, 3) == 0);
    double a[20] = {1};
    for (int i = 0; i < pairs; i++) {
        hz[i] = rate->ceiling_hz * (i + uniform(random, 0.35, 0.85)) / (pairs + 0.2);
        width[i] = uniform(random, 50, 500);
        const double radius = exp(-PI * width[i] / (2 * rate->ceiling_hz));
        multiply(a, 2 * i, -2 * radius * cos(PI * hz[i] / rate->ceiling_hz), radius * radius);
    }
    if (2 * pairs < rate->order) {
        const double low = uniform(random, -0.8, -0.2), high = rate->order % 2 ? 0 : uniform(random, 0.2, 0.8);
        multiply(a, 2 * pairs, -(low + high), low * high); /* an odd order is even with a root at 0 */
    }
    lags_of(a, rate->order, r);
    return pairs;
}

/* The slots in double precision, every choice tried. */
static const struct {
    double low_hz, high_hz, widest_hz, neutral_hz, spread;
} slot[FORMANTS] = {{150, 1100, 400, 500, 0.35}, {600, 2800, 400, 1500, 0.35}, {1500, 3500, 500, 2600, 0.18}};

static double cost_of(int s, double hz, double width) {
    const double place = log(hz / slot[s].neutral_hz) / slot[s].spread;
    if (!(hz > slot[s].low_hz && hz < slot[s].high_hz && width < slot[s].widest_hz))
        return INFINITY;
    return 0.5 * place * place + 0.3 * log(fmax(width, 30) / 100);
}

/* Finds what is expected of poles in any order; returns how much dearer the next best choice is. */
static double choose_slots(const double *hz, const double *width, int count, double *f, double *b) {
    double best = INFINITY, second = INFINITY;
    int choice[FORMANTS];
    for (int code = 0; code < (count + 1) * (count + 1) * (count + 1); code++) {
        double cost = 0, last_hz = 0;
        for (int s = 0, rest = code; s < FORMANTS; s++, rest /= count + 1) {
            choice[s] = rest % (count + 1) - 1;
            cost += choice[s] < 0 ? 3 : hz[choice[s]] > last_hz ? cost_of(s, hz[choice[s]], width[choice[s]]) : INFINITY;
            last_hz = choice[s] < 0 ? last_hz : hz[choice[s]];
        }
        second = fmin(second, fmax(cost, best));
        if (cost >= best)
            continue;
        best = cost;
        for (int s = 0; s < FORMANTS; s++) {
            f[s] = choice[s] < 0 ? 0 : hz[choice[s]];
            b[s] = choice[s] < 0 ? 0 : fmax(width[choice[s]], 30);
        }
    }
    return second - best;
}

/* Whether it takes more than rounding to change what is expected. */
static int is_clear(const double *hz, const double *width, int count, double *f, double *b) {
    for (int i = 0; i < count; i++) {
        for (int s = 0; s < FORMANTS; s++)
            if (fabs(hz[i] - slot[s].low_hz) < 5 || fabs(hz[i] - slot[s].high_hz) < 5 || fabs(width[i] - slot[s].widest_hz) < 20)
                return 0;
        for (int j = 0; j < i; j++)
            if (fabs(hz[i] - hz[j]) + fabs(width[i] - width[j]) < 100)
                return 0;
    }
    return choose_slots(hz, width, count, f, b) > 0.1;
}

static void test_known_poles(const rate_case *rate, uint64_t *random) {
    int found = 0;
    for (int round = 0; round < 500; round++) {
        vf lags[FORMANT_LAGS_MAX], frequency[FORMANTS], bandwidth[FORMANTS];
        double f[LANES][FORMANTS], b[LANES][FORMANTS], r[16];
        int clear[LANES];
        for (int l = 0; l < LANES; l++) {
            double hz[8], width[8];
            const int count = draw_tract(rate, random, r, hz, width);
            clear[l] = is_clear(hz, width, count, f[l], b[l]);
            const double power = exp2(uniform(random, -40, 40));
            for (int i = 0; i <= rate->order; i++)
                lags[i][l] = (float)(r[i] * power);
        }
        PROSODY_LEVEL_NAME(formants)(rate->rate_hz, lags, frequency, bandwidth);
        /* 0.5 Hz: lags in single precision alone move narrow poles in deep valleys by that much. */
        for (int l = 0; l < LANES; l++)
            for (int i = 0; clear[l] && i < FORMANTS; i++) {
                found += f[l][i] > 0;
                CHECK(fabs((double)frequency[i][l] - f[l][i]) < 0.5, "F%d is %g Hz, not %g", i + 1, (double)frequency[i][l], f[l][i]);
                CHECK(fabs((double)bandwidth[i][l] - b[l][i]) < 1.0, "B%d is %g Hz, not %g", i + 1, (double)bandwidth[i][l], b[l][i]);
            }
    }
    CHECK(found > 250 * LANES, "%d formants", found);
}

/* Poles anywhere, with up to five real ones: the roots are found in all but a few of a thousand frames, as long as single precision of the lags holds them (half
 * of all speech has a prediction error above 0.16). */
static void test_any_poles(const rate_case *rate, uint64_t *random) {
    int frames = 0, wrong = 0;
    for (int round = 0; round < 10000 / LANES; round++) {
        vf lags[FORMANT_LAGS_MAX], frequency[FORMANTS], bandwidth[FORMANTS];
        double f[LANES][FORMANTS], b[LANES][FORMANTS], r[16];
        int clear[LANES];
        for (int l = 0; l < LANES; l++) {
            const int pairs = rate->order / 2 - (int)random_below(random, 3);
            double a[24] = {1}, hz[8], width[8];
            int degree = 0;
            for (; degree < 2 * pairs; degree += 2) {
                hz[degree / 2] = rate->ceiling_hz * uniform(random, 0.005, 0.995);
                width[degree / 2] = uniform(random, 50, 1000);
                const double radius = exp(-PI * width[degree / 2] / (2 * rate->ceiling_hz));
                multiply(a, degree, -2 * radius * cos(PI * hz[degree / 2] / rate->ceiling_hz), radius * radius);
            }
            for (; degree < rate->order; degree += 2) {
                const double low = uniform(random, -0.9, 0.9), high = degree + 1 < rate->order ? uniform(random, -0.9, 0.9) : 0;
                multiply(a, degree, -(low + high), low * high);
            }
            const double error = lags_of(a, rate->order, r);
            for (int i = 0; i <= rate->order; i++)
                lags[i][l] = (float)r[i];
            clear[l] = is_clear(hz, width, pairs, f[l], b[l]) && error > 0.1;
        }
        PROSODY_LEVEL_NAME(formants)(rate->rate_hz, lags, frequency, bandwidth);
        for (int l = 0; l < LANES; l++) {
            int differ = 0;
            for (int i = 0; i < FORMANTS; i++)
                differ |= fabs((double)frequency[i][l] - f[l][i]) > 5;
            frames += clear[l];
            wrong += clear[l] && differ;
        }
    }
    CHECK(frames > 1000, "%d frames", frames);
    CHECK(wrong * 300 < frames, "%d of %d frames are wrong at %d Hz", wrong, frames, rate->rate_hz);
}

/* One pole goes to the slot that it suits, or nowhere; one narrower than any formant counts as the narrowest. */
static void test_where_one_pole_goes(const rate_case *rate) {
    const struct {
        double hz, width;
        int at;
    } one[] = {{500, 80, 0},   {1500, 100, 1},  {2600, 150, 2},  {1300, 390, 1}, {1300, 410, -1}, {2900, 490, 2}, {2900, 510, -1},
               {250, 60, 0},   {140, 60, -1},   {1050, 100, 1},  {3490, 60, 2},  {3510, 60, -1},  {700, 150, 0},  {2000, 60, 1},
               {1500, 10, 1}};
    for (size_t i = 0; i < sizeof one / sizeof one[0]; i++) {
        vf lags[FORMANT_LAGS_MAX], frequency[FORMANTS], bandwidth[FORMANTS];
        double a[20] = {1}, r[16];
        const double radius = exp(-PI * one[i].width / (2 * rate->ceiling_hz));
        multiply(a, 0, -2 * radius * cos(PI * one[i].hz / rate->ceiling_hz), radius * radius);
        for (int k = 3; k <= rate->order; k++)
            a[k] = 0;
        lags_of(a, rate->order, r);
        for (int k = 0; k <= rate->order; k++)
            lags[k] = splat((float)r[k]);
        PROSODY_LEVEL_NAME(formants)(rate->rate_hz, lags, frequency, bandwidth);
        for (int s = 0; s < FORMANTS; s++) {
            const double hz = s == one[i].at ? one[i].hz : 0, width = s == one[i].at ? fmax(one[i].width, 30) : 0;
            CHECK(fabs((double)frequency[s][0] - hz) < 2, "%g Hz, %g wide: F%d is %g", one[i].hz, one[i].width, s + 1, (double)frequency[s][0]);
            CHECK(fabs((double)bandwidth[s][0] - width) < 2, "%g Hz, %g wide: B%d is %g", one[i].hz, one[i].width, s + 1, (double)bandwidth[s][0]);
        }
    }
}

static void test_lags(const rate_case *rate, uint64_t *random) {
    vf power[177], lags[FORMANT_LAGS_MAX];
    for (int k = 0; k <= rate->top; k++)
        for (int l = 0; l < LANES; l++)
            power[k][l] = exp2f(10.0f * random_sample(random));
    PROSODY_LEVEL_NAME(formant_lags)(rate->rate_hz, power, lags);
    for (int l = 0; l < LANES; l++) {
        double r[16] = {0};
        for (int k = 0; k <= rate->top; k++)
            for (int n = 0; n <= rate->order; n++) {
                r[n] += (double)power[k][l] * cos(n * PI * k / rate->top) * (k == 0 || k == rate->top ? 0.5 : 1);
            }
        for (int n = 0; n <= rate->order; n++)
            CHECK(fabs((double)lags[n][l] - r[n]) < 2e-6 * r[0], "lag %d is %g, not %g", n, (double)lags[n][l], r[n]);
    }
}

static int is_autocorrelation(const vf *lags, int count, int lane) {
    int good = lags[0][lane] > 0 && lags[0][lane] < INFINITY;
    for (int i = 1; i < count; i++)
        good &= fabsf(lags[i][lane]) <= lags[0][lane];
    return good;
}

/* A lane's result is the same to the bit whatever its neighbours hold, and never anything but formants or 0. */
static void test_hostile_lags(const rate_case *rate, uint64_t *random) {
    const float odd[] = {0.0f, -0.0f, -1.0f, NAN, INFINITY, -INFINITY, 1e-45f, 3e38f, 1e-30f, 1.0f};
    const int lag_count = rate->order + 1;
    for (int round = 0; round < 3000; round++) {
        vf lags[FORMANT_LAGS_MAX], other[FORMANT_LAGS_MAX], frequency[FORMANTS], bandwidth[FORMANTS], again[FORMANTS], again_width[FORMANTS];
        const int kept = (int)random_below(random, LANES);
        for (int l = 0; l < LANES; l++) {
            const float decay = 1.0f + random_sample(random);
            for (int i = 0; i < lag_count; i++) {
                lags[i][l] = i == 0 ? 1.0f : round % 2 ? cosf(decay * (float)i) : random_sample(random);
                if (random_below(random, 40) == 0)
                    lags[i][l] = odd[random_below(random, sizeof odd / sizeof odd[0])];
                other[i][l] = l == kept ? lags[i][l] : i == 0 ? 1.0f : random_sample(random);
            }
        }
        PROSODY_LEVEL_NAME(formants)(rate->rate_hz, lags, frequency, bandwidth);
        PROSODY_LEVEL_NAME(formants)(rate->rate_hz, other, again, again_width);
        for (int i = 0; i < FORMANTS; i++) {
            CHECK(frequency[i][kept] == again[i][kept] && bandwidth[i][kept] == again_width[i][kept], "lane %d depends on its neighbours", kept);
            for (int l = 0; l < LANES; l++) {
                const double hz = (double)frequency[i][l], width = (double)bandwidth[i][l];
                CHECK(hz == 0 ? width == 0 : hz > slot[i].low_hz && hz < slot[i].high_hz && width >= 30 && width < slot[i].widest_hz, "F%d %g Hz, %g wide", i + 1, hz, width);
                CHECK(i == 0 || hz == 0 || hz >= (double)frequency[i - 1][l], "F%d %g below the one before", i + 1, hz);
                CHECK(is_autocorrelation(lags, lag_count, l) || hz == 0, "lag 0 is %g and F%d %g", (double)lags[0][l], i + 1, hz);
            }
        }
    }
}

/* Called by main once the machine is known to have the level. */
int test_level(void);

int test_level(void) {
    uint64_t random = check_start("formants " PROSODY_LEVEL_STRING);
    for (int i = 0; i < 2; i++) {
        test_known_poles(&rates[i], &random);
        test_any_poles(&rates[i], &random);
        test_where_one_pole_goes(&rates[i]);
        test_lags(&rates[i], &random);
        test_hostile_lags(&rates[i], &random);
    }
    return check_end();
}
