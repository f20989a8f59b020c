/* pitch_voicing.c - is a frame voiced? A network of one small hidden layer over the evidence and level of the frames about it. See pitch.h. */
#include "fours.h"
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
    const float above = x < low ? low : x;
    return above > high ? high : above;
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

static inline four clip_four(four x, float low, float high) {
    const four above = four_choose(x < low, four_splat(low), x);
    return four_choose(above > high, four_splat(high), above);
}

/* The inputs, in the order in which they were fitted: evidence and clarity of the frames about, their levels below the peak, height above the floor, range. Four at a time:
 * what is written beyond the end of one kind is written over by the next. */
#define LEVELS (2 * VOICING_LEVEL_CONTEXT + 1)
#define SPECTRA (2 * VOICING_CONTEXT + 1)
#define LEVELS_ROOM (4 * FOURS(LEVELS))
#define INPUTS_ROOM (2 * SPECTRA + LEVELS_ROOM)
#define FOUR_OF(frames, field) ((four){(frames)[0]->field, (frames)[1]->field, (frames)[2]->field, (frames)[3]->field})
_Static_assert(VOICING_INPUTS == 2 * SPECTRA + LEVELS + 2 && INPUTS_ROOM >= VOICING_INPUTS, "the inputs are not those of the model");
_Static_assert(VOICING_LEVEL_CONTEXT - VOICING_CONTEXT + 4 * FOURS(SPECTRA) <= LEVELS_ROOM, "fours of spectra reach beyond the frames");

static void describe(const pitch_frame *ring, const pitch_levels *levels, int64_t index, int64_t last, float *x) {
    static const pitch_frame nothing = {.level_db = PITCH_SILENCE_DB, .evidence = PITCH_SILENT_EVIDENCE, .clarity = PITCH_SILENT_CLARITY};
    const pitch_frame *about[LEVELS_ROOM];
    for (int j = 0; j < LEVELS_ROOM; j++) {
        const int64_t i = index + j - VOICING_LEVEL_CONTEXT;
        about[j] = j >= LEVELS || i < 0 || i > last ? &nothing : &ring[(size_t)i % PITCH_RING];
    }
    const pitch_frame *const *const near = about + VOICING_LEVEL_CONTEXT - VOICING_CONTEXT;
    for (int j = 0; j < SPECTRA; j += 4)
        *(four_unaligned *)(x + j) = clip_four(FOUR_OF(near + j, evidence), -LOG_ODDS_MAX, LOG_ODDS_MAX) * 0.25f;
    for (int j = 0; j < SPECTRA; j += 4)
        *(four_unaligned *)(x + SPECTRA + j) = clip_four(FOUR_OF(near + j, clarity), -5.0f, 0.0f);
    for (int j = 0; j < LEVELS; j += 4)
        *(four_unaligned *)(x + 2 * SPECTRA + j) = clip_four(FOUR_OF(about + j, level_db) - levels->peak_db, -50.0f, 5.0f) * (1.0f / 15.0f);
    x[VOICING_INPUTS - 2] = clip(about[VOICING_LEVEL_CONTEXT]->level_db - levels->floor_db, -5.0f, 40.0f) * (1.0f / 15.0f);
    x[VOICING_INPUTS - 1] = clip(levels->peak_db - levels->floor_db, 0.0f, 50.0f) * (1.0f / 15.0f);
}

#define HIDDEN FOURS(VOICING_HIDDEN)
_Static_assert(VOICING_HIDDEN == 10, "pitch_voicing loads ten");

float pitch_voicing(const pitch_frame *ring, const pitch_levels *levels, int64_t index, int64_t last) {
    float x[INPUTS_ROOM], hidden[4 * HIDDEN];
    const float *const bias = prosody_voicing_bias1;
    four sums[HIDDEN] = {*(const four_unaligned *)bias, *(const four_unaligned *)(bias + 4), {bias[8], bias[9]}};
    describe(ring, levels, index, last, x);
    /* The last four of a row may reach into the next one: what they add there belongs to no unit. The last row has no next. */
    for (int i = 0; i < VOICING_INPUTS - 1; i++)
        for (int f = 0; f < HIDDEN; f++)
            sums[f] += x[i] * *(const four_unaligned *)(prosody_voicing_weight1 + i * VOICING_HIDDEN + 4 * f);
    for (int f = 0; f < HIDDEN; f++)
        *(four_unaligned *)(hidden + 4 * f) = sums[f];
    for (int h = 0; h < VOICING_HIDDEN; h++)
        hidden[h] += x[VOICING_INPUTS - 1] * prosody_voicing_weight1[(VOICING_INPUTS - 1) * VOICING_HIDDEN + h];
    float sum = prosody_voicing_bias2;
    for (int h = 0; h < VOICING_HIDDEN; h++)
        sum += hidden[h] > 0.0f ? hidden[h] * prosody_voicing_weight2[h] : 0.0f;
    return clip(sum, -LOG_ODDS_MAX, LOG_ODDS_MAX);
}
