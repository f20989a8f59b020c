/* pitch_candidates.c - F0 candidates by autocorrelation of the amplitude-compressed spectrum; see pitch.h for the method and its sources. */
#include "spectrum.h"

/* Bins of 15.6 Hz that hold no voice: mean, drift and mains hum below 47 Hz. */
#define FIRST_BIN 3
#define BINS (PITCH_FFT / 2)
/* Mean power of the window below which it is digital silence. */
#define SILENCE_POWER 1e-18f
/* Candidates must reach this correlation; below it no path would take them. */
#define MIN_STRENGTH 0.05f
#define LOG2_8000 12.9657843f

/* Real even spectrum to its transform at lags 0 .. PITCH_LAGS - 1, divided by lag 0 and by the window's own. */
static void autocorrelate(const vf *s, const float *lag_weight, fft_work *work, vf *r) {
    fft_cosine(work, s, r, PITCH_LAGS);
    vf scale = 1.0f / vmax(r[0], splat(1e-30f));
    for (int k = 0; k < PITCH_LAGS; k++)
        r[k] *= scale * lag_weight[k];
}

/* Keeps the strongest candidates in order of falling strength; log2_f0 holds lags until they are all known. */
INLINE void keep(pitch_frame *out, float lag, float strength, float harmonicity) {
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
        out->harmonicity[at] = out->harmonicity[at - 1];
    }
    out->strength[at] = strength;
    out->log2_f0[at] = lag;
    out->harmonicity[at] = harmonicity;
}

/* Value half a lag after k, by a sinc of eight taps under a squared cosine: a parabola through whole lags would lose the height of peaks between them. */
INLINE vf half_lag_after(const vf *r, int k) {
    return 0.617130865f * (r[k] + r[k + 1]) - 0.159079552f * (r[k - 1] + r[k + 2]) + 0.052582271f * (r[k - 2] + r[k + 3]) - 0.0106335843f * (r[k - 3] + r[k + 4]);
}

/* A parabola through three values half a lag apart: its value `shift` lags from the middle one. */
INLINE vf parabola(vf before, vf middle, vf after, vf shift) {
    return middle + shift * ((after - before) + 2.0f * shift * (before + after - 2.0f * middle));
}

/* The peaks of r as candidates. */
static void pick(const pitch_range *range, const vf *r, const vf *sound, vi audible, const frame_job *jobs) {
    for (int k = range->lag_min; k <= range->lag_max; k++) {
        uint32_t bits = mask_bits((r[k] > r[k - 1]) & (r[k] >= r[k + 1]) & (r[k] > MIN_STRENGTH) & audible);
        if (bits == 0)
            continue;
        vf before = half_lag_after(r, k - 1), after = half_lag_after(r, k);
        vf bend = 2.0f * r[k] - before - after;
        vf shift = 0.25f * (after - before) / vmax(bend, splat(1e-9f));
        shift = vmax(vmin(shift, splat(0.5f)), splat(-0.5f));
        vf strength = parabola(before, r[k], after, shift);
        strength = choose(strength > 1.0f, 1.0f / strength, strength);
        vf harmonicity = parabola(half_lag_after(sound, k - 1), sound[k], half_lag_after(sound, k), shift);
        float lags[LANES], strengths[LANES], harmonicities[LANES];
        store(lags, shift + (float)k);
        store(strengths, strength);
        store(harmonicities, harmonicity);
        for (; bits != 0; bits &= bits - 1) {
            const int l = __builtin_ctz(bits);
            keep(jobs[l].candidates, lags[l], strengths[l], harmonicities[l]);
        }
    }
}

/* Lags to log2 of F0, for all lanes at once. */
static void lags_to_log2_f0(const frame_job *jobs) {
    int32_t most = 0;
    for (int l = 0; l < LANES; l++)
        most = jobs[l].candidates->count > most ? jobs[l].candidates->count : most;
    for (int c = 0; c < most; c++) {
        float lags[LANES], log2_f0[LANES];
        for (int l = 0; l < LANES; l++)
            lags[l] = c < jobs[l].candidates->count ? jobs[l].candidates->log2_f0[c] : 1.0f;
        store(log2_f0, LOG2_8000 - vlog2(load(lags)));
        for (int l = 0; l < LANES; l++)
            if (c < jobs[l].candidates->count)
                jobs[l].candidates->log2_f0[c] = log2_f0[l];
    }
}

void PROSODY_LEVEL_NAME(pitch_candidates)(const pitch_range *range, const frame_job *jobs) {
    fft_work work;
    vf power[BINS + 1], r[PITCH_LAGS], sound[PITCH_LAGS];
    const float *frames[LANES];

    for (int l = 0; l < LANES; l++)
        frames[l] = jobs[l].pitch;
    fft_load(&work, frames, prosody_pitch_window, PITCH_WINDOW, prosody_reversal256, BINS);
    fft_complex256(&work);
    fft_power(&work, BINS, power);
    for (int k = 0; k < FIRST_BIN; k++)
        power[k] = (vf){0};
    vf total = {0};
    for (int k = FIRST_BIN; k <= BINS; k++)
        total += power[k];
    /* Parseval: sum over all 512 bins / 512 = sum of squares of the windowed frame, whose window has mean square 3/8. */
    vf mean_square = total * (2.0f / (PITCH_FFT * 0.375f * PITCH_WINDOW));
    vf level = vsqrt(mean_square);

    autocorrelate(power, prosody_hnr_lag_weight, &work, sound);
    for (int k = FIRST_BIN; k <= BINS; k++)
        power[k] = vsqrt(power[k]);
    autocorrelate(power, prosody_pitch_lag_weight, &work, r);

    for (int l = 0; l < LANES; l++) {
        jobs[l].candidates->count = 0;
        jobs[l].candidates->level = level[l];
    }
    pick(range, r, sound, mean_square > SILENCE_POWER, jobs);
    lags_to_log2_f0(jobs);
}
