/* test_periods.c - jitter and shimmer of one SIMD level: pulse trains whose periods are known, and what may not matter. Compiled once per level; main is in
 * test_level_main.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "periods_kernel.h"

#define ROWS 100
#define SIZE (ROWS * 160)

typedef struct figures {
    float jitter[ROWS], shimmer_db[ROWS];
} figures;

/* Rows of a stream whose first sample is at position `offset` rows, all samples at hand. */
static void run(int32_t rate_hz, const float *x, int64_t size, int64_t offset, const float *f0_hz, figures *out) {
    const int64_t start = offset * rate_hz / 100;
    period_chain chain;
    memset(&chain, 0, sizeof chain);
    for (int64_t j = 0; j < ROWS; j++)
        PROSODY_LEVEL_NAME(periods)(&chain, rate_hz, x, start, start + size, offset + j, f0_hz[j], &out->jitter[j], &out->shimmer_db[j]);
}

/* One smooth pulse of 17 samples centred at `at`. */
static void add_pulse(float *x, int size, int at, float height) {
    for (int n = at - 8; n <= at + 8; n++)
        if (n >= 0 && n < size)
            x[n] += height * expf(-0.125f * (float)((n - at) * (n - at))) * cosf(0.9f * (float)(n - at));
}

/* Periods alternate between `period` - `less` and `period` + `less` samples, heights between 1 and `ratio`. */
static void pulse_train(float *x, int size, int period, int less, float ratio) {
    memset(x, 0, sizeof(float) * (size_t)size);
    int k = 0;
    for (int at = 20; at < size; k++) {
        add_pulse(x, size, at, 0.1f * (k % 2 ? ratio : 1.0f));
        at += k % 2 ? period - less : period + less;
    }
}

static void fill(float *f0_hz, float value) {
    for (int j = 0; j < ROWS; j++)
        f0_hz[j] = value;
}

/* Jitter is 2 less / period and shimmer 20 lg(1 + |ratio - 1| / mean) wherever a period begins. */
static void test_known_periods(int32_t rate_hz) {
    static float x[SIZE], f0_hz[ROWS];
    static figures found;
    const struct {
        int period, less;
        float ratio;
    } cases[] = {{80, 0, 1.0f}, {80, 1, 1.0f}, {81, 2, 1.1f}, {47, 1, 0.9f}, {130, 0, 1.3f}, {33, 0, 1.2f}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const double jitter = 2.0 * cases[i].less / cases[i].period, ratio = (double)cases[i].ratio;
        const double shimmer_db = 20 * log10(1 + fabs(ratio - 1) / (0.5 * (ratio + 1)));
        int rows = 0;
        pulse_train(x, SIZE, cases[i].period, cases[i].less, cases[i].ratio);
        fill(f0_hz, (float)rate_hz / (float)cases[i].period);
        run(rate_hz, x, SIZE, 0, f0_hz, &found);
        for (int j = 3; j < SIZE * 100 / rate_hz - 6 && j < ROWS; j++) {
            const double got = (double)found.jitter[j], got_db = (double)found.shimmer_db[j];
            if (got == 0 && got_db == 0)
                continue; /* no period begins in this row, or all is alike */
            rows++;
            CHECK(fabs(got - jitter) < 1e-5, "period %d: jitter %g, not %g", cases[i].period, got, jitter);
            CHECK(fabs(got_db - shimmer_db) < 1e-4, "period %d: shimmer %g dB, not %g", cases[i].period, got_db, shimmer_db);
        }
        CHECK(rows > 50 || (cases[i].less == 0 && cases[i].ratio == 1.0f), "only %d rows have a period", rows);
    }
}

/* A voice-like sound with pauses, and an F0 contour that is nearly its own. */
static void voice(int32_t rate_hz, float *x, float *f0_hz, uint64_t *random) {
    double phase = 0;
    for (int n = 0; n < SIZE; n++) {
        const int row = n / (rate_hz / 100);
        const double f0 = 130 + 60 * sin(row * 0.09);
        phase += f0 / rate_hz;
        double value = 0;
        for (int h = 1; h <= 8; h++)
            value += sin(6.283185307 * h * phase) / h;
        x[n] = (float)(0.05 * value) + 0.002f * random_sample(random);
        if (row < ROWS)
            f0_hz[row] = row % 23 < 3 ? 0.0f : (float)f0 * (1.0f + 0.02f * random_sample(random));
    }
}

typedef struct plain_period {
    double length, gain, match;
} plain_period;

