/* test_lanes.c - the vector mathematics and transforms of one SIMD level against double precision. Compiled once per level; its main is in
 * test_level_main.c, compiled for any machine. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "fft.h"
#include "prosody.h"

#define PI 3.14159265358979323846

static void test_functions(uint64_t *random) {
    for (int round = 0; round < 20000; round++) {
        vf x, y;
        for (int l = 0; l < LANES; l++) {
            x[l] = exp2f(120.0f * random_sample(random));
            y[l] = 125.0f * random_sample(random);
        }
        vf logs = vlog2(x), powers = vexp2(y), roots = vsqrt(x);
        for (int l = 0; l < LANES; l++) {
            CHECK(fabs((double)logs[l] - log2((double)x[l])) <= 2.5e-7 * fmax(1.0, fabs(log2((double)x[l]))), "log2(%g) is %g", (double)x[l], (double)logs[l]);
            CHECK(fabs((double)powers[l] / exp2((double)y[l]) - 1) < 4e-7, "2^%g is %g", (double)y[l], (double)powers[l]);
            CHECK(roots[l] == sqrtf(x[l]), "sqrt(%g)", (double)x[l]);
        }
    }
    vf near_one = splat(1.0f) + 1e-4f;
    CHECK(fabs((double)vlog2(near_one)[0] / log2((double)near_one[0]) - 1) < 1e-6, "log2 near 1");
}

static void test_angles(uint64_t *random) {
    for (int round = 0; round < 20000; round++) {
        vf x, y;
        for (int l = 0; l < LANES; l++) {
            x[l] = random_sample(random) * exp2f(20.0f * random_sample(random));
            y[l] = random_sample(random) * exp2f(20.0f * random_sample(random));
        }
        vf angle = vatan2(y, x);
        for (int l = 0; l < LANES; l++)
            CHECK(fabs((double)angle[l] - atan2((double)y[l], (double)x[l])) < 4e-7, "atan2(%g, %g) is %g", (double)y[l], (double)x[l], (double)angle[l]);
    }
    CHECK(vatan2(splat(0.0f), splat(0.0f))[0] == 0.0f, "angle of the origin");
    CHECK(fabs((double)vatan2(splat(0.0f), splat(-1.0f))[0] - PI) < 4e-7, "angle of -1");
}

static void test_moves(uint64_t *random) {
    vf v[LANES], t[LANES], up;
    for (int i = 0; i < LANES; i++)
        for (int l = 0; l < LANES; l++)
            v[i][l] = random_sample(random);
    memcpy(t, v, sizeof v);
    transpose(t);
    for (int i = 0; i < LANES; i++)
        for (int l = 0; l < LANES; l++)
            CHECK(t[i][l] == v[l][i], "row %d lane %d", i, l);
    up = lane_before(v[0]);
    for (int l = 0; l < LANES; l++)
        CHECK(up[l] == v[0][l > 0 ? l - 1 : 0], "lane %d moved up", l);
    for (uint32_t bits = 0; bits < (1u << LANES); bits += 1 + (uint32_t)random_below(random, 37)) {
        vi mask;
        for (int l = 0; l < LANES; l++)
            mask[l] = -(int32_t)(bits >> l & 1);
        CHECK(mask_bits(mask) == bits, "mask %x", bits);
    }
}

/* Power spectrum of windowed frames of `size` samples, and squares of pairs before or after the window, against sums in double. */
static void test_power(int fft, int size, int windowed, uint64_t *random) {
    static float x[LANES][1024], weights[1024];
    static fft_work work;
    static vf power[513], squares[512];
    const float *frames[LANES];
    for (int l = 0; l < LANES; l++) {
        frames[l] = x[l];
        for (int n = 0; n < size; n++)
            x[l][n] = random_sample(random);
    }
    for (int n = 0; n < size; n++)
        weights[n] = 0.5f + 0.5f * random_sample(random);
    fft_power(&work, frames, weights, size, fft / 2, power, &(fft_pairs){16, size - 16, windowed, squares});
    for (int n = 16; n < size - 16; n += 2)
        for (int l = 0; l < LANES; l++) {
            const double a = (double)x[l][n] * (windowed ? (double)weights[n] : 1), b = (double)x[l][n + 1] * (windowed ? (double)weights[n + 1] : 1);
            CHECK(fabs((double)squares[(n - 16) / 2][l] - (a * a + b * b)) < 1e-6, "pair %d of lane %d is %g, not %g", n, l, (double)squares[(n - 16) / 2][l], a * a + b * b);
        }
    for (int l = 0; l < LANES; l += 3)
        for (int k = 0; k <= fft / 2; k++) {
            double re = 0, im = 0, total = 0;
            for (int n = 0; n < size; n++) {
                const double value = (double)x[l][n] * (double)weights[n];
                re += value * cos(2 * PI * k * n / fft), im += value * sin(2 * PI * k * n / fft), total += value * value;
            }
            CHECK(fabs((double)power[k][l] - (re * re + im * im)) < 1e-5 * total, "bin %d of %d: %g, not %g", k, fft, (double)power[k][l], re * re + im * im);
        }
}

static void test_cosine(int half, int lags, uint64_t *random) {
    static fft_work work;
    static vf s[513], r[512];
    double total = 0;
    for (int k = 0; k <= half; k++) {
        for (int l = 0; l < LANES; l++)
            s[k][l] = 1.0f + random_sample(random);
        total += (double)s[k][0];
    }
    fft_cosine(&work, s, r, lags, half);
    for (int m = 0; m < lags; m++) {
        double sum = 0.5 * ((double)s[0][0] + (m % 2 ? -1 : 1) * (double)s[half][0]);
        for (int j = 1; j < half; j++)
            sum += (double)s[j][0] * cos(PI * j * m / half);
        CHECK(fabs((double)r[m][0] - sum) < 2e-6 * total, "lag %d: %g, not %g", m, (double)r[m][0], sum);
    }
}

/* Called by main once the machine is known to have the level. */
int test_level(void);

int test_level(void) {
    uint64_t random = check_start("lanes " PROSODY_LEVEL_STRING);
    test_functions(&random);
    test_angles(&random);
    test_moves(&random);
    test_power(256, 160, 0, &random);
    test_power(512, 320, 0, &random);
    test_power(512, 384, 1, &random);
    test_power(512, 512, 1, &random);
    test_power(1024, 960, 0, &random);
    test_cosine(256, 160, &random);
    test_cosine(512, 336, &random);
    return check_end();
}
