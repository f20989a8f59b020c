/* pitch_path.c - the best path through the candidates, decided with a fixed look-ahead. See pitch.h. */
#include "fours.h"
#include "pitch.h"
#include "pitch_model.h"

#include <math.h>
#include <string.h>

/* The log odds of a frame of digital silence: nothing outweighs them. */
#define SILENCE_LOG_ODDS (-40.0f)
/* HNR is kept within what a 48 ms window can tell. */
#define HNR_MIN_DB (-20.0f)
#define HNR_MAX_DB 50.0f

int pitch_range_init(pitch_range *range, float f0_min_hz, float f0_max_hz) {
    if (!(f0_min_hz >= 55.0f && f0_max_hz <= 800.0f && f0_min_hz * 1.5f <= f0_max_hz))
        return 0;
    const float lowest = (log2f(f0_min_hz) - POSTERIOR_LOWEST_LOG2_HZ) * POSTERIOR_STATES_PER_OCTAVE;
    const float highest = (log2f(f0_max_hz) - POSTERIOR_LOWEST_LOG2_HZ) * POSTERIOR_STATES_PER_OCTAVE;
    range->state_min = lowest > 0.0f ? (int32_t)(lowest + 0.5f) : 0;
    range->state_max = highest < POSTERIOR_STATES - 1 ? (int32_t)(highest + 0.5f) : POSTERIOR_STATES - 1;
    if (range->state_min >= range->state_max)
        return 0;
    return 1;
}

void pitch_path_reset(pitch_path *path) {
    memset(path, 0, sizeof *path);
}

pitch_frame *pitch_path_slot(pitch_path *path, size_t ahead) {
    return &path->frame[(size_t)(path->seen + (int64_t)ahead) % PITCH_RING];
}

/* Candidates side by side. */
#define ALL FOURS(PITCH_CANDIDATES)
_Static_assert(PITCH_CANDIDATES == 6, "load_all loads six");

typedef struct all_candidates {
    four at[ALL];
} all_candidates;

static inline all_candidates load_all(const float *values) {
    return (all_candidates){{*(const four_unaligned *)values, (four){values[4], values[5]}}};
}

static inline four jump_cost(float per_octave, float from_log2, four to_log2) {
    const four step = from_log2 - to_log2, cost = per_octave * (four)((four_i)step & INT32_MAX);
    return four_choose(cost < PATH_JUMP_MAX, cost, four_splat(PATH_JUMP_MAX));
}

/* Best way into the unvoiced state. */
static float into_unvoiced(const pitch_path *path, const pitch_frame *before, uint8_t *from) {
    float best = path->score[0];
    *from = 0;
    for (int s = 1; s <= before->count; s++)
        if (path->score[s] - PATH_VOICED_UNVOICED > best) {
            best = path->score[s] - PATH_VOICED_UNVOICED;
            *from = (uint8_t)s;
        }
    return best;
}

/* Best ways into candidates: from one of the frame before, or from silence, with the memory of the F0 before it. */
static void into_voiced(const pitch_path *path, const pitch_frame *before, const all_candidates *log2_f0, all_candidates *score, uint8_t *from) {
    four_i best_from[ALL];
    for (int i = 0; i < ALL; i++) {
        const four to = log2_f0->at[i];
        four best = four_splat(path->score[0] - PATH_VOICED_UNVOICED);
        best_from[i] = (four_i){0};
        if (path->memory > 0.0f)
            best -= jump_cost(PATH_MEMORY_JUMP, path->memory, to);
        for (int s = 1; s <= before->count; s++) {
            const four way = path->score[s] - jump_cost(PATH_JUMP, before->log2_f0[s - 1], to);
            const four_i better = way > best;
            best = four_choose(better, way, best);
            best_from[i] = (better & s) | (~better & best_from[i]);
        }
        score->at[i] = best;
    }
    for (int c = 0; c < PITCH_CANDIDATES; c++)
        from[c] = (uint8_t)best_from[c / 4][c % 4];
}

/* Puts the next frame on the path. */
static void score_next(pitch_path *path) {
    static const pitch_frame nothing;
    const size_t at = (size_t)path->scored % PITCH_RING;
    const pitch_frame *now = &path->frame[at];
    const pitch_frame *before = path->scored == 0 ? &nothing : &path->frame[(size_t)(path->scored - 1) % PITCH_RING];
    const all_candidates log2_f0 = load_all(now->log2_f0), strength = load_all(now->strength);
    all_candidates score;
    float scores[4 * ALL];

    path->voicing[at] =
        now->level_db > PITCH_AUDIBLE_DB ? pitch_voicing(path->frame, &path->levels, path->scored, path->seen - 1) : SILENCE_LOG_ODDS;
    const float voiced = PATH_VOICING_WEIGHT * path->voicing[at] + PATH_VOICING_BIAS;
    const float unvoiced = into_unvoiced(path, before, &path->from[at][0]);
    float best = unvoiced;
    into_voiced(path, before, &log2_f0, &score, &path->from[at][1]);
    for (int i = 0; i < ALL; i++)
        score.at[i] = score.at[i] + PATH_STRENGTH_WEIGHT * strength.at[i] + voiced;
    memcpy(scores, &score, sizeof scores);
    for (int c = 0; c < now->count; c++)
        best = scores[c] > best ? scores[c] : best;
    if (path->from[at][0] > 0)
        path->memory = before->log2_f0[path->from[at][0] - 1];
    path->score[0] = unvoiced - best; /* kept near zero: only differences count, and they must not lose digits with time */
    for (int c = 0; c < now->count; c++)
        path->score[c + 1] = scores[c] - best;
    path->chosen[at] = UINT8_MAX;
    path->scored++;
}

void pitch_path_push(pitch_path *path) {
    pitch_levels_hear(&path->levels, path->frame[(size_t)path->seen % PITCH_RING].level_db);
    path->seen++;
    if (path->seen > PITCH_LEVEL_FRAMES)
        score_next(path);
}

/* Traces back from the newest scored frame as far as it differs from the last trace. */
static void trace(pitch_path *path) {
    const size_t newest = (size_t)(path->scored - 1) % PITCH_RING;
    int state = 0;
    for (int s = 1; s <= path->frame[newest].count; s++)
        if (path->score[s] > path->score[state])
            state = s;
    for (int64_t i = path->scored - 1; i >= path->decided; i--) {
        const size_t at = (size_t)i % PITCH_RING;
        if (path->chosen[at] == state)
            return;
        path->chosen[at] = (uint8_t)state;
        state = path->from[at][state];
    }
}

int pitch_path_pop(pitch_path *path, int finishing, pitch_result *result) {
    while (finishing && path->scored < path->seen)
        score_next(path);
    if (path->decided >= path->scored || (!finishing && path->scored - path->decided <= PITCH_PATH_FRAMES))
        return 0;
    trace(path);
    const size_t at = (size_t)path->decided % PITCH_RING;
    const pitch_frame *frame = &path->frame[at];
    const int state = path->chosen[at];
    result->voicing_probability = frame->level_db > PITCH_AUDIBLE_DB ? 1.0f / (1.0f + expf(-path->voicing[at])) : 0.0f;
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