/* The definition as it reads (tests/reference/egemaps/periods.py), in double precision. */
static int plain_next(const float *x, int64_t size, int64_t mark, double expected, plain_period *out) {
    const int width = (int)rint(expected), high = (int)ceil(expected * 1.15);
    int low = (int)(expected * 0.85), best = 0;
    double c[512], most = -1e9, slope = 1;
    low = low < 2 ? 2 : low;
    if (mark + high + 2 + width > size)
        return 0;
    for (int lag = low - 1; lag <= high + 1; lag++) {
        double dot = 0, own = 0, other = 0;
        for (int n = 0; n < width; n++) {
            const double a = (double)x[mark + n], b = (double)x[mark + lag + n];
            dot += a * b, own += a * a, other += b * b;
        }
        c[lag] = dot / sqrt(own * other + 1e-12);
        if (lag >= low && lag <= high && c[lag] > most) {
            most = c[lag], best = lag, dot = c[lag] * sqrt(own * other);
            slope = dot > 0 ? (other - own + sqrt((other - own) * (other - own) + 4 * dot * dot)) / (2 * dot) : 1;
        }
    }
    const double bend = c[best - 1] - 2 * c[best] + c[best + 1];
    const double shift = bend < 0 ? fmax(-0.5, fmin(0.5, 0.5 * (c[best - 1] - c[best + 1]) / bend)) : 0;
    *out = (plain_period){best + shift, slope, most};
    return 1;
}

static void plain_run(int32_t rate_hz, const float *x, int64_t size, const float *f0_hz, figures *out) {
    const int64_t hop = rate_hz / 100;
    int64_t mark = 0;
    plain_period before = {0, 0, 0}, now;
    for (int j = 0; j < ROWS; j++) {
        double jitter = 0, shimmer_db = 0;
        int pairs = 0;
        out->jitter[j] = out->shimmer_db[j] = 0;
        if (f0_hz[j] <= 0) {
            before.length = 0;
            continue;
        }
        if (before.length == 0 || mark < j * hop) {
            if (mark < (j - 1) * hop)
                before.length = 0;
            mark = j * hop;
        }
        while (mark < (j + 1) * hop && plain_next(x, size, mark, (double)rate_hz / (double)f0_hz[j], &now)) {
            const double change = fabs(now.length - before.length) / (0.5 * (now.length + before.length));
            if (before.length > 0 && fmin(now.match, before.match) >= 0.85 && change <= 0.1) {
                jitter += change;
                shimmer_db += 20 * log10(1 + fabs(before.gain - 1) / (0.5 * (before.gain + 1)));
                pairs++;
            }
            before = now;
            mark += (int64_t)rint(now.length);
        }
        if (pairs > 0)
            out->jitter[j] = (float)(jitter / pairs), out->shimmer_db[j] = (float)(shimmer_db / pairs);
    }
}

/* Against the definition, over voices with noise of which some is loud, clicks and an F0 of up to 8 % beside the truth. */
static void test_definition(int32_t rate_hz, uint64_t *random) {
    static float x[SIZE], f0_hz[ROWS];
    static figures found, wanted;
    int rows = 0, unequal = 0;
    for (int round = 0; round < 10; round++) {
        voice(rate_hz, x, f0_hz, random);
        for (int n = 0; n < SIZE; n++)
            x[n] += n / 900 % 7 == round % 7 ? 0.05f * random_sample(random) : 0.0f;
        for (int k = 0; k < 20; k++)
            x[random_below(random, SIZE)] += 2.0f * random_sample(random);
        for (int j = 0; j < ROWS; j++)
            f0_hz[j] *= 1.0f + 0.08f * random_sample(random);
        run(rate_hz, x, SIZE, 0, f0_hz, &found);
        plain_run(rate_hz, x, SIZE, f0_hz, &wanted);
        for (int j = 0; j < ROWS; j++) {
            rows += wanted.jitter[j] > 0;
            unequal += fabsf(found.jitter[j] - wanted.jitter[j]) > 2e-5f || fabsf(found.shimmer_db[j] - wanted.shimmer_db[j]) > 2e-4f;
        }
    }
    CHECK(rows > 200, "only %d rows have jitter", rows);
    /* Where two lags are as good, or half a sample decides where the next period begins, single precision may go the other way. */
    CHECK(unequal <= 2, "%d of 1000 rows are unlike the definition", unequal);
}

