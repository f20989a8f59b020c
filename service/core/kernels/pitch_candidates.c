/* pitch_candidates.c - F0 candidates of LANES frames: peaks of the posterior, sharpened on an autocorrelation. See pitch.h. */
#include <math.h>

#include "pitch_kernel.h"

/* Log probability below the best at which a candidate is not worth keeping: no path of the bench took one. */
#define DEPTH 8.0f
#define LOG2_8000 12.9657843f
#define DB_PER_LOG2 3.01029996f
/* Samples about the middle of the window whose level is the frame's; and what level_db adds so as not to fall below PITCH_SILENCE_DB. */
#define MIDDLE_FROM 144
#define MIDDLE_TO (PITCH_WINDOW - MIDDLE_FROM)
#define LEVEL_FLOOR 1e-16f
/* How far from the posterior's peak the period is looked for, as a share of it: one state is 3.5 %. */
#define SEARCH 0.03f

/* Real even spectrum to its transform at lags 0 .. PITCH_LAGS - 1, divided by lag 0 and by the window's own. */
static void autocorrelate(const vf *s, const float *lag_weight, fft_work *work, vf *r) {
    fft_cosine(work, s, r, PITCH_LAGS, PITCH_BINS);
    vf scale = 1.0f / vmax(r[0], splat(1e-30f));
    for (int k = 0; k < PITCH_LAGS; k++)
        r[k] *= scale * lag_weight[k];
}

/* Nine values of a transform about lags k - 4 .. k + 4, of each lane its own. */
#define ABOUT 4
INLINE void values_about(const vf *r, vi k, vf *v) {
    const vi at = k * LANES + lane_numbers();
    for (int i = -ABOUT; i <= ABOUT; i++)
        v[ABOUT + i] = gather((const float *)r, at + i * LANES);
}

/* Value half a lag after v[0], by a sinc of eight taps under a squared cosine: a parabola through whole lags would lose the height of peaks between them. */
INLINE vf half_lag_after(const vf *v) {
    return 0.617130865f * (v[0] + v[1]) - 0.159079552f * (v[-1] + v[2]) + 0.052582271f * (v[-2] + v[3]) - 0.0106335843f * (v[-3] + v[4]);
}

/* The lags of the peaks of r near `lag`, or `lag` itself where there is none. */
static vf sharpen(const vf *r, vf lag) {
    const vi last = splat_i(PITCH_LAGS - 6);
    vi from = truncate(vmax(lag * (1.0f - SEARCH), splat(4.0f))), to = truncate(lag * (1.0f + SEARCH)) + 1;
    to = choose_i(to > last, last, to);
    const int32_t *froms = (const int32_t *)&from, *tos = (const int32_t *)&to;
    int span = 0;
    for (int l = 0; l < LANES; l++)
        span = tos[l] - froms[l] > span ? tos[l] - froms[l] : span;
    const vi base = from * LANES + lane_numbers();
    vi best = from;
    vf highest = gather((const float *)r, base);
    for (int m = 1; m <= span; m++) {
        const vi k = from + m, inside = k <= to;
        const vf value = gather((const float *)r, choose_i(inside, base + m * LANES, base));
        const vi better = inside & (value > highest);
        best = choose_i(better, k, best);
        highest = choose(better, value, highest);
    }
    vf v[2 * ABOUT + 1];
    values_about(r, best, v);
    const vf before = half_lag_after(v + ABOUT - 1), after = half_lag_after(v + ABOUT);
    const vf bend = 2.0f * v[ABOUT] - before - after;
    vf shift = choose(bend > 1e-9f, 0.25f * (after - before) / choose(bend > 1e-9f, bend, splat(1.0f)), (vf){0});
    shift = vmax(vmin(shift, splat(0.5f)), splat(-0.5f));
    const vi peak = (v[ABOUT - 1] <= v[ABOUT]) & (v[ABOUT + 1] <= v[ABOUT]);
    return choose(peak, __builtin_convertvector(best, vf) + shift, lag);
}

