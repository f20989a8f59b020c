/* test_functionals.c - the functionals of made rows whose figures are known, the refusals, and any rows and cuts under sanitizers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "prosody.h"

#define COLUMNS PROSODY_EGEMAPS_COLUMNS
#define FIGURES 88
#define ROWS 4000

enum { LOUDNESS = 0, FLUX = 5, F0 = 10, F1 = 16, SQUARE = 25 };

static size_t find(const char *name) {
    for (size_t i = 0; prosody_functional_name(i) != NULL; i++)
        if (strcmp(prosody_functional_name(i), name) == 0)
            return i;
    CHECK(0, "%s is no functional", name);
    return 0;
}

static void check_near(const float *figures, const char *name, double expected, double slack) {
    const double got = (double)figures[find(name)];
    CHECK(fabs(got - expected) <= slack, "%s is %.9g, not %.9g", name, got, expected);
}

/* Rows of nothing but what a test sets: unvoiced, with the amplitudes that unvoiced frames have. */
static void blank(float *rows, size_t count) {
    memset(rows, 0, count * COLUMNS * sizeof *rows);
    for (size_t i = 0; i < count; i++)
        for (size_t formant = 0; formant < 3; formant++)
            rows[i * COLUMNS + F1 + 3 * formant + 2] = -201.0f;
}

static void figures_of(const float *rows, size_t count, float *figures) {
    prosody_functionals *f;
    CHECK(prosody_functionals_create(ROWS, &f) == PROSODY_OK, "create");
    CHECK(prosody_functionals_add(f, rows, COLUMNS, count) == PROSODY_OK, "add");
    CHECK(prosody_functionals_read(f, figures) == PROSODY_OK, "read");
    prosody_functionals_destroy(f);
}

static void test_names(void) {
    CHECK(prosody_functional_count() == FIGURES, "%zu", prosody_functional_count());
    for (size_t i = 0; i < FIGURES; i++) {
        CHECK(prosody_functional_name(i) != NULL && prosody_functional_unit(i) != NULL, "%zu", i);
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(prosody_functional_name(i), prosody_functional_name(j)) != 0, "%zu and %zu", i, j);
    }
    CHECK(prosody_functional_name(FIGURES) == NULL && prosody_functional_unit(FIGURES) == NULL, "past the end");
}

/* A triangle of loudness: slopes, peaks and percentiles on paper. */
static void test_triangle(float *rows) {
    static float figures[FIGURES];
    const size_t count = 401;   /* 400 short frames: ten periods of 40, from 0 up to 20 and down */
    blank(rows, count);
    for (size_t i = 0; i < count; i++)
        rows[i * COLUMNS] = (float)(i % 40 <= 20 ? i % 40 : 40 - i % 40);
    figures_of(rows, count, figures);
    check_near(figures, "loudnessPeaksPerSec", 2.5, 1e-6);
    check_near(figures, "loudness_sma3_amean", 10.0, 1e-6);
    check_near(figures, "loudness_sma3_percentile50.0", 10.0, 1e-6);
    check_near(figures, "loudness_sma3_pctlrange0-2", 12.0, 1e-6);
    /* Smoothing takes 2/3 off either tip: 18.67 in 0.2 s; the first part begins at 1/3. */
    check_near(figures, "loudness_sma3_meanRisingSlope", (9 * (20 - 4.0 / 3) + 19) / 10 / 0.2, 1e-4);
}

