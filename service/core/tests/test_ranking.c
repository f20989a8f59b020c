/* test_ranking.c - the arithmetic of rankings and the reading of candidates: closed forms, agreement of SIMD levels, and hostile input. */
#include <math.h>
#include <string.h>

#include "candidates.h"
#include "check.h"
#include "prosody.h"
#include "ranking.h"

#define MOST 300

static ranking_grid grid_of(double tail) {
    return (ranking_grid){1e-9, 6, tail, 1.0 / 64, 2, 24};
}

static double uniform(uint64_t *state) {
    return (double)(random_bits(state) >> 11) * 0x1p-53;
}

static void two_in_closed_form(uint64_t *state) {
    for (int trial = 0; trial < 500; trial++) {
        double mean[2], sd[2], chances[2], ends[2];
        for (int i = 0; i < 2; i++) {
            mean[i] = 2 * uniform(state) - 1;
            sd[i] = 0.01 + 0.5 * uniform(state);
        }
        const ranking_grid grid = grid_of(6.2);
        CHECK(ranking_first_place(mean, sd, 2, &grid, NULL, chances, ends) == PROSODY_OK, "trial %d", trial);
        const double wanted = 0.5 * erfc((mean[1] - mean[0]) / sqrt(2 * (sd[0] * sd[0] + sd[1] * sd[1])));
        CHECK(fabs(chances[0] - wanted) < 1e-6, "%.9g for %.9g", chances[0], wanted);
        CHECK(ends[0] < ends[1], "%g to %g", ends[0], ends[1]);
    }
}

static void levels_agree(uint64_t *state) {
    for (int trial = 0; trial < 100; trial++) {
        const size_t count = 1 + random_below(state, MOST);
        double mean[MOST], sd[MOST], best[MOST], other[MOST], ends[2], sum = 0;
        for (size_t i = 0; i < count; i++) {
            mean[i] = uniform(state);
            sd[i] = 0.2 * exp(-4 * uniform(state));
        }
        const ranking_grid grid = grid_of(7);
        CHECK(ranking_first_place(mean, sd, count, &grid, NULL, best, ends) == PROSODY_OK, "trial %d", trial);
        for (size_t i = 0; i < count; i++)
            sum += best[i];
        CHECK(fabs(sum - 1) < 1e-12, "they sum to %.15g", sum);
        for (size_t k = 0; prosody_simd_name(k) != NULL; k++) {
            if (!prosody_simd_available(prosody_simd_name(k)))
                continue;
            CHECK(ranking_first_place(mean, sd, count, &grid, prosody_simd_name(k), other, ends) == PROSODY_OK, "%s", prosody_simd_name(k));
            for (size_t i = 0; i < count; i++)
                CHECK(fabs(best[i] - other[i]) < 1e-12, "%s: %.15g for %.15g", prosody_simd_name(k), other[i], best[i]);
        }
    }
}

static void chances_of_hostile_figures(uint64_t *state) {
    static const double odd[] = {0, -0.0, 1, -1, 1e150, -1e150, 1e308, -1e308, 5e-324, 1e-300, (double)NAN, (double)INFINITY, -(double)INFINITY};
    const size_t kinds = sizeof odd / sizeof odd[0];
    for (int trial = 0; trial < 20000; trial++) {
        const size_t count = random_below(state, 20);
        double mean[20], sd[20], chances[20], ends[2];
        int fit = 1;
        for (size_t i = 0; i < count; i++) {
            mean[i] = odd[random_below(state, kinds)];
            sd[i] = odd[random_below(state, kinds)];
            fit &= fabs(mean[i]) <= 1e150 && sd[i] >= 0 && sd[i] <= 1e150;
        }
        const ranking_grid grid = grid_of(6.5);
        const int code = ranking_first_place(mean, sd, count, &grid, NULL, chances, ends);
        CHECK(code == (fit ? PROSODY_OK : PROSODY_ERR_ARGUMENT), "%d", code);
    }
    const double zero = 0, one = 1;
    double chance, ends[2];
    const ranking_grid grid = grid_of(6), far = {1e-9, 9, 6, 1, 2, 24};
    CHECK(ranking_first_place(&zero, &one, 1, &far, NULL, &chance, ends) == PROSODY_ERR_ARGUMENT, "a reach beyond what products bear");
    const double two[] = {0, 0}, widths[] = {1, 1};
    double chances[2];
    CHECK(ranking_first_place(two, widths, 2, &grid, "z80", chances, ends) == PROSODY_ERR_SIMD, "no such level");
}

