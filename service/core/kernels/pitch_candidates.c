/* pitch_candidates.c - F0 candidates of LANES frames: peaks of the posterior, sharpened on an autocorrelation. See pitch.h. */
#include "pitch_kernel.h"

/* Mean power of the window below which it is digital silence. */
#define SILENCE_POWER 1e-18f
/* Log probability below the best at which a candidate is not worth keeping: no path of the bench took one. */
#define DEPTH 8.0f
#define LOG2_8000 12.9657843f
#define DB_PER_LOG2 3.01029996f
/* Samples about the middle of the window whose level is the frame's, a multiple of 4; and what level_db adds so as not to fall below PITCH_SILENCE_DB. */
#define MIDDLE 96
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

/* Keeps the strongest candidates in order of falling strength. */
INLINE void keep(pitch_frame *out, float state, float strength) {
    int at = out->count;
    if (at == PITCH_CANDIDATES) {
        if (out->strength[--at] >= strength)
            return;
    } else {
        out->count++;
    }
    for (; at > 0 && out->strength[at - 1] < strength; at--) {
        out->strength[at] = out->strength[at - 1];
        out->log2_f0[at] = out->log2_f0[at - 1];
    }
    out->strength[at] = strength;
    out->log2_f0[at] = POSTERIOR_LOWEST_LOG2_HZ + state * (1.0f / POSTERIOR_STATES_PER_OCTAVE);
}

/* The peaks of the posterior as candidates; z[k] is state k, with a wall at both ends. */
static void pick(const pitch_range *range, const vf *z, vf total, vi audible, const pitch_job *jobs) {
    vf best = z[range->state_min];
    for (int k = range->state_min + 1; k <= range->state_max; k++)
        best = vmax(best, z[k]);
    const vf least = best - DEPTH;
    for (int k = range->state_min; k <= range->state_max; k++) {
        const vf wall = z[k] - 1.0f, before = k == 0 ? wall : z[k - 1], after = k == POSTERIOR_STATES - 1 ? wall : z[k + 1];
        uint32_t bits = mask_bits((z[k] > before) & (z[k] >= after) & (z[k] > least) & audible);
        if (bits == 0)
            continue;
        float states[LANES], strengths[LANES];
        store(states, splat((float)k) + 0.5f * (after - before) / vmax(2.0f * z[k] - before - after, splat(1e-6f)));
        store(strengths, z[k] - total);
        for (; bits != 0; bits &= bits - 1) {
            const int l = __builtin_ctz(bits);
            keep(jobs[l].candidates, k == 0 || k == POSTERIOR_STATES - 1 ? (float)k : states[l], strengths[l]);
        }
    }
}

/* Sharpens F0 and adds harmonicity, 0 without `sound`, for all lanes. */
static void refine(const vf *r, const vf *sound, const pitch_job *jobs) {
    for (int c = 0; c < PITCH_CANDIDATES; c++) {
        float log2_lags[LANES], harmonicity[LANES];
        int any = 0;
        for (int l = 0; l < LANES; l++) {
            const int here = c < jobs[l].candidates->count;
            log2_lags[l] = here ? LOG2_8000 - jobs[l].candidates->log2_f0[c] : 2.0f;
            any |= here;
        }
        if (!any)
            return;
        const vf lag = sharpen(r, vexp2(load(log2_lags)));
        store(harmonicity, sound == NULL ? (vf){0} : harmonicity_at(sound, lag));
        store(log2_lags, vlog2(lag));
        for (int l = 0; l < LANES; l++)
            if (c < jobs[l].candidates->count) {
                jobs[l].candidates->harmonicity[c] = harmonicity[l];
                jobs[l].candidates->log2_f0[c] = LOG2_8000 - log2_lags[l];
            }
    }
}

/* Mean square of the middle of the windowed frames, from the work area of the transform before it runs. */
static vf middle_power(const fft_work *work) {
    vf sum = {0};
    for (int n = (PITCH_WINDOW - MIDDLE) / 4; n < (PITCH_WINDOW + MIDDLE) / 4; n++) {
        const int at = prosody_reversal256[n];
        sum += work->re[at] * work->re[at] + work->im[at] * work->im[at];
    }
    return sum * (1.0f / MIDDLE);
}

/* Log of the sum of exponentials of z[0 .. count). */
static vf log_sum(const vf *z, int count) {
    vf best = z[0], sum = {0};
    for (int k = 1; k < count; k++)
        best = vmax(best, z[k]);
    for (int k = 0; k < count; k++)
        sum += vexp2((z[k] - best) * 1.44269504f);
    return best + vlog2(sum) * 0.693147181f;
}

/* Frames that are digital silence throughout say so, whatever their neighbours in the register are. */
static void describe_silence(vi audible, vf level, const pitch_job *jobs) {
    for (int l = 0; l < LANES; l++)
        if (!audible[l])
            *jobs[l].candidates = (pitch_frame){.level_db = level[l], .evidence = PITCH_SILENT_EVIDENCE, .clarity = PITCH_SILENT_CLARITY};
}

static void describe(const vf *posterior, vf total, vf level, const pitch_job *jobs) {
    vf best = posterior[1];
    for (int k = 2; k <= POSTERIOR_STATES; k++)
        best = vmax(best, posterior[k]);
    const vf evidence = total - posterior[0], clarity = best - total;
    for (int l = 0; l < LANES; l++) {
        jobs[l].candidates->count = 0;
        jobs[l].candidates->level_db = level[l];
        jobs[l].candidates->evidence = evidence[l];
        jobs[l].candidates->clarity = clarity[l];
    }
}

void PROSODY_LEVEL_NAME(pitch_candidates)(const pitch_range *range, int harmonicity, const pitch_job *jobs) {
    fft_work work;
    vf power[PITCH_BINS + 1], posterior[POSTERIOR_STATES + 1], r[PITCH_LAGS], sound[PITCH_LAGS];
    const float *frames[LANES];

    for (int l = 0; l < LANES; l++)
        frames[l] = jobs[l].window;
    fft_load(&work, frames, prosody_pitch_window, PITCH_WINDOW, PITCH_BINS);
    const vf level = vlog2(middle_power(&work) + LEVEL_FLOOR) * DB_PER_LOG2;
    fft_complex(&work, PITCH_BINS);
    fft_power(&work, PITCH_BINS, power);
    vf total = {0};
    for (int k = 0; k < PITCH_FIRST_BIN; k++)
        power[k] = (vf){0};
    for (int k = PITCH_FIRST_BIN; k <= PITCH_BINS; k++)
        total += power[k];
    /* Parseval: sum over all 512 bins / 512 = sum of squares of the windowed frame, whose window has mean square 3/8. */
    const vi audible = total * (2.0f / (PITCH_FFT * 0.375f * PITCH_WINDOW)) > SILENCE_POWER;
    if (mask_bits(audible) == 0) {
        describe_silence(audible, level, jobs);
        return;
    }

    PROSODY_LEVEL_NAME(pitch_posterior)(power, posterior);
    const vf voiced = log_sum(posterior + 1, POSTERIOR_STATES);
    describe(posterior, voiced, level, jobs);
    pick(range, posterior + 1, voiced, audible, jobs);

    if (harmonicity)
        autocorrelate(power, prosody_hnr_lag_weight, &work, sound);
    for (int k = PITCH_FIRST_BIN; k <= PITCH_BINS; k++)
        power[k] = vsqrt(power[k]);
    autocorrelate(power, prosody_pitch_lag_weight, &work, r);
    refine(r, harmonicity ? sound : NULL, jobs);
    describe_silence(audible, level, jobs);
}
