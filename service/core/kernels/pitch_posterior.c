/* pitch_posterior.c - log probability of each F0, and of none, from the power spectrum of 48 ms. See pitch.h.
 *
 * Input: amplitude over the square root of its own envelope's, so that formants, the tilt of a voice and the band of a telephone weigh little and harmonics
 * much (as the whitening of Tolonen & Karjalainen 2000), normalised to unit mean square, so that gain does not matter. One hidden layer of rectifiers.
 */
#include <string.h>

#include "pitch_kernel.h"

#define FIRST_PAIR (PITCH_FIRST_BIN + POSTERIOR_BINS)
#define SPAN 16                 /* the envelope is the power under two running means of 16 bins, which is a triangle of 500 Hz */
#define SILENCE_POWER 1e-18f    /* mean power of the window below which it is digital silence */
#define POWER_FLOOR 1e-18f      /* 100 dB below one step of 16-bit audio, so that gain does not matter */

/* The last values of each stage of a running sum, by their number modulo as many. */
typedef struct running_sum {
    vf one, two[2], four[4], eight[8];
} running_sum;

/* Takes value i, known modulo SPAN / 2 when this is compiled, and returns the sum of the last SPAN, by doubling: every one is a sum of few positive numbers, so
 * nothing is lost beside a strong bin. */
INLINE vf add(running_sum *s, int i, vf x) {
    const vf two = s->one + x, four = s->two[i % 2] + two, eight = s->four[i % 4] + four, sum = s->eight[i % 8] + eight;
    s->one = x;
    s->two[i % 2] = two;
    s->four[i % 4] = four;
    s->eight[i % 8] = eight;
    return sum;
}

/* One bin's amplitude over the root of its envelope's, when the power of the bin SPAN - 1 further up comes in. */
INLINE vf flat_bin(running_sum *once, running_sum *twice, int i, const vf *power) {
    const vf envelope = add(twice, i, add(once, i, power[SPAN - 1]));
    return vsqrt(power[0] / vsqrt(envelope * (1.0f / (SPAN * SPAN)) + POWER_FLOOR));
}

/* Statements for i = 0 .. 7, each with its own constant. */
#define EIGHT_TIMES(statements)                                                                                                                                \
    { enum { i = 0 }; statements } { enum { i = 1 }; statements } { enum { i = 2 }; statements } { enum { i = 3 }; statements }                                \
    { enum { i = 4 }; statements } { enum { i = 5 }; statements } { enum { i = 6 }; statements } { enum { i = 7 }; statements }

/* Returns the sum of the power. All sums go along with the divisions and roots, which take longer. */
static vf flatten(const vf *power, vf *x) {
    running_sum once, twice;
    vf square = {0}, total = {0};
    memset(&once, 0, sizeof once);
    memset(&twice, 0, sizeof twice);
    const vf *from = power + PITCH_FIRST_BIN - 1; /* nothing is below */
    for (int n = 0; n < 2; n++, from += 8) {
        EIGHT_TIMES(add(&twice, i, add(&once, i, from[i])); total += from[i];)
    }
    from -= SPAN - 1;
    for (int n = 0; n < POSTERIOR_BINS; n += 8, from += 8) {
        EIGHT_TIMES(x[n + i] = flat_bin(&once, &twice, i, from + i); square += x[n + i] * x[n + i]; total += from[i + SPAN - 1];)
    }
    for (int n = POSTERIOR_BINS; n < POSTERIOR_INPUTS; n += 4, from += 8) {
        vf lower = {0};
        EIGHT_TIMES(const vf flat = flat_bin(&once, &twice, i, from + i); total += from[i + SPAN - 1]; if (i % 2 == 0) lower = flat; else {
            x[n + i / 2] = 0.5f * (lower + flat);
            square += x[n + i / 2] * x[n + i / 2];
        })
    }
    for (from += SPAN - 1; from <= power + PITCH_BINS; from++)
        total += *from;
    const vf scale = 1.0f / vsqrt(square * (1.0f / POSTERIOR_INPUTS) + POWER_FLOOR);
    for (int i = 0; i < POSTERIOR_INPUTS; i++)
        x[i] *= scale;
    return total;
}

