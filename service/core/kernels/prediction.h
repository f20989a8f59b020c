/* prediction.h - linear prediction of LANES frames from their autocorrelations (Makhoul 1975, Proc. IEEE 63(4)). */
#ifndef PROSODY_PREDICTION_H
#define PROSODY_PREDICTION_H

#include "formant_track.h"
#include "lanes.h"

#define ORDER_8000 8
#define ORDER_16000 11
/* Added to lag 0, as a share: -90 dB. */
#define NOISE_FLOOR 1e-9
/* Keeps the error of prediction above 0 where rounding has made the lags those of no spectrum. */
#define LARGEST_REFLECTION (1.0 - 1e-9)
#define NORMAL_MIN 1.17549435e-38f
#define FLOAT_MAX 3.40282347e38f

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

/* Lags in units of lag 0, and which lanes' are an autocorrelation: lag 0 above 0, and all of them numbers no larger than it. The lags of the others become 1, 0, 0 .. */
INLINE vi unit_lags(int order, const vf *lags, vf *r) {
    vi valid = lags[0] >= NORMAL_MIN;
    for (int i = 1; i <= order; i++)
        valid &= vabs(lags[i]) <= lags[0];
    valid &= lags[0] <= FLOAT_MAX;
    const vf unit = 1.0f / choose(valid, lags[0], splat(1.0f));
    r[0] = splat(1.0f);
    for (int i = 1; i <= order; i++)
        r[i] = choose(valid, lags[i] * unit, splat(0.0f));
    return valid;
}

/* Levinson-Durbin: a_1 .. a_order from lags 0 .. order, and the power of the error of prediction. In double precision, the two halves of the lanes in step: the spectra of telephone speech are nearly singular
 * beyond the band. */
INLINE vf predict(int order, const vf *lags, vf *a) {
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
    vf left;
    for (int h = 0; h < 2; h++) {
        for (int i = 0; i < order; i++)
            ((vf_half *)&a[i])[h] = __builtin_convertvector(c[i][h], vf_half);
        ((vf_half *)&left)[h] = __builtin_convertvector(error[h], vf_half);
    }
    return left;
}

#endif
