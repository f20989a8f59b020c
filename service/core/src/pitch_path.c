/* pitch_path.c - the best path through the candidates, decided with a fixed look-ahead. See pitch.h. */
#include "pitch.h"

#include <math.h>
#include <string.h>

#define OCTAVE_COST 0.01f           /* per octave, favours the higher of two equal candidates (Boersma 1993, eq. 26) */
#define OCTAVE_JUMP_COST 0.7f       /* per octave of change between voiced frames (eq. 27); tuned, as the rest, on telephone-band voices */
#define VOICED_UNVOICED_COST 0.25f
#define VOICING_THRESHOLD 0.15f
#define SILENCE_THRESHOLD 0.03f     /* share of the reference level under which a frame loses its claim to be voiced (eq. 23) */
/* Fall of the reference level per frame: halves in 5 s. */
#define REFERENCE_DECAY 0.99861466f
/* Logistic of strength over threshold, so that 0.5 lies where the path is indifferent. */
#define PROBABILITY_SLOPE 12.0f
/* HNR is kept within what a 48 ms window can tell. */
#define HNR_MIN_DB (-20.0f)
#define HNR_MAX_DB 50.0f

int pitch_range_init(pitch_range *range, float f0_min_hz, float f0_max_hz) {
    if (!(f0_min_hz >= 55.0f && f0_max_hz <= 800.0f && f0_min_hz * 1.5f <= f0_max_hz))
        return 0;
    range->f0_min_hz = f0_min_hz;
    range->f0_max_hz = f0_max_hz;
    range->lag_min = (int32_t)(8000.0f / f0_max_hz);
    range->lag_max = (int32_t)(8000.0f / f0_min_hz) + 1;
    return 1;
}

void pitch_path_reset(pitch_path *path) {
    memset(path, 0, sizeof *path);
}

pitch_frame *pitch_path_slot(pitch_path *path, size_t ahead) {
    return &path->frame[(size_t)(path->seen + (int64_t)ahead) % PITCH_RING];
}

static float unvoiced_strength(pitch_path *path, float level) {
    path->reference *= REFERENCE_DECAY;
    if (level > path->reference)
        path->reference = level;
    if (path->reference <= 0.0f)
        return 2.0f;
    const float silence = 2.0f - (level / path->reference) * ((1.0f + VOICING_THRESHOLD) / SILENCE_THRESHOLD);
    return VOICING_THRESHOLD + (silence > 0.0f ? silence : 0.0f);
}

/* Extends the path by one state of the new frame; `score` holds the scores of the frame before. */
static float extend(const float *score, const pitch_frame *before, int state, const pitch_frame *now, float own, uint8_t *from) {
    float best = score[0] - (state == 0 ? 0.0f : VOICED_UNVOICED_COST);
    *from = 0;
    for (int s = 1; s <= before->count; s++) {
        const float cost = state == 0 ? VOICED_UNVOICED_COST : OCTAVE_JUMP_COST * fabsf(before->log2_f0[s - 1] - now->log2_f0[state - 1]);
        if (score[s] - cost > best) {
            best = score[s] - cost;
            *from = (uint8_t)s;
        }
    }
    return best + own;
}

void pitch_path_push(pitch_path *path, const pitch_range *range) {
    const size_t at = (size_t)path->seen % PITCH_RING;
    const pitch_frame *now = &path->frame[at];
    static const pitch_frame nothing;
    const pitch_frame *before = path->seen == 0 ? &nothing : &path->frame[(size_t)(path->seen - 1) % PITCH_RING];
    const float unvoiced = unvoiced_strength(path, now->level);
    const float log2_min = log2f(range->f0_min_hz);
    float score[PITCH_STATES], best_score, best = -1.0f;

    best_score = score[0] = extend(path->score, before, 0, now, unvoiced, &path->from[at][0]);
    for (int c = 0; c < now->count; c++) {
        const float own = now->strength[c] - OCTAVE_COST * (log2_min - now->log2_f0[c]);
        score[c + 1] = extend(path->score, before, c + 1, now, own, &path->from[at][c + 1]);
        best_score = score[c + 1] > best_score ? score[c + 1] : best_score;
        best = now->strength[c] - unvoiced > best ? now->strength[c] - unvoiced : best;
    }
    for (int s = 0; s <= now->count; s++)
        path->score[s] = score[s] - best_score; /* kept near zero: only differences count, and they must not lose digits with time */
    path->best_strength[at] = best;
    path->chosen[at] = UINT8_MAX;
    path->seen++;
}

/* Traces back from the newest frame as far as it differs from the last trace. */
static void trace(pitch_path *path) {
    const size_t newest = (size_t)(path->seen - 1) % PITCH_RING;
    int state = 0;
    for (int s = 1; s <= path->frame[newest].count; s++)
        if (path->score[s] > path->score[state])
            state = s;
    for (int64_t i = path->seen - 1; i >= path->decided; i--) {
        const size_t at = (size_t)i % PITCH_RING;
        if (path->chosen[at] == state)
            return;
        path->chosen[at] = (uint8_t)state;
        state = path->from[at][state];
    }
}

int pitch_path_pop(pitch_path *path, int finishing, pitch_result *result) {
    if (path->decided >= path->seen || (!finishing && path->seen - path->decided <= PITCH_LAG_FRAMES))
        return 0;
    trace(path);
    const size_t at = (size_t)path->decided % PITCH_RING;
    const pitch_frame *frame = &path->frame[at];
    const int state = path->chosen[at];
    result->voicing_probability = 1.0f / (1.0f + expf(-PROBABILITY_SLOPE * path->best_strength[at]));
    if (path->frame[at].level <= 0.0f)
        result->voicing_probability = 0.0f;
    result->f0_hz = 0.0f;
    result->hnr_db = 0.0f;
    if (state > 0) {
        const float r = frame->harmonicity[state - 1];
        const float hnr = r >= 0.99999f ? HNR_MAX_DB : r <= 0.01f ? HNR_MIN_DB : 10.0f * log10f(r / (1.0f - r));
        result->f0_hz = exp2f(frame->log2_f0[state - 1]);
        result->hnr_db = hnr;
    }
    path->decided++;
    return 1;
}