static void test_runs_and_level(float *rows) {
    static float figures[FIGURES];
    const size_t count = 206;   /* 200 long frames: 10 unvoiced, 30 voiced, .. */
    blank(rows, count);
    for (size_t i = 0; i < count; i++) {
        rows[i * COLUMNS + F0] = i % 40 >= 10 ? 24.0f : 0.0f;
        rows[i * COLUMNS + 1] = i % 40 >= 10 ? -3.0f : 7.0f;
        rows[i * COLUMNS + FLUX] = 2.0f;
        rows[i * COLUMNS + SQUARE] = 0.01f;
    }
    figures_of(rows, count, figures);
    check_near(figures, "VoicedSegmentsPerSec", 2.5, 1e-6);
    check_near(figures, "MeanVoicedSegmentLengthSec", 0.29, 1e-7);
    check_near(figures, "StddevVoicedSegmentLengthSec", 0.0, 0.0);
    check_near(figures, "MeanUnvoicedSegmentLength", 0.09, 1e-7);
    check_near(figures, "F0semitoneFrom27.5Hz_sma3nz_amean", 24.0, 1e-6);
    check_near(figures, "F0semitoneFrom27.5Hz_sma3nz_stddevNorm", 0.0, 1e-7);
    check_near(figures, "alphaRatioV_sma3nz_amean", -3.0, 1e-6);    /* rows of the other voicing leak nothing in */
    check_near(figures, "alphaRatioUV_sma3nz_amean", 7.0, 1e-6);
    check_near(figures, "spectralFlux_sma3_amean", (2.0 * 205 - 2.0) / 205, 1e-6);  /* 0 in row 0 */
    check_near(figures, "F1amplitudeLogRelF0_sma3nz_amean", -201.0, 1e-5);
    check_near(figures, "equivalentSoundLevel_dBp", -20.0, 1e-5);
}

static void test_refusals(float *rows) {
    static float figures[FIGURES], again[FIGURES], lld[10 * (COLUMNS - 1)];
    prosody_functionals *f = (prosody_functionals *)rows;
    blank(rows, 20);
    CHECK(prosody_functionals_create(PROSODY_FUNCTIONALS_MIN_EXACT - 1, &f) == PROSODY_ERR_ARGUMENT && f == NULL, "too small");
    CHECK(prosody_functionals_create(PROSODY_FUNCTIONALS_MAX_EXACT + 1, &f) == PROSODY_ERR_ARGUMENT && f == NULL, "too great");
    CHECK(prosody_functionals_create(SIZE_MAX, &f) == PROSODY_ERR_ARGUMENT && f == NULL, "no overflow");
    CHECK(prosody_functionals_create(100, NULL) == PROSODY_ERR_ARGUMENT, "nowhere");
    CHECK(prosody_functionals_create(100, &f) == PROSODY_OK, "create");
    CHECK(prosody_functionals_add(NULL, rows, COLUMNS, 1) == PROSODY_ERR_ARGUMENT, "no object");
    CHECK(prosody_functionals_add(f, NULL, COLUMNS, 1) == PROSODY_ERR_ARGUMENT, "no rows");
    CHECK(prosody_functionals_add(f, NULL, COLUMNS, 0) == PROSODY_OK, "no rows are no rows");
    CHECK(prosody_functionals_add(f, rows, 0, 1) == PROSODY_ERR_ARGUMENT, "stride 0");
    CHECK(prosody_functionals_add(f, rows, COLUMNS - 1, 1) == PROSODY_ERR_ARGUMENT, "stride too small");
    CHECK(prosody_functionals_add(f, rows, COLUMNS, SIZE_MAX) == PROSODY_ERR_ARGUMENT, "count beyond memory");
    CHECK(prosody_functionals_add(f, rows, SIZE_MAX, 2) == PROSODY_ERR_ARGUMENT, "stride beyond memory");
    CHECK(prosody_functionals_read(NULL, figures) == PROSODY_ERR_ARGUMENT && prosody_functionals_read(f, NULL) == PROSODY_ERR_ARGUMENT, "read nowhere");
    CHECK(prosody_functionals_reset(NULL) == PROSODY_ERR_ARGUMENT && prosody_functionals_bytes(NULL) == 0, "no object");
    CHECK(prosody_lld_smooth(rows, COLUMNS - 1, 1, lld) == PROSODY_ERR_ARGUMENT, "stride too small");
    CHECK(prosody_lld_smooth(NULL, COLUMNS, 1, lld) == PROSODY_ERR_ARGUMENT && prosody_lld_smooth(rows, COLUMNS, 1, NULL) == PROSODY_ERR_ARGUMENT, "nowhere");
    CHECK(prosody_lld_smooth(NULL, COLUMNS, 0, NULL) == PROSODY_OK, "nothing");
    CHECK(prosody_functionals_add(f, rows, COLUMNS, 10) == PROSODY_OK && prosody_functionals_read(f, figures) == PROSODY_OK, "ten rows");
    for (size_t c = 0; c < COLUMNS; c++) {
        const float was = rows[9 * COLUMNS + c];
        rows[9 * COLUMNS + c] = c % 2 ? NAN : -INFINITY;
        CHECK(prosody_functionals_add(f, rows, COLUMNS, 10) == PROSODY_ERR_ROW, "column %zu", c);
        CHECK(prosody_lld_smooth(rows, COLUMNS, 10, lld) == PROSODY_ERR_ROW, "column %zu", c);
        rows[9 * COLUMNS + c] = was;
    }
    prosody_functionals_read(f, again);
    CHECK(memcmp(figures, again, sizeof figures) == 0, "a refused call took something");
    prosody_functionals_destroy(f);
    prosody_functionals_destroy(NULL);
}

