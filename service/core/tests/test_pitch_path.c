/* test_pitch_path.c - the fixed-lag path against the plain algorithm: for every frame the whole best path is computed anew and traced back by the look-ahead. */
#include "../src/pitch_path.c"

#include "check.h"

#define FRAMES 400

static pitch_frame given[FRAMES];
static float unvoiced[FRAMES];

/* Random frames in which the right path is often known only later: weak and strong stretches, octave candidates, silence. */
static void make_frames(uint64_t *random) {
    for (int i = 0; i < FRAMES; i++) {
        const int kind = (int)(i / 15 % 4);
        given[i].count = kind == 3 ? 0 : 1 + (int32_t)random_below(random, PITCH_CANDIDATES);
        given[i].level = kind == 2 ? 0.001f : 0.1f * (1.5f + random_sample(random));
        for (int c = 0; c < given[i].count; c++) {
            given[i].log2_f0[c] = 7.0f + 0.2f * random_sample(random) + (float)random_below(random, 3) - 1.0f;
            given[i].strength[c] = kind == 0 ? 0.5f + 0.5f * random_sample(random) : 0.2f + 0.15f * random_sample(random);
            given[i].harmonicity[c] = 0.5f;
        }
    }
}

/* State of frame `at` on the best path through frames 0 .. last. */
static int plain_path(const pitch_range *range, int last, int at) {
    static double score[FRAMES][PITCH_STATES];
    static int from[FRAMES][PITCH_STATES];
    for (int i = 0; i <= last; i++)
        for (int s = 0; s <= given[i].count; s++) {
            const double own = s == 0 ? (double)unvoiced[i] : (double)(given[i].strength[s - 1] - OCTAVE_COST * (log2f(range->f0_min_hz) - given[i].log2_f0[s - 1]));
            double best = -1e9;
            for (int p = 0; p <= (i == 0 ? 0 : given[i - 1].count); p++) {
                double cost = (p == 0) == (s == 0) ? 0.0 : (double)VOICED_UNVOICED_COST;
                if (p > 0 && s > 0)
                    cost = (double)OCTAVE_JUMP_COST * fabs((double)given[i - 1].log2_f0[p - 1] - (double)given[i].log2_f0[s - 1]);
                const double total = (i == 0 ? 0.0 : score[i - 1][p]) - cost;
                if (total > best)
                    best = total, from[i][s] = p;
            }
            score[i][s] = best + own;
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
    static pitch_path path, levels;
    pitch_range range;
    pitch_result result;
    int wrong = 0, popped = 0, revised = 0;
    CHECK(pitch_range_init(&range, 60.0f, 500.0f), "range");
    make_frames(&random);
    pitch_path_reset(&path);
    pitch_path_reset(&levels);
    for (int i = 0; i < FRAMES; i++)
        unvoiced[i] = unvoiced_strength(&levels, given[i].level);
    for (int i = 0; i <= FRAMES; i++) {
        if (i < FRAMES) {
            *pitch_path_slot(&path, 0) = given[i];
            pitch_path_push(&path, &range);
        }
        while (pitch_path_pop(&path, i == FRAMES, &result)) {
            const int last = popped + PITCH_LAG_FRAMES < FRAMES ? popped + PITCH_LAG_FRAMES : FRAMES - 1;
            const int state = plain_path(&range, last, popped);
            const float expected = state == 0 ? 0.0f : exp2f(given[popped].log2_f0[state - 1]);
            wrong += fabsf(result.f0_hz - expected) > 1e-3f * expected;
            revised += state != plain_path(&range, popped, popped);
            popped++;
        }
        CHECK(i == FRAMES || popped == (i < PITCH_LAG_FRAMES ? 0 : i - PITCH_LAG_FRAMES + 1), "%d frames decided after %d", popped, i + 1);
    }
    CHECK(popped == FRAMES, "%d frames decided", popped);
    CHECK(revised > FRAMES / 20, "the look-ahead changed only %d decisions: this test sees nothing", revised);
    CHECK(wrong <= 1, "%d frames differ from the plain algorithm", wrong); /* one tie by rounding */
    return check_end();
}
