/* fft.h - real FFT of LANES frames at once.
 *
 * A real transform of N = 2M points is a complex one of M points over z[n] = x[2n] + i x[2n + 1] (Cooley-Tukey radix 4, decimation in time) and a split. The
 * caller writes z[n] to position reversal[n].
 */
#ifndef PROSODY_FFT_H
#define PROSODY_FFT_H

#include "lanes.h"
#include "tables.h"

typedef struct fft_work {
    vf re[PITCH_FFT / 2], im[PITCH_FFT / 2];
} fft_work;

/* One radix-4 stage over blocks of 4 * span points. */
INLINE void fft_stage4(fft_work *w, int size, int span) {
    const int step = 512 / (4 * span);
    for (int j = 0; j < span; j++) {
        const float c1 = prosody_cos512[j * step], s1 = prosody_sin512[j * step];
        const float c2 = prosody_cos512[2 * j * step], s2 = prosody_sin512[2 * j * step];
        const float c3 = prosody_cos512[3 * j * step], s3 = prosody_sin512[3 * j * step];
        for (int g = j; g < size; g += 4 * span) {
            vf *re = w->re + g, *im = w->im + g;
            vf r0 = re[0], i0 = im[0];
            vf r1 = re[span] * c1 + im[span] * s1, i1 = im[span] * c1 - re[span] * s1;
            vf r2 = re[2 * span] * c2 + im[2 * span] * s2, i2 = im[2 * span] * c2 - re[2 * span] * s2;
            vf r3 = re[3 * span] * c3 + im[3 * span] * s3, i3 = im[3 * span] * c3 - re[3 * span] * s3;
            vf ar = r0 + r2, ai = i0 + i2, br = r0 - r2, bi = i0 - i2;
            vf cr = r1 + r3, ci = i1 + i3, dr = i1 - i3, di = r3 - r1; /* d = -i (x1 - x3) */
            re[0] = ar + cr, im[0] = ai + ci;
            re[span] = br + dr, im[span] = bi + di;
            re[2 * span] = ar - cr, im[2 * span] = ai - ci;
            re[3 * span] = br - dr, im[3 * span] = bi - di;
        }
    }
}

/* Complex transform of `size` (128 or 256) points, from reversed to natural order. */
INLINE void fft_complex(fft_work *w, int size) {
    int span = 1;
    if (size == 128) {
        for (int g = 0; g < size; g += 2) {
            vf r = w->re[g], i = w->im[g];
            w->re[g] = r + w->re[g + 1], w->im[g] = i + w->im[g + 1];
            w->re[g + 1] = r - w->re[g + 1], w->im[g + 1] = i - w->im[g + 1];
        }
        span = 2;
    }
    for (; span < size; span *= 4)
        fft_stage4(w, size, span);
}

/* X[k] and X[M - k] of the real transform of 2M points from the complex one. For 0 < k < M. */
INLINE void fft_split(const fft_work *w, int m, int k, vf *re, vf *im, vf *re_mirror, vf *im_mirror) {
    const int step = 256 / m;
    const float c = prosody_cos512[k * step], s = prosody_sin512[k * step];
    vf er = 0.5f * (w->re[k] + w->re[m - k]), ei = 0.5f * (w->im[k] - w->im[m - k]);
    vf dr = 0.5f * (w->im[k] + w->im[m - k]), di = 0.5f * (w->re[m - k] - w->re[k]);
    vf tr = dr * c + di * s, ti = di * c - dr * s;
    *re = er + tr, *im = ei + ti;
    *re_mirror = er - tr, *im_mirror = ti - ei;
}

/* |X[k]|^2, k = 0 .. m. */
INLINE void fft_power(const fft_work *w, int m, vf *power) {
    vf first = w->re[0] + w->im[0], last = w->re[0] - w->im[0];
    power[0] = first * first;
    power[m] = last * last;
    for (int k = 1; k <= m / 2; k++) {
        vf re, im, re_mirror, im_mirror;
        fft_split(w, m, k, &re, &im, &re_mirror, &im_mirror);
        power[k] = re * re + im * im;
        power[m - k] = re_mirror * re_mirror + im_mirror * im_mirror;
    }
}

#endif