/* Kinds of rows that have broken such sums before. */
static void hostile_rows(float *rows, size_t count, uint64_t *random) {
    const int kind = (int)random_below(random, 6);
    for (size_t i = 0; i < count * COLUMNS; i++) {
        uint32_t bits = (uint32_t)random_bits(random);
        if ((bits & 0x7f800000u) == 0x7f800000u)
            bits &= ~0x00800000u;
        switch (kind) {
        case 0: memcpy(rows + i, &bits, sizeof bits); break;                /* any finite bit pattern */
        case 1: rows[i] = bits & 1 ? -0.0f : 0.0f; break;
        case 2: rows[i] = bits & 1 ? 3.4e38f : -3.4e38f; break;
        case 3: rows[i] = bits & 1 ? 1e-40f : -1e-44f; break;               /* denormal */
        case 4: rows[i] = (float)(bits % 3) - 1.0f; break;                  /* ties, and sums of zero */
        default: rows[i] = random_sample(random); break;
        }
    }
}

/* Any rows in any cuts give finite figures, and those of one cut. */
static void test_hostile(float *rows, uint64_t *random) {
    static float figures[FIGURES], again[FIGURES], lld[ROWS * (COLUMNS - 1)];
    prosody_functionals *whole, *cut;
    for (int round = 0; round < 60; round++) {
        const size_t exact = 64 + random_below(random, 300), count = random_below(random, ROWS / 4);
        CHECK(prosody_functionals_create(exact, &whole) == PROSODY_OK && prosody_functionals_create(exact, &cut) == PROSODY_OK, "create");
        hostile_rows(rows, count / 2, random);
        hostile_rows(rows + count / 2 * COLUMNS, count - count / 2, random);
        CHECK(prosody_functionals_add(whole, rows, COLUMNS, count) == PROSODY_OK, "round %d", round);
        for (size_t done = 0; done < count;) {
            const size_t rest = count - done, take = 1 + random_below(random, rest < 70 ? rest : 70);
            CHECK(prosody_functionals_add(cut, rows + done * COLUMNS, COLUMNS, take) == PROSODY_OK, "round %d", round);
            prosody_functionals_read(cut, again);
            done += take;
        }
        prosody_functionals_read(whole, figures);
        prosody_functionals_read(cut, again);
        CHECK(memcmp(figures, again, sizeof figures) == 0, "cuts change figures in round %d", round);
        for (size_t i = 0; i < FIGURES; i++)
            CHECK(isfinite(figures[i]), "%s is %g", prosody_functional_name(i), (double)figures[i]);
        CHECK(prosody_lld_smooth(rows, COLUMNS, count, lld) == PROSODY_OK, "round %d", round);
        for (size_t i = 0; i < count * (COLUMNS - 1); i++)
            CHECK(isfinite(lld[i]), "%zu: %g", i, (double)lld[i]);
        prosody_functionals_destroy(whole);
        prosody_functionals_destroy(cut);
    }
}

int main(void) {
    uint64_t random = check_start("functionals");
    static float rows[ROWS * COLUMNS];
    test_names();
    test_triangle(rows);
    test_runs_and_level(rows);
    test_refusals(rows);
    test_hostile(rows, &random);
    return check_end();
}
