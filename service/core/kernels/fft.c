/* fft.c - see fft.h. */
#include "fft.h"

static const uint16_t *reversal_of(int half) {
    return half == 128 ? prosody_reversal128 : half == 256 ? prosody_reversal256 : prosody_reversal512;
}

vf fft_load(fft_work *w, const float *const *frames, const float *weights, int window, int half) {
    const uint16_t *const reversal = reversal_of(half);
    vf squares = {0};
    for (int n = 0; n < window; n += LANES) {
        vf block[LANES];
        for (int l = 0; l < LANES; l++)
            block[l] = load(frames[l] + n);
        transpose(block);
        for (int l = 0; l < LANES; l += 2) {
            const int at = reversal[(n + l) / 2];
            squares += block[l] * block[l] + block[l + 1] * block[l + 1];
            w->re[at] = block[l] * weights[n + l];
            w->im[at] = block[l + 1] * weights[n + l + 1];
        }
    }
    for (int n = window / 2; n < half; n++)
        w->re[reversal[n]] = w->im[reversal[n]] = (vf){0};
    return squares;
}

/* The first radix-2 stage, over `size` points. */
INLINE void fft_first2(vf *re, vf *im, int size) {
    for (int g = 0; g < size; g += 2) {
        vf r = re[g], i = im[g];
        re[g] = r + re[g + 1], im[g] = i + im[g + 1];
        re[g + 1] = r - re[g + 1], im[g + 1] = i - im[g + 1];
    }
}

/* The first radix-4 stage: all twiddle factors are 1. */
INLINE void fft_first4(vf *re, vf *im, int size) {
    for (int g = 0; g < size; g += 4) {
        vf ar = re[g] + re[g + 2], ai = im[g] + im[g + 2], br = re[g] - re[g + 2], bi = im[g] - im[g + 2];
        vf cr = re[g + 1] + re[g + 3], ci = im[g + 1] + im[g + 3], dr = im[g + 1] - im[g + 3], di = re[g + 3] - re[g + 1];
        re[g] = ar + cr, im[g] = ai + ci;
        re[g + 1] = br + dr, im[g + 1] = bi + di;
        re[g + 2] = ar - cr, im[g + 2] = ai - ci;
        re[g + 3] = br - dr, im[g + 3] = bi - di;
    }
}

/* One radix-4 stage over a block of 4 * span points. */
INLINE void fft_stage4(vf *re, vf *im, int span) {
    const int step = 256 / span;
    for (int j = 0; j < span; j++, re++, im++) {
        const float c1 = prosody_cos1024[j * step], s1 = prosody_sin1024[j * step];
        const float c2 = prosody_cos1024[2 * j * step], s2 = prosody_sin1024[2 * j * step];
        const float c3 = prosody_cos1024[3 * j * step], s3 = prosody_sin1024[3 * j * step];
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

/* From reversed to natural order. */
static void complex128(vf *re, vf *im) {
    for (int b = 0; b < 128; b += 32) {
        fft_first2(re + b, im + b, 32);
        for (int s = b; s < b + 32; s += 8)
            fft_stage4(re + s, im + s, 2);
        fft_stage4(re + b, im + b, 8);
    }
    fft_stage4(re, im, 32);
}

static void complex256(vf *re, vf *im) {
    for (int b = 0; b < 256; b += 64) {
        fft_first4(re + b, im + b, 64);
        for (int s = b; s < b + 64; s += 16)
            fft_stage4(re + s, im + s, 4);
        fft_stage4(re + b, im + b, 16);
    }
    fft_stage4(re, im, 64);
}

static void complex512(vf *re, vf *im) {
    for (int b = 0; b < 512; b += 128)
        complex128(re + b, im + b);
    fft_stage4(re, im, 128);
}

void fft_complex(fft_work *w, int half) {
    if (half == 128)
        complex128(w->re, w->im);
    else if (half == 256)
        complex256(w->re, w->im);
    else
        complex512(w->re, w->im);
}

/* X[k] and X[M - k] of the real transform of 2M points from the complex one, 0 < k < M. */
INLINE void fft_split(const fft_work *w, int m, int k, vf *re, vf *im, vf *re_mirror, vf *im_mirror) {
    const int step = 512 / m;
    const float c = prosody_cos1024[k * step], s = prosody_sin1024[k * step];
    vf er = 0.5f * (w->re[k] + w->re[m - k]), ei = 0.5f * (w->im[k] - w->im[m - k]);
    vf dr = 0.5f * (w->im[k] + w->im[m - k]), di = 0.5f * (w->re[m - k] - w->re[k]);
    vf tr = dr * c + di * s, ti = di * c - dr * s;
    *re = er + tr, *im = ei + ti;
    *re_mirror = er - tr, *im_mirror = ti - ei;
}

void fft_power(const fft_work *w, int m, vf *power) {
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

/* By a real transform of `half` points of y[j] = (s[j] + s[half - j]) / 2 - sin(pi j / half) (s[j] - s[half - j]): its real parts are r[2k], and its imaginary parts
 * are the steps from r[2k - 1] to r[2k + 1] (Cooley, Lewis & Welch 1970). */
void fft_cosine(fft_work *w, const vf *s, vf *r, int lags, int half) {
    const uint16_t *const reversal = reversal_of(half / 2);
    const int step = 512 / half;
    vf odd = 0.5f * (s[0] - s[half]);
    vf *const part[2] = {w->re, w->im};
    w->re[0] = 0.5f * (s[0] + s[half]);
    part[0][reversal[half / 4]] = s[half / 2];
    for (int j = 1; j < half / 2; j++) {
        const int mirror = half - j;
        vf mean = 0.5f * (s[j] + s[mirror]), difference = s[j] - s[mirror];
        vf turned = difference * prosody_sin1024[j * step];
        odd += difference * prosody_cos1024[j * step];
        part[j & 1][reversal[j / 2]] = mean - turned;
        part[j & 1][reversal[mirror / 2]] = mean + turned;
    }
    fft_complex(w, half / 2);
    r[0] = w->re[0] + w->im[0];
    r[1] = odd;
    for (int k = 1; 2 * k < lags; k++) {
        vf re, im, re_mirror, im_mirror;
        fft_split(w, half / 2, k, &re, &im, &re_mirror, &im_mirror);
        odd -= im;
        r[2 * k] = re;
        r[2 * k + 1] = odd;
    }
}
