/* pitch_candidates.c - F0 candidates by autocorrelation of the amplitude-compressed spectrum; see pitch.h for the method and its sources. */
#include "spectrum.h"

/* Bins of 15.6 Hz that hold no voice: mean, drift and mains hum below 47 Hz. */
#define FIRST_BIN 3
#define BINS (PITCH_FFT / 2)
/* Mean power of the window below which it is digital silence. */
#define SILENCE_POWER 1e-18f
/* Candidates must reach this correlation; below it no path would take them. */
#define MIN_STRENGTH 0.05f

static void load_frames(const frame_job *jobs, fft_work *work) {
    for (int n = 0; n < PITCH_WINDOW / 2; n++) {
        vf even, odd;
        for (int l = 0; l < LANES; l++) {
            even[l] = jobs[l].pitch[2 * n];
            odd[l] = jobs[l].pitch[2 * n + 1];
        }
        const int at = prosody_reversal256[n];
        work->re[at] = even * prosody_pitch_window[2 * n];
        work->im[at] = odd * prosody_pitch_window[2 * n + 1];
    }
    for (int n = PITCH_WINDOW / 2; n < PITCH_FFT / 2; n++)
        work->re[prosody_reversal256[n]] = work->im[prosody_reversal256[n]] = (vf){0};
}

/* Real even sequence s[0 .. BINS] (s[512 - k] = s[k]) to its transform at lags 0 .. PITCH_LAGS - 1, divided by lag 0 and by the window's own. */
static void autocorrelate(const vf *s, const float *lag_weight, fft_work *work, vf *r) {
    for (int n = 0; n < BINS; n++) {
        const int even = 2 * n, odd = 2 * n + 1;
        work->re[prosody_reversal256[n]] = s[even <= BINS ? even : PITCH_FFT - even];
        work->im[prosody_reversal256[n]] = s[odd <= BINS ? odd : PITCH_FFT - odd];
    }
    fft_complex(work, BINS);
    vf zero = work->re[0] + work->im[0];
    vf scale = 1.0f / vmax(zero, splat(1e-30f));
    r[0] = zero * scale;
    for (int k = 1; k < PITCH_LAGS; k++) {
        vf re, im, re_mirror, im_mirror;
        fft_split(work, BINS, k, &re, &im, &re_mirror, &im_mirror);
        r[k] = re * scale * lag_weight[k];
    }
}

/* Keeps the strongest candidates in order of falling strength. */
static void keep(pitch_frame *out, float log2_f0, float strength, float harmonicity) {
    int at = out->count < PITCH_CANDIDATES ? out->count++ : PITCH_CANDIDATES - 1;
    if (at == PITCH_CANDIDATES - 1 && out->count == PITCH_CANDIDATES && out->strength[at] > strength && out->strength[at] > 0.0f)
        return;
    for (; at > 0 && out->strength[at - 1] < strength; at--) {
        out->strength[at] = out->strength[at - 1];
        out->log2_f0[at] = out->log2_f0[at - 1];
        out->harmonicity[at] = out->harmonicity[at - 1];
    }
    out->strength[at] = strength;
    out->log2_f0[at] = log2_f0;
    out->harmonicity[at] = harmonicity;
}

/* The peaks of r as candidates; peak position and height by a parabola through three lags. */
static void pick(const pitch_range *range, const float *r, const float *sound, pitch_frame *out) {
    out->count = 0;
    for (int c = 0; c < PITCH_CANDIDATES; c++)
        out->strength[c] = 0.0f;
    for (int k = range->lag_min; k <= range->lag_max; k++) {
        if (!(r[k] > r[k - 1] && r[k] >= r[k + 1] && r[k] > MIN_STRENGTH))
            continue;
        const float slope = 0.5f * (r[k + 1] - r[k - 1]), bend = 2.0f * r[k] - r[k - 1] - r[k + 1];
        const float shift = slope / bend;
        float strength = r[k] + 0.5f * slope * shift;
        if (strength > 1.0f)
            strength = 1.0f / strength;
        const float sound_slope = 0.5f * (sound[k + 1] - sound[k - 1]), sound_bend = sound[k - 1] + sound[k + 1] - 2.0f * sound[k];
        const float harmonicity = sound[k] + shift * (sound_slope + 0.5f * shift * sound_bend);
        keep(out, __builtin_log2f(8000.0f / ((float)k + shift)), strength, harmonicity);
    }
}

void PROSODY_LEVEL_NAME(pitch_candidates)(const pitch_range *range, const frame_job *jobs) {
    fft_work work;
    vf power[BINS + 1], r[PITCH_LAGS], sound[PITCH_LAGS];
    float lane_r[PITCH_LAGS], lane_sound[PITCH_LAGS];

    load_frames(jobs, &work);
    fft_complex(&work, BINS);
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
        for (int k = 0; k < PITCH_LAGS; k++) {
            lane_r[k] = r[k][l];
            lane_sound[k] = sound[k][l];
        }
        jobs[l].candidates->count = 0;
        jobs[l].candidates->level = level[l];
        if (mean_square[l] > SILENCE_POWER)
            pick(range, lane_r, lane_sound, jobs[l].candidates);
    }
}
