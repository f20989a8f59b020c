/* pitch_posterior.c - log probability of each F0, and of none, from the power spectrum of 48 ms. See pitch.h.
 *
 * Input: amplitude over the square root of its own envelope's, so that formants, the tilt of a voice and the band of a telephone weigh little and harmonics
 * much (as the whitening of Tolonen & Karjalainen 2000), normalised to unit mean square, so that gain does not matter. One hidden layer of rectifiers.
 */
#include "pitch_kernel.h"

#define FIRST_PAIR (PITCH_FIRST_BIN + POSTERIOR_BINS)
#define SPAN 16                 /* the envelope is the power under two running means of 16 bins, which is a triangle of 500 Hz */
#define POWER_FLOOR 1e-18f      /* 100 dB below one step of 16-bit audio, so that gain does not matter */

/* Running sums of SPAN values by doubling: every one is a sum of few positive numbers, so nothing is lost beside a strong bin. */
static void running_sum(vf *x, int count) {
    for (int half = 1; half < SPAN; half *= 2)
        for (int k = 0; k + half < count; k++)
            x[k] += x[k + half];
}

static void flatten(const vf *power, vf *x) {
    vf padded[PITCH_BINS + 1 + 2 * (SPAN - 1)];
    for (int k = 0; k < SPAN - 1; k++)
        padded[k] = padded[SPAN + PITCH_BINS + k] = (vf){0};
    for (int k = 0; k <= PITCH_BINS; k++)
        padded[SPAN - 1 + k] = power[k];
    running_sum(padded, PITCH_BINS + 1 + 2 * (SPAN - 1));
    running_sum(padded, PITCH_BINS + 1 + 2 * (SPAN - 1));
    vf square = {0};
    for (int i = 0; i < POSTERIOR_INPUTS; i++) {
        const int k = i < POSTERIOR_BINS ? PITCH_FIRST_BIN + i : FIRST_PAIR + 2 * (i - POSTERIOR_BINS);
        x[i] = vsqrt(power[k] / vsqrt(padded[k] * (1.0f / (SPAN * SPAN)) + POWER_FLOOR));
        if (i >= POSTERIOR_BINS)
            x[i] = 0.5f * (x[i] + vsqrt(power[k + 1] / vsqrt(padded[k + 1] * (1.0f / (SPAN * SPAN)) + POWER_FLOOR)));
        square += x[i] * x[i];
    }
    const vf scale = 1.0f / vsqrt(square * (1.0f / POSTERIOR_INPUTS) + POWER_FLOOR);
    for (int i = 0; i < POSTERIOR_INPUTS; i++)
        x[i] *= scale;
}

/* out[o] = bias[o] + sum_i weight[i][o] in[i], eight outputs at a time in registers. */
INLINE void dense(const vf *in, int inputs, const float *weight, const float *bias, vf *out, int outputs) {
    for (int o = 0; o < outputs; o += 8) {
        vf sum[8];
        for (int j = 0; j < 8; j++)
            sum[j] = splat(bias[o + j]);
        for (int i = 0; i < inputs; i++)
            for (int j = 0; j < 8; j++)
                sum[j] += in[i] * weight[i * outputs + o + j];
        for (int j = 0; j < 8; j++)
            out[o + j] = sum[j];
    }
}

void PROSODY_LEVEL_NAME(pitch_posterior)(const vf *power, vf *posterior) {
    vf x[POSTERIOR_INPUTS], hidden[POSTERIOR_HIDDEN];
    flatten(power, x);
    dense(x, POSTERIOR_INPUTS, prosody_posterior_weight1, prosody_posterior_bias1, hidden, POSTERIOR_HIDDEN);
    for (int h = 0; h < POSTERIOR_HIDDEN; h++)
        hidden[h] = vmax(hidden[h], (vf){0});
    dense(hidden, POSTERIOR_HIDDEN, prosody_posterior_weight2, prosody_posterior_bias2, posterior, POSTERIOR_STATES + 1);
}
