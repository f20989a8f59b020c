/* test_figures.c - what the functionals are made of: sums that keep their digits, selection against a full sort. Includes internal headers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "column_sums.h"
#include "percentiles.h"

#define VALUES 20000

/* The first value far from all the rest, and a spread of a millionth of a distant mean: two million values keep ten digits. */
static void test_sums_keep_their_digits(uint64_t *random) {
    enum { BLOCK = 1024, BLOCKS = 2048 };
    static double block[2 * BLOCK];
    column_sums s = {0};
    const uint64_t start = *random;
    long double sum[2] = {0}, square[2] = {0};
    for (int pass = 0; pass < 2; pass++) {  /* the second measures deviations from the mean of the first, in long double */
        *random = start;
        for (size_t b = 0; b < BLOCKS; b++) {
            for (size_t i = 0; i < BLOCK; i++) {
                block[2 * i] = b == 0 && i == 0 ? 1e8 : 3.0 + (double)random_sample(random);
                block[2 * i + 1] = 1e6 + (double)random_sample(random);
            }
            for (size_t lane = 0; lane < 2; lane++)
                for (size_t i = 0; i < BLOCK; i++) {
                    const long double x = block[2 * i + lane], d = x - sum[lane] / ((long double)BLOCK * BLOCKS);
                    if (pass == 0)
                        sum[lane] += x;
                    else
                        square[lane] += d * d;
                }
            if (pass == 1)
                continue;
            for (size_t i = 0; i < BLOCK; i++) /* a row between two of its kind is smoothed to itself */
                column_sums_plain(&s, block + 2 * i, 2, 1, pair_load(block + 2 * i), pair_load(block + 2 * i));
            if ((b & (b + 1)) == 0)
                column_sums_rebase(&s);
        }
    }
    for (size_t lane = 0; lane < 2; lane++) {
        const moments m = column_sums_moments(&s, lane);
        CHECK(m.count == (uint64_t)BLOCK * BLOCKS, "%llu", (unsigned long long)m.count);
        CHECK(fabs(m.mean / (double)(sum[lane] / m.count) - 1.0) < 1e-11, "mean %.17g, not %.17g", m.mean, (double)(sum[lane] / m.count));
        CHECK(fabs(m.squares / (double)square[lane] - 1.0) < 1e-10, "lane %zu: %.17g, not %.17g", lane, m.squares, (double)square[lane]);
    }
}

static void test_merged_moments(uint64_t *random) {
    moments parts[2] = {{0}}, whole = {0};
    for (int i = 0; i < 1000; i++) {
        const double x = 5.0 + (double)random_sample(random);
        moments_push(&parts[i >= 300], x);
        moments_push(&whole, x);
    }
    const moments merged = moments_merge(parts[0], parts[1]);
    CHECK(merged.count == whole.count && fabs(merged.mean - whole.mean) < 1e-13, "%.17g", merged.mean);
    CHECK(fabs(merged.squares - whole.squares) < 1e-10, "%.17g, not %.17g", merged.squares, whole.squares);
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double make_value(int kind, size_t i, uint64_t *random) {
    switch (kind) {
    case 0: return (double)random_sample(random);
    case 1: return (double)random_below(random, 7) - 3.0;                               /* ties */
    case 2: return ldexp(1.0, -(int)random_below(random, 1060));                        /* each power of two as likely as the next */
    case 3: return i % 50 == 0 ? -1e300 : 1.0 + 1e-15 * (double)random_below(random, 90); /* neighbours in the last digits */
    case 4: return random_below(random, 2) ? -0.0 : 0.0;
    case 5: return i == 0 ? 1e308 : -1e-308 * (double)random_sample(random);
    default: return 42.0;
    }
}

static void test_selection(uint64_t *random) {
    static double values[VALUES], sorted[VALUES];
    for (int kind = 0; kind < 7; kind++)
        for (size_t count = 1; count <= VALUES; count += 1 + count / 2) {
            double got[PERCENTILE_COUNT];
            for (size_t i = 0; i < count; i++)
                sorted[i] = values[i] = make_value(kind, i, random);
            percentiles_exact(values, count, got);
            qsort(sorted, count, sizeof *sorted, ascending);
            for (size_t p = 0; p < PERCENTILE_COUNT; p++) {
                const double place = percentile_place(p, count), part = place - floor(place), below = sorted[(size_t)place];
                const double expected = part > 0.0 ? below + part * (sorted[(size_t)place + 1] - below) : below;
                CHECK(got[p] == expected, "kind %d, %zu values: %.17g, not %.17g", kind, count, got[p], expected);
            }
        }
}

int main(void) {
    uint64_t random = check_start("figures");
    test_sums_keep_their_digits(&random);
    test_merged_moments(&random);
    test_selection(&random);
    return check_end();
}