/* out[g][o] = bias[o] + sum_i weight[i][o] in[g][i] of `width` outputs. Takes roots along the way, for which the divider has time; `taken` have been. */
INLINE void pass(int groups, int inputs, int outputs, int width, const vf *in, const float *weight, const float *bias, vf *out, vf *roots, int taken, int root_count) {
    vf sum[16];
    const int left = root_count - taken;
    for (int j = 0; j < width; j++)
        for (int g = 0; g < groups; g++)
            sum[j * groups + g] = splat(bias[j]);
    for (int i = 0; i < inputs; i++) {
        if (i < left)
            roots[taken + i] = vsqrt(roots[taken + i]);
        for (int j = 0; j < width; j++)
            for (int g = 0; g < groups; g++)
                sum[j * groups + g] += in[g * inputs + i] * weight[i * POSTERIOR_BLOCK + j];
    }
    for (int j = 0; j < width; j++)
        for (int g = 0; g < groups; g++)
            out[g * outputs + j] = sum[j * groups + g];
}

/* Passes over a block of outputs: each with as many sums as keep the multipliers busy while every one waits for its last addition, and as few as there are registers. */
#define PASS(j, width)                                                                                                   \
    pass(groups, inputs, outputs, width, in, weight + (j), bias + o + (j), out + o + (j), roots, taken, root_count);     \
    taken += inputs;

INLINE void dense(int groups, int inputs, int outputs, const vf *in, const float *weight, const float *bias, vf *out, vf *roots, int root_count) {
    int taken = 0;
    for (int o = 0; o < outputs; o += POSTERIOR_BLOCK, weight += inputs * POSTERIOR_BLOCK) {
        if (LANES == 16) {
            PASS(0, 16)
        } else if (groups == 2) {
            PASS(0, 6)
            PASS(6, 5)
            PASS(11, 5)
        } else {
            for (int j = 0; j < POSTERIOR_BLOCK; j += 8 / groups) {
                PASS(j, 8 / groups)
            }
        }
    }
}
_Static_assert(POSTERIOR_BLOCK == 16, "the passes are over sixteen outputs");

INLINE void score(int groups, const vf *x, vf *posterior, vf *roots) {
    vf hidden[PITCH_GROUPS * POSTERIOR_HIDDEN];
    dense(groups, POSTERIOR_INPUTS, POSTERIOR_HIDDEN, x, prosody_posterior_weight1, prosody_posterior_bias1, hidden, roots, groups * (PITCH_BINS + 1));
    for (int h = 0; h < groups * POSTERIOR_HIDDEN; h++)
        hidden[h] = vmax(hidden[h], (vf){0});
    dense(groups, POSTERIOR_HIDDEN, POSTERIOR_STATES + 1, hidden, prosody_posterior_weight2, prosody_posterior_bias2, posterior, NULL, 0);
}

void PROSODY_LEVEL_NAME(pitch_posterior)(int groups, vf *power, vi *audible, vf *posterior) {
    vf x[PITCH_GROUPS * POSTERIOR_INPUTS];
    uint32_t any = 0;
    for (int g = 0; g < groups; g++) {
        const vf total = flatten(power + g * (PITCH_BINS + 1), x + g * POSTERIOR_INPUTS);
        /* Parseval: sum over all 512 bins / 512 = sum of squares of the windowed frame, whose window has mean square 3/8. */
        audible[g] = total * (2.0f / (PITCH_FFT * 0.375f * PITCH_WINDOW)) > SILENCE_POWER;
        any |= mask_bits(audible[g]);
    }
    if (any == 0)
        return;
    int done = 0;
#if LANES <= 4
    for (; done + 4 <= groups; done += 4)
        score(4, x + done * POSTERIOR_INPUTS, posterior + done * (POSTERIOR_STATES + 1), power + done * (PITCH_BINS + 1));
#endif
#if LANES <= 8
    for (; done + 2 <= groups; done += 2)
        score(2, x + done * POSTERIOR_INPUTS, posterior + done * (POSTERIOR_STATES + 1), power + done * (PITCH_BINS + 1));
#endif
    if (done < groups)
        score(1, x + done * POSTERIOR_INPUTS, posterior + done * (POSTERIOR_STATES + 1), power + done * (PITCH_BINS + 1));
}