/* One agent of two coefficients, one reason, in numbers that can be worked out by hand. */
static void expectations(void) {
    const double agents[] = {
        0.1, -0.2, /* coefficients */ 0.04, 0.01, 0.01, 0.09, /* covariance */ 1, 0, 0, 0, 1, 0, /* reach */ 7, /* calls */
    };
    const double cells[] = {2, 1, 1.5, 0.25, 0.01, /* and an empty one */ 0, 0, 0, 0.5, 0.02};
    const double mean[] = {0.6, 0.05, -0.1}, root[] = {0.3, 0, 0, 0, 0.2, 0, 0, 0, 0.1};
    const int64_t cell_at[] = {0};
    const ranking_model model = {agents, cells, mean, root, cell_at, 1, 2, 2, 3};
    const double phi[] = {1, 0.5};
    const int64_t rows[] = {0};
    double out[RANKING_EXPECTED(2)];
    CHECK(ranking_expect(&model, rows, 1, phi, -1, out) == PROSODY_OK, "no reason");
    /* toward = phi: inner = .04 + 2 * .5 * .01 + .25 * .09 + .02; reached = (1, .5, 0) */
    CHECK(fabs(out[0] - (0.6 + 0.5 * 0.05 + 0.1 - 0.5 * 0.2)) < 1e-15, "mean %.17g", out[0]);
    CHECK(fabs(out[1] - sqrt(0.0925 + 1.25)) < 1e-15, "sd %.17g", out[1]);
    CHECK(fabs(out[2] - sqrt(0.0925)) < 1e-15, "contrast %.17g", out[2]);
    CHECK(out[3] == 0.1 && fabs(out[4]) < 1e-17 && out[5] == 7 && out[6] == 0 && out[7] == -0.2, "what is behind it");
    CHECK(ranking_expect(&model, rows, 1, phi, 0, out) == PROSODY_OK, "with the reason");
    /* taken = .25 (2, 1) = (.5, .25); held = .25 * 1.5 - .5 (.6 + .1) - .25 (.05 - .2) + .5 * .1; toward = (.5, .25); reached = (.5, .25, 0) + .5 (0, 0, .1) */
    const double held = 0.375 - 0.35 + 0.0375 + 0.05;
    CHECK(fabs(out[0] - (0.6 + 0.025 - 0.1 + 0.1 - 0.1 + held)) < 1e-15, "mean %.17g", out[0]);
    CHECK(fabs(out[1] - sqrt(0.25 * 0.04 + 2 * 0.125 * 0.01 + 0.0625 * 0.09 + 0.01 + 0.25 + 0.0625 + 0.0025)) < 1e-15, "sd %.17g", out[1]);
    CHECK(fabs(out[4] - held) < 1e-15 && out[6] == 2, "what the cell adds");
    const int64_t beyond[] = {1}, before[] = {-1}, broken_at[] = {2};
    CHECK(ranking_expect(&model, beyond, 1, phi, -1, out) == PROSODY_ERR_ARGUMENT, "an agent beyond the model");
    CHECK(ranking_expect(&model, before, 1, phi, -1, out) == PROSODY_ERR_ARGUMENT, "an agent before it");
    CHECK(ranking_expect(&model, rows, 1, phi, 1, out) == PROSODY_ERR_ARGUMENT, "a reason beyond the model");
    ranking_model broken = model;
    broken.cell_at = broken_at;
    CHECK(ranking_expect(&broken, rows, 1, phi, 0, out) == PROSODY_ERR_ARGUMENT, "a cell beyond the model");
    CHECK(ranking_expect(&model, rows, 0, phi, -1, out) == PROSODY_OK, "nobody");
}