/* Values of the sound's autocorrelation between lags, by a parabola through three values half a lag apart. */
static vf harmonicity_at(const vf *sound, vf lag) {
    vi k = truncate(vmax(lag + 0.5f, splat(4.0f)));
    k = choose_i(k > PITCH_LAGS - 6, splat_i(PITCH_LAGS - 6), k);
    vf v[2 * ABOUT + 1];
    values_about(sound, k, v);
    const vf before = half_lag_after(v + ABOUT - 1), after = half_lag_after(v + ABOUT), shift = lag - __builtin_convertvector(k, vf);
    return v[ABOUT] + shift * ((after - before) + 2.0f * shift * (before + after - 2.0f * v[ABOUT]));
}

/* Candidates of LANES frames in order of falling strength; those beyond a frame's count are infinitely weak. */
typedef struct candidates {
    vf state[PITCH_CANDIDATES], strength[PITCH_CANDIDATES];
} candidates;

/* Puts one more into its place, behind those as strong; the weakest is lost. */
INLINE void keep(candidates *best, vf state, vf strength) {
    for (int c = 0; c < PITCH_CANDIDATES; c++)
        put_in_order(&best->strength[c], &strength, &best->state[c], &state);
}

/* The peaks of the posterior as candidates; z[k] is state k, with a wall at both ends. */
static void pick(const pitch_range *range, const vf *z, vf total, candidates *best) {
    for (int c = 0; c < PITCH_CANDIDATES; c++) {
        best->state[c] = (vf){0};
        best->strength[c] = splat(-INFINITY);
    }
    vf highest = z[range->state_min];
    for (int k = range->state_min + 1; k <= range->state_max; k++)
        highest = vmax(highest, z[k]);
    const vf least = highest - DEPTH;
    for (int k = range->state_min; k <= range->state_max; k++) {
        const int end = k == 0 || k == POSTERIOR_STATES - 1;
        const vf wall = z[k] - 1.0f, before = k == 0 ? wall : z[k - 1], after = k == POSTERIOR_STATES - 1 ? wall : z[k + 1];
        const vi peak = (z[k] > before) & (z[k] >= after) & (z[k] > least);
        if (mask_bits(peak) == 0)
            continue;
        const vf state = splat((float)k) + 0.5f * (after - before) / vmax(2.0f * z[k] - before - after, splat(1e-6f));
        keep(best, end ? splat((float)k) : state, choose(peak, z[k] - total, splat(-INFINITY)));
    }
}

/* A frame as words, so that LANES of them can be written by transposing. */
enum { WORD_COUNT, WORD_LEVEL, WORD_EVIDENCE, WORD_CLARITY, WORD_LOG2_F0, WORD_STRENGTH = WORD_LOG2_F0 + PITCH_CANDIDATES, WORDS = WORD_STRENGTH + PITCH_CANDIDATES };
_Static_assert(WORDS == 16 && offsetof(pitch_frame, level_db) == 4 * WORD_LEVEL && offsetof(pitch_frame, evidence) == 4 * WORD_EVIDENCE &&
                   offsetof(pitch_frame, clarity) == 4 * WORD_CLARITY && offsetof(pitch_frame, log2_f0) == 4 * WORD_LOG2_F0 &&
                   offsetof(pitch_frame, strength) == 4 * WORD_STRENGTH && offsetof(pitch_frame, harmonicity) == 4 * WORDS,
               "pitch_frame is not what is written here");

/* Sharpens the F0 of all candidates and adds harmonicity, 0 without `sound`. */
static void refine(const candidates *best, const vf *r, const vf *sound, vf *words, const pitch_job *jobs) {
    vi count = {0};
    for (int c = 0; c < PITCH_CANDIDATES; c++) {
        const vi here = best->strength[c] > -INFINITY;
        vf harmonicity = {0};
        words[WORD_LOG2_F0 + c] = (vf){0};
        words[WORD_STRENGTH + c] = choose(here, best->strength[c], (vf){0});
        if (mask_bits(here) != 0) {
            const vf log2_f0 = POSTERIOR_LOWEST_LOG2_HZ + best->state[c] * (1.0f / POSTERIOR_STATES_PER_OCTAVE);
            const vf lag = sharpen(r, vexp2(choose(here, LOG2_8000 - log2_f0, splat(2.0f))));
            words[WORD_LOG2_F0 + c] = choose(here, LOG2_8000 - vlog2(lag), (vf){0});
            if (sound != NULL)
                harmonicity = choose(here, harmonicity_at(sound, lag), (vf){0});
        }
        for (int l = 0; l < LANES; l++)
            jobs[l].candidates->harmonicity[c] = harmonicity[l];
        count -= here;
    }
    words[WORD_COUNT] = (vf)count;
}

