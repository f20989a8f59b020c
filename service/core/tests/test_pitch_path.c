/* test_pitch_path.c - the fixed-lag path against the plain algorithm: for every frame the whole best path is computed anew and traced back by the look-ahead. */
#include "../src/pitch_path.c"

#include "check.h"

#define FRAMES 400
#define STATES (PITCH_CANDIDATES + 1)

static pitch_frame given[FRAMES];
static float voicing[FRAMES];

/* Random frames in which the right path is often known only later: weak and strong stretches, octave candidates, quiet, silence. */
static void make_frames(uint64_t *random) {
    for (int i = 0; i < FRAMES; i++) {
        const int kind = (int)(i / 15 % 4);
        given[i].count = kind == 3 ? 0 : 1 + (int32_t)random_below(random, PITCH_CANDIDATES);
        given[i].level_db = kind == 3 ? PITCH_SILENCE_DB : kind == 2 ? -60.0f : -20.0f + 5.0f * random_sample(random);
        given[i].evidence = kind == 0 ? 3.0f : 3.0f * random_sample(random);
        given[i].clarity = -1.0f;
        for (int c = 0; c < given[i].count; c++) {
            given[i].log2_f0[c] = 7.0f + 0.2f * random_sample(random) + (float)random_below(random, 3) - 1.0f;
            given[i].strength[c] = kind == 0 ? -1.0f + random_sample(random) : -4.0f + 4.0f * random_sample(random);
            given[i].harmonicity[c] = 0.5f;
        }
    }
}

/* Log odds of every frame, each with the levels heard up to the end of its look-ahead. */
static void make_voicing(void) {
    for (int i = 0; i < FRAMES; i++) {
        const int last = i + PITCH_LEVEL_FRAMES < FRAMES ? i + PITCH_LEVEL_FRAMES : FRAMES - 1;
        pitch_levels levels = {0};
        pitch_frame ring[PITCH_RING];
        for (int k = 0; k <= last; k++) {
            pitch_levels_hear(&levels, given[k].level_db);
            ring[k % PITCH_RING] = given[k];
        }
        voicing[i] = given[i].level_db > PITCH_AUDIBLE_DB ? pitch_voicing(ring, &levels, i, last) : SILENCE_LOG_ODDS;
    }
}

static double jump(double per_octave, double a, double b) {
    const double cost = per_octave * fabs(a - b);
    return cost < (double)PATH_JUMP_MAX ? cost : (double)PATH_JUMP_MAX;
}

static double transition(int i, int p, int s, double memory) {
    if (i == 0 || (p == 0 && s == 0))
        return i == 0 && s > 0 ? (double)PATH_VOICED_UNVOICED : 0.0;
    if (s == 0)
        return (double)PATH_VOICED_UNVOICED;
    const double f0 = (double)given[i].log2_f0[s - 1];
    if (p == 0)
        return (double)PATH_VOICED_UNVOICED + (memory > 0.0 ? jump((double)PATH_MEMORY_JUMP, memory, f0) : 0.0);
    return jump((double)PATH_JUMP, (double)given[i - 1].log2_f0[p - 1], f0);
}

/* State of frame `at` on the best path through frames 0 .. last. */
static int plain_path(int last, int at) {
    static double score[FRAMES][STATES];
    static int from[FRAMES][STATES];
    double memory = 0.0;
    for (int i = 0; i <= last; i++) {
        for (int s = 0; s <= given[i].count; s++) {
            double best = -1e9;
            for (int p = 0; p <= (i == 0 ? 0 : given[i - 1].count); p++) {
                const double total = (i == 0 ? 0.0 : score[i - 1][p]) - transition(i, p, s, memory);
                if (total > best)
                    best = total, from[i][s] = p;
            }
            const double voiced = (double)PATH_VOICING_WEIGHT * (double)voicing[i] + (double)PATH_VOICING_BIAS;
            score[i][s] = best + (s == 0 ? 0.0 : voiced + (double)PATH_STRENGTH_WEIGHT * (double)given[i].strength[s - 1]);
        }
        if (from[i][0] > 0)
            memory = (double)given[i - 1].log2_f0[from[i][0] - 1];
    }
    int state = 0;
    for (int s = 1; s <= given[last].count; s++)
        if (score[last][s] > score[last][state])
            state = s;
    for (int i = last; i > at; i--)
        state = from[i][state];
    return state;
}

int main(void) {
    uint64_t random = check_start("pitch path");
    static pitch_path path;
    pitch_range range;
    pitch_result result;
    int wrong = 0, popped = 0, revised = 0, voiced = 0;
    CHECK(pitch_range_init(&range, 60.0f, 500.0f) && range.state_min == 0 && range.state_max == 61, "states %d .. %d", range.state_min, range.state_max);
    CHECK(pitch_range_init(&range, 120.0f, 240.0f) && range.state_min == 20 && range.state_max == 40, "states %d .. %d", range.state_min, range.state_max);
    CHECK(!pitch_range_init(&range, 520.0f, 800.0f), "a range outside what is found");
    make_frames(&random);
    make_voicing();
    pitch_path_reset(&path);
    for (int i = 0; i <= FRAMES; i++) {
        if (i < FRAMES) {
            *pitch_path_slot(&path, 0) = given[i];
            pitch_path_push(&path);
        }
        while (pitch_path_pop(&path, i == FRAMES, &result)) {
            const int last = popped + PITCH_PATH_FRAMES < FRAMES ? popped + PITCH_PATH_FRAMES : FRAMES - 1;
            const int state = plain_path(last, popped);
            const float expected = state == 0 ? 0.0f : exp2f(given[popped].log2_f0[state - 1]);
            wrong += fabsf(result.f0_hz - expected) > 1e-3f * expected;
            revised += state != plain_path(popped, popped);
            voiced += state > 0;
            popped++;
        }
        CHECK(i == FRAMES || popped == (i < PITCH_LAG_FRAMES ? 0 : i - PITCH_LAG_FRAMES + 1), "%d frames decided after %d", popped, i + 1);
    }
    CHECK(popped == FRAMES, "%d frames decided", popped);
    CHECK(voiced > FRAMES / 10 && voiced < FRAMES, "%d frames are voiced: this test sees nothing", voiced);
    CHECK(revised > FRAMES / 40, "the look-ahead changed only %d decisions: this test sees nothing", revised);
    CHECK(wrong <= 1, "%d frames differ from the plain algorithm", wrong); /* one tie by rounding */
    return check_end();
}