static void candidates_read(uint64_t *state) {
    static const uint8_t ids[] = "agent-1agent-22\xc3\xa9";
    static const size_t offsets[] = {0, 7, 15, 17, 17};
    candidate_names *names;
    CHECK(candidate_names_create(ids, offsets, 4, &names) == PROSODY_OK, "names");
    candidate found;
    static const uint8_t plain[] = "\x0a\x08"
                                   "agent-22\x10\x03\x19\0\0\0\0\0\0\xe0\x3f\x21\0\0\0\0\0\0\xd0\x3f";
    CHECK(candidate_read(names, plain, sizeof plain - 1, &found), "all fields");
    CHECK(found.at == 1 && found.open_calls == 3 && found.idle_s == 0.5 && found.occupancy == 0.25 && found.said_occupancy, "their values");
    CHECK(candidate_read(names, plain, 10, &found) && found.open_calls == 0 && found.idle_s == 0 && isnan(found.occupancy) && !found.said_occupancy, "none but the id");
    for (size_t bytes = 0; bytes < sizeof plain - 1; bytes++)
        CHECK(candidate_read(names, plain, bytes, &found) == (bytes == 10 || bytes == 12 || bytes == 21), "cut after %zu bytes", bytes);
    CHECK(candidate_read(names, (const uint8_t *)"\x0a\x00", 2, &found) && found.at == 3, "an empty id that was declared");
    for (int trial = 0; trial < 200000; trial++) {
        uint8_t message[40];
        size_t bytes = sizeof plain - 1;
        memcpy(message, plain, bytes);
        for (size_t k = random_below(state, 4); k > 0; k--)
            message[random_below(state, bytes)] = (uint8_t)random_bits(state);
        bytes = random_below(state, bytes + 1);
        uint8_t *exact = malloc(bytes + 1); /* so that a sanitizer sees a read beyond it */
        memcpy(exact + 1, message, bytes);
        if (candidate_read(names, exact + 1, bytes, &found))
            CHECK(found.at >= 0 && found.at < 4 && found.open_calls >= 0 && found.open_calls <= 127, "%d", (int)found.at);
        free(exact);
    }
    candidate_names_destroy(names);
}

static void many_names(void) {
    enum { COUNT = 5000 };
    static uint8_t ids[COUNT * 4];
    static size_t offsets[COUNT + 1];
    for (size_t i = 0; i < COUNT; i++) {
        offsets[i] = 4 * i;
        const uint32_t n = (uint32_t)(i % 4999); /* the last is a double of the first */
        memcpy(ids + 4 * i, &n, 4);
    }
    offsets[COUNT] = sizeof ids;
    candidate_names *names;
    CHECK(candidate_names_create(ids, offsets, COUNT, &names) == PROSODY_OK, "names");
    candidate found;
    for (size_t i = 0; i < 5100; i++) {
        uint8_t message[6] = {0x0a, 4};
        const uint32_t n = (uint32_t)i;
        memcpy(message + 2, &n, 4);
        const int there = candidate_read(names, message, sizeof message, &found);
        CHECK(there == (i < 4999) && (!there || found.at == (i == 0 ? 4999 : (int64_t)i)), "%zu: %d", i, (int)found.at);
    }
    candidate_names_destroy(names);
    static const size_t none[] = {0};
    CHECK(candidate_names_create(NULL, none, 0, &names) == PROSODY_OK, "no names");
    CHECK(!candidate_read(names, (const uint8_t *)"\x0a\x00", 2, &found), "nobody");
    candidate_names_destroy(names);
}

int main(void) {
    uint64_t state = check_start("ranking");
    two_in_closed_form(&state);
    levels_agree(&state);
    chances_of_hostile_figures(&state);
    expectations();
    candidates_read(&state);
    many_names();
    return check_end();
}