/* Mean square of the middle of the windowed frames. */
static vf middle_power(const vf *squares) {
    vf sum = {0};
    for (int n = 0; n < (MIDDLE_TO - MIDDLE_FROM) / 2; n++)
        sum += squares[n];
    return sum * (1.0f / (MIDDLE_TO - MIDDLE_FROM));
}

/* Log of the sum of exponentials of z[0 .. count), and the greatest. */
static vf log_sum(const vf *z, int count, vf *greatest) {
    vf best = z[0], sum = {0};
    for (int k = 1; k < count; k++)
        best = vmax(best, z[k]);
    for (int k = 0; k < count; k++)
        sum += vexp2((z[k] - best) * 1.44269504f);
    *greatest = best;
    return best + vlog2(sum) * 0.693147181f;
}

/* Frames that are digital silence throughout say so, whatever their neighbours in the register are. */
static void describe_silence(vi audible, vf level, const pitch_job *jobs) {
    for (int l = 0; l < LANES; l++)
        if (!audible[l])
            *jobs[l].candidates = (pitch_frame){.level_db = level[l], .evidence = PITCH_SILENT_EVIDENCE, .clarity = PITCH_SILENT_CLARITY};
}

static void write(vf *words, const pitch_job *jobs) {
    for (int w = 0; w < WORDS; w += LANES) {
        transpose(words + w);
        for (int l = 0; l < LANES; l++)
            store((float *)jobs[l].candidates + w, words[w + l]);
    }
}

/* Power, without the bins that hold no voice, and level of LANES frames. */
static void hear(const pitch_job *jobs, fft_work *work, vf *power, vf *level) {
    const float *frames[LANES];
    vf squares[(MIDDLE_TO - MIDDLE_FROM) / 2];
    for (int l = 0; l < LANES; l++)
        frames[l] = jobs[l].window;
    fft_power(work, frames, prosody_pitch_window, PITCH_WINDOW, PITCH_BINS, power, &(fft_pairs){MIDDLE_FROM, MIDDLE_TO, 1, squares});
    *level = vlog2(middle_power(squares) + LEVEL_FLOOR) * DB_PER_LOG2;
    for (int k = 0; k < PITCH_FIRST_BIN; k++)
        power[k] = (vf){0};
}

void PROSODY_LEVEL_NAME(pitch_candidates)(const pitch_range *range, int harmonicity, const pitch_job *jobs, int groups) {
    fft_work work;
    vf power[PITCH_GROUPS][PITCH_BINS + 1], posterior[PITCH_GROUPS][POSTERIOR_STATES + 1], r[PITCH_LAGS], sound[PITCH_GROUPS][PITCH_LAGS], level[PITCH_GROUPS], words[WORDS];
    vi audible[PITCH_GROUPS];
    candidates best;

    for (int g = 0; g < groups; g++) {
        hear(jobs + g * LANES, &work, power[g], &level[g]);
        if (harmonicity)
            autocorrelate(power[g], prosody_hnr_lag_weight, &work, sound[g]);
    }
    PROSODY_LEVEL_NAME(pitch_posterior)(groups, power[0], audible, posterior[0]);
    for (int g = 0; g < groups; g++, jobs += LANES) {
        if (mask_bits(audible[g]) != 0) {
            vf greatest;
            const vf voiced = log_sum(posterior[g] + 1, POSTERIOR_STATES, &greatest);
            words[WORD_LEVEL] = level[g];
            words[WORD_EVIDENCE] = voiced - posterior[g][0];
            words[WORD_CLARITY] = greatest - voiced;
            pick(range, posterior[g] + 1, voiced, &best);
            autocorrelate(power[g], prosody_pitch_lag_weight, &work, r);
            refine(&best, r, harmonicity ? sound[g] : NULL, words, jobs);
            write(words, jobs);
        }
        describe_silence(audible[g], level[g], jobs);
    }
}