/* The same to the bit from the least that a row needs, in memory of exactly that size, as from the whole; and wherever in a long stream. */
static void test_what_does_not_matter(int32_t rate_hz, uint64_t *random) {
    static float x[SIZE], f0_hz[ROWS];
    static figures whole, late, cut;
    const int hop = rate_hz / 100, size = ROWS * hop;
    voice(rate_hz, x, f0_hz, random);
    run(rate_hz, x, size, 0, f0_hz, &whole);
    run(rate_hz, x, size, 1000000000000, f0_hz, &late);
    CHECK(memcmp(&whole, &late, sizeof whole) == 0, "depends on where in the stream it is");
    period_chain chain;
    memset(&chain, 0, sizeof chain);
    for (int j = 0; j < ROWS; j++) {
        const int from = j * hop, to = from + 6 * hop < size ? from + 6 * hop : size;
        float *copy = malloc(sizeof(float) * (size_t)(to - from));
        memcpy(copy, x + from, sizeof(float) * (size_t)(to - from));
        PROSODY_LEVEL_NAME(periods)(&chain, rate_hz, copy, from, to, j, f0_hz[j], &cut.jitter[j], &cut.shimmer_db[j]);
        free(copy);
    }
    CHECK(memcmp(&whole, &cut, sizeof whole) == 0, "depends on how much is at hand");
    double sum = 0;
    for (int j = 0; j < ROWS; j++) {
        sum += (double)whole.jitter[j];
        CHECK(f0_hz[j] > 0 || (whole.jitter[j] == 0 && whole.shimmer_db[j] == 0), "unvoiced row %d has jitter", j);
    }
    CHECK(sum > 0.01, "no jitter at all");
}

/* An unvoiced row breaks the chain: what follows does not depend on what was before. */
static void test_chain_breaks(int32_t rate_hz, uint64_t *random) {
    static float x[SIZE], f0_hz[ROWS];
    static figures one, other;
    voice(rate_hz, x, f0_hz, random);
    run(rate_hz, x, SIZE, 0, f0_hz, &one);
    for (int j = 0; j < 23; j++)
        f0_hz[j] = 0.0f;
    run(rate_hz, x, SIZE, 0, f0_hz, &other);
    CHECK(memcmp(one.jitter + 23, other.jitter + 23, sizeof(float) * (ROWS - 23)) == 0, "the chain goes on through silence");
    CHECK(memcmp(one.jitter, other.jitter, sizeof(float) * 23) != 0, "the first rows should differ");
}

/* Odd F0 and sounds, in memory of exactly the size that is stated: always finite and bounded. */
static void test_hostile(int32_t rate_hz, uint64_t *random) {
    const float odd[] = {NAN, INFINITY, -100.0f, 1e-30f, 20.0f, 33.4f, 45.0f, 60.0f, 499.0f, 3999.0f, 7000.0f, 1e30f};
    const int hop = rate_hz / 100;
    period_chain chain;
    memset(&chain, 0, sizeof chain);
    for (int j = 0; j < 4000; j++) {
        const int size = (int)random_below(random, 7 * (size_t)hop) + 1, kind = (int)random_below(random, 5);
        float *x = malloc(sizeof(float) * (size_t)size), jitter, shimmer_db;
        for (int n = 0; n < size; n++)
            x[n] = kind == 0 ? 0.0f : kind == 1 ? 256.0f * random_sample(random) : kind == 2 ? (n == hop / 2 ? 256.0f : 0.0f) : kind == 3 ? 1e-30f : 0.5f * sinf(0.07f * (float)n);
        const float f0_hz = random_below(random, 4) == 0 ? odd[random_below(random, sizeof odd / sizeof odd[0])] : 60.0f + 200.0f * (1.0f + random_sample(random));
        PROSODY_LEVEL_NAME(periods)(&chain, rate_hz, x, (int64_t)j * hop, (int64_t)j * hop + size, j, f0_hz, &jitter, &shimmer_db);
        CHECK(jitter >= 0 && jitter <= 0.1f, "jitter %g of F0 %g", (double)jitter, (double)f0_hz);
        CHECK(shimmer_db >= 0 && shimmer_db < 10, "shimmer %g dB of F0 %g", (double)shimmer_db, (double)f0_hz);
        free(x);
    }
}

/* Called by main once the machine is known to have the level. */
int test_level(void);

int test_level(void) {
    uint64_t random = check_start("periods " PROSODY_LEVEL_STRING);
    for (int32_t rate_hz = 8000; rate_hz <= 16000; rate_hz += 8000) {
        test_known_periods(rate_hz);
        test_definition(rate_hz, &random);
        test_what_does_not_matter(rate_hz, &random);
        test_chain_breaks(rate_hz, &random);
        test_hostile(rate_hz, &random);
    }
    return check_end();
}
