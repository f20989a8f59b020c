/* formants.c - F1-F3 and their bandwidths by linear prediction of a power spectrum; see formants.h.
 *
 * Selective linear prediction (Makhoul 1975, Proc. IEEE 63(4)): the autocorrelation is the cosine transform of the power spectrum below a ceiling. Levinson-Durbin gives the predictor, whose conjugate pairs of roots are the resonances (Markel & Gray 1976): f = arg(z) fs / 2 pi,
 * b = -ln|z| fs / pi, where fs is twice the ceiling.
 */
#include "formants.h"

#include "factors.h"
#include "slots.h"

#define ORDER_8000 8
#define ORDER_16000 11
#define TOP_8000 128
#define TOP_16000 176
#define RATE_8000 8000.0f /* twice the ceiling */
#define RATE_16000 11000.0f
/* Added to lag 0, as a share: -90 dB. */
#define NOISE_FLOOR 1e-9
/* Keeps the error of prediction above 0 where rounding has made the lags those of no spectrum. */
#define LARGEST_REFLECTION (1.0 - 1e-9)
#define NORMAL_MIN 1.17549435e-38f
#define FLOAT_MAX 3.40282347e38f
#define PI 3.14159265f
#define LN2 0.693147181f

/* Half of the lanes in double precision. */
typedef double vd __attribute__((vector_size(4 * LANES)));
typedef int64_t vl __attribute__((vector_size(4 * LANES)));
typedef float vf_half __attribute__((vector_size(2 * LANES), may_alias));

INLINE vd choose_d(vl mask, vd a, vd b) {
    return (vd)((mask & (vl)a) | (~mask & (vl)b));
}

INLINE vd clamp_reflection(vd k) {
    const vd largest = LARGEST_REFLECTION - (vd){0};
    k = choose_d(k > largest, largest, k);
    return choose_d(k < -largest, -largest, k);
}

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

/* Levinson-Durbin: a_1 .. a_order from lags 0 .. order. In double precision, the two halves of the lanes in step: the spectra of telephone speech are nearly singular
 * beyond the band. */
INLINE void predict(int order, const vf *lags, vf *a) {
    vd r[FORMANT_LAGS_MAX][2], c[FORMANT_LAGS_MAX][2], error[2];
    for (int i = 0; i <= order; i++)
        for (int h = 0; h < 2; h++)
            r[i][h] = __builtin_convertvector(((const vf_half *)&lags[i])[h], vd);
    for (int h = 0; h < 2; h++)
        error[h] = r[0][h] * (1.0 + NOISE_FLOOR);
    for (int i = 0; i < order; i++)
        for (int h = 0; h < 2; h++) {
            vd k = -r[i + 1][h];
            for (int j = 0; j < i; j++)
                k -= c[j][h] * r[i - j][h];
            k = clamp_reflection(k / error[h]);
            for (int j = 0; 2 * j < i; j++) {
                const vd left = c[j][h], right = c[i - 1 - j][h];
                c[j][h] = left + k * right;
                c[i - 1 - j][h] = right + k * left;
            }
            c[i][h] = k;
            error[h] *= 1.0 - k * k;
        }
    for (int i = 0; i < order; i++)
        for (int h = 0; h < 2; h++)
            ((vf_half *)&a[i])[h] = __builtin_convertvector(c[i][h], vf_half);
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
    vi valid = lags[0] >= NORMAL_MIN;
    for (int i = 1; i <= order; i++)
        valid &= vabs(lags[i]) <= lags[0];
    valid &= lags[0] <= FLOAT_MAX;
    const vf unit = 1.0f / choose(valid, lags[0], splat(1.0f));
    r[0] = splat(1.0f);
    for (int i = 1; i <= order; i++)
        r[i] = choose(valid, lags[i] * unit, splat(0.0f));
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
