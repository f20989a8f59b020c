/* formants.c - F1-F3 and their bandwidths by linear prediction of a power spectrum; see formants.h.
 *
 * Selective linear prediction (Makhoul 1975, Proc. IEEE 63(4)): the autocorrelation is the cosine transform of the power spectrum below a ceiling. Levinson-Durbin gives the predictor, whose conjugate pairs of roots are the resonances (Markel & Gray 1976): f = arg(z) fs / 2 pi,
 * b = -ln|z| fs / pi, where fs is twice the ceiling.
 */
#include "formants.h"

#include "factors.h"
#include "prediction.h"
#include "slots.h"

#define TOP_8000 128
#define TOP_16000 176
#define RATE_8000 8000.0f /* twice the ceiling */
#define RATE_16000 11000.0f
#define PI 3.14159265f
#define LN2 0.693147181f

/* Lags as sums over pairs of bins k and top - k, whose cosines are equal for even lags and opposite for odd ones; the first and the last bin count half. `cosine` holds
 * `order` values for each k below the middle. */
INLINE void sum_lags(int order, int top, const float *cosine, const vf *power, vf *lags) {
    vf sums[FORMANT_LAGS_MAX];
    const vf centre = power[top / 2];
    for (int n = 0; n <= order; n++) /* cos(pi n / 2) */
        sums[n] = n % 4 == 0 ? centre : n % 4 == 2 ? -centre : splat(0.0f);
    for (int k = 0; k < top / 2; k++, cosine += order) {
        const float share = k == 0 ? 0.5f : 1.0f;
        const vf low = power[k] * share, high = power[top - k] * share, even = low + high, odd = low - high;
        sums[0] += even;
        for (int n = 1; n <= order; n++)
            sums[n] += cosine[n - 1] * (n % 2 ? odd : even);
    }
    for (int n = 0; n <= order; n++)
        lags[n] = sums[n];
}

void PROSODY_LEVEL_NAME(formant_lags)(int32_t rate_hz, const vf *power, vf *lags) {
    if (rate_hz == 8000)
        sum_lags(ORDER_8000, TOP_8000, prosody_formant_cosine8000, power, lags);
    else
        sum_lags(ORDER_16000, TOP_16000, prosody_formant_cosine16000, power, lags);
}

/* Frequency and bandwidth of factor i where it is a pair of complex roots, else NO_FORMANT. */
INLINE void resonance(vf p, vf q, float rate_hz, vi valid, vf *frequency, vf *bandwidth) {
    const vf re = -0.5f * p, square = q - re * re;
    const vi pair = valid & (square > 0.0f);
    const vf hz = vatan2(vsqrt(vmax(square, splat(0.0f))), re) * (rate_hz / (2 * PI));
    const vf width = vlog2(choose(pair, q, splat(1.0f))) * (-0.5f * LN2 * rate_hz / PI);
    *frequency = choose(pair & (hz > 1.0f), hz, splat(NO_FORMANT));
    *bandwidth = choose(pair, width, splat(NO_FORMANT));
}

/* Ascending frequencies. */
INLINE void sort(int count, vf *hz, vf *width) {
    for (int n = 0; n + 1 < count; n++)
        for (int i = count - 1; i > n; i--) {
            const vi swap = hz[i] < hz[i - 1];
            const vf lower = choose(swap, hz[i], hz[i - 1]), lower_width = choose(swap, width[i], width[i - 1]);
            hz[i] = choose(swap, hz[i - 1], hz[i]);
            width[i] = choose(swap, width[i - 1], width[i]);
            hz[i - 1] = lower;
            width[i - 1] = lower_width;
        }
}

INLINE void analyse(int order, float rate_hz, const float *start, const vf *lags, vf *frequency, vf *bandwidth) {
    vf r[FORMANT_LAGS_MAX], a[ORDER_16000], hz[FACTORS_MAX], width[FACTORS_MAX];
    factors f;
    const vi valid = unit_lags(order, lags, r);
    predict(order, r, a);
    factorise(a, order, start, &f);
    for (int i = 0; i < order / 2; i++)
        resonance(f.p[i], f.q[i], rate_hz, valid, &hz[i], &width[i]);
    sort(order / 2, hz, width);
    fill_slots(order / 2, hz, width, frequency, bandwidth);
}

void PROSODY_LEVEL_NAME(formants)(int32_t rate_hz, const vf *lags, vf *frequency, vf *bandwidth) {
    if (rate_hz == 8000)
        analyse(ORDER_8000, RATE_8000, prosody_formant_start8000, lags, frequency, bandwidth);
    else
        analyse(ORDER_16000, RATE_16000, prosody_formant_start16000, lags, frequency, bandwidth);
}
