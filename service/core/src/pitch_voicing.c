/* pitch_voicing.c - is a frame voiced? A network of one small hidden layer over the evidence and level of the frames about it. See pitch.h. */
#include "pitch.h"
#include "pitch_model.h"

#include <math.h>

/* Peak and floor of the level, dB per frame. The peak halves in amplitude in 3 s, so that it spans a pause; the floor rises by 5 dB a second. */
#define PEAK_FALL_DB 0.02f
#define FLOOR_RISE_DB 0.05f
#define FLOOR_FALL_SHARE 0.3f   /* of the way down to a lower level, per frame */
#define SMOOTH_OLD 0.6f         /* share of the old value in the smoothed level that the floor follows */
#define LOG_ODDS_MAX 12.0f

static float clip(float x, float low, float high) {
    return x < low ? low : x > high ? high : x;
}

void pitch_levels_hear(pitch_levels *levels, float level_db) {
    if (level_db <= PITCH_AUDIBLE_DB)
        return;
    if (!levels->heard) {
        levels->heard = 1;
        levels->smooth_db = levels->peak_db = levels->floor_db = level_db;
    }
    levels->smooth_db = SMOOTH_OLD * levels->smooth_db + (1.0f - SMOOTH_OLD) * level_db;
    levels->peak_db -= PEAK_FALL_DB;
    if (level_db > levels->peak_db)
        levels->peak_db = level_db;
    if (levels->smooth_db < levels->floor_db)
        levels->floor_db += FLOOR_FALL_SHARE * (levels->smooth_db - levels->floor_db);
    else if ((levels->floor_db += FLOOR_RISE_DB) > levels->smooth_db)
        levels->floor_db = levels->smooth_db;
}

/* The inputs, in the order in which they were fitted: evidence and clarity of the frames about, their levels below the peak, height above the floor, range. */
static void describe(const pitch_frame *ring, const pitch_levels *levels, int64_t index, int64_t last, float *x) {
    static const pitch_frame nothing = {.level_db = PITCH_SILENCE_DB, .evidence = PITCH_SILENT_EVIDENCE, .clarity = PITCH_SILENT_CLARITY};
    const pitch_frame *about[2 * VOICING_LEVEL_CONTEXT + 1];
    for (int j = -VOICING_LEVEL_CONTEXT; j <= VOICING_LEVEL_CONTEXT; j++) {
        const int64_t i = index + j;
        about[VOICING_LEVEL_CONTEXT + j] = i < 0 || i > last ? &nothing : &ring[i % PITCH_RING];
    }
    const int skip = VOICING_LEVEL_CONTEXT - VOICING_CONTEXT;
    for (int j = 0; j < 2 * VOICING_CONTEXT + 1; j++) {
        x[j] = clip(about[skip + j]->evidence, -LOG_ODDS_MAX, LOG_ODDS_MAX) * 0.25f;
        x[2 * VOICING_CONTEXT + 1 + j] = clip(about[skip + j]->clarity, -5.0f, 0.0f);
    }
    x += 2 * (2 * VOICING_CONTEXT + 1);
    for (int j = 0; j < 2 * VOICING_LEVEL_CONTEXT + 1; j++)
        *x++ = clip(about[j]->level_db - levels->peak_db, -50.0f, 5.0f) * (1.0f / 15.0f);
    *x++ = clip(about[VOICING_LEVEL_CONTEXT]->level_db - levels->floor_db, -5.0f, 40.0f) * (1.0f / 15.0f);
    *x = clip(levels->peak_db - levels->floor_db, 0.0f, 50.0f) * (1.0f / 15.0f);
}

/* Four hidden units at a time; every processor that runs this has such registers, or its compiler does without. */
typedef float four __attribute__((vector_size(16), aligned(4), may_alias));
#define FOURS ((VOICING_HIDDEN + 3) / 4)

float pitch_voicing(const pitch_frame *ring, const pitch_levels *levels, int64_t index, int64_t last) {
    float x[VOICING_INPUTS], hidden[4 * FOURS] = {0};
    four sums[FOURS];
    describe(ring, levels, index, last, x);
    for (int h = 0; h < VOICING_HIDDEN; h++)
        hidden[h] = prosody_voicing_bias1[h];
    for (int f = 0; f < FOURS; f++)
        sums[f] = *(const four *)(hidden + 4 * f);
    /* The last four of a row may reach into the next one: what they add there belongs to no unit. The last row has no next. */
    for (int i = 0; i < VOICING_INPUTS - 1; i++)
        for (int f = 0; f < FOURS; f++)
            sums[f] += x[i] * *(const four *)(prosody_voicing_weight1 + i * VOICING_HIDDEN + 4 * f);
    for (int f = 0; f < FOURS; f++)
        *(four *)(hidden + 4 * f) = sums[f];
    for (int h = 0; h < VOICING_HIDDEN; h++)
        hidden[h] += x[VOICING_INPUTS - 1] * prosody_voicing_weight1[(VOICING_INPUTS - 1) * VOICING_HIDDEN + h];
    float sum = prosody_voicing_bias2;
    for (int h = 0; h < VOICING_HIDDEN; h++)
        sum += hidden[h] > 0.0f ? hidden[h] * prosody_voicing_weight2[h] : 0.0f;
    return clip(sum, -LOG_ODDS_MAX, LOG_ODDS_MAX);
}
