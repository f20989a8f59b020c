/* fft.c - see fft.h. */
#include "fft.h"

static const uint16_t *reversal_of(int half) {
    return half == 128 ? prosody_reversal128 : half == 256 ? prosody_reversal256 : prosody_reversal512;
}

/* LANES samples of each frame from x[n] on, one sample of all frames to a vector. */
INLINE void load_block(const float *const *frames, int n, vf *block) {
    for (int l = 0; l < LANES; l++)
        block[l] = load(frames[l] + n);
    transpose(block);
}

/* The same under the window, and the squares that are wanted of them. */
INLINE void load_windowed(const float *const *frames, const float *weights, int n, const fft_pairs *pairs, vf *block) {
    load_block(frames, n, block);
    const int wanted = pairs != NULL && n >= pairs->from && n < pairs->to;
    if (wanted && !pairs->windowed)
        for (int l = 0; l < LANES; l += 2)
            pairs->squares[(n - pairs->from + l) / 2] = block[l] * block[l] + block[l + 1] * block[l + 1];
    for (int l = 0; l < LANES; l++)
        block[l] *= weights[n + l];
    if (wanted && pairs->windowed)
        for (int l = 0; l < LANES; l += 2)
            pairs->squares[(n - pairs->from + l) / 2] = block[l] * block[l] + block[l + 1] * block[l + 1];
}

/* The first stage where the last `parts - known` of its inputs are beyond the window, so zero; z[p * LANES] and the next are the real and imaginary part of input p. */
INLINE void first_stage(int parts, int known, const vf *z, vf *re, vf *im) {
    if (parts == 2) {
        re[0] = known < 2 ? z[0] : z[0] + z[LANES], im[0] = known < 2 ? z[1] : z[1] + z[LANES + 1];
        re[1] = known < 2 ? z[0] : z[0] - z[LANES], im[1] = known < 2 ? z[1] : z[1] - z[LANES + 1];
        return;
    }
    const vf ar = known < 3 ? z[0] : z[0] + z[2 * LANES], ai = known < 3 ? z[1] : z[1] + z[2 * LANES + 1];
    const vf br = known < 3 ? z[0] : z[0] - z[2 * LANES], bi = known < 3 ? z[1] : z[1] - z[2 * LANES + 1];
    const vf cr = known < 4 ? z[LANES] : z[LANES] + z[3 * LANES], ci = known < 4 ? z[LANES + 1] : z[LANES + 1] + z[3 * LANES + 1];
    const vf dr = known < 4 ? z[LANES + 1] : z[LANES + 1] - z[3 * LANES + 1], di = known < 4 ? z[LANES] : z[LANES] - z[3 * LANES]; /* the latter with the other sign */
    re[0] = ar + cr, im[0] = ai + ci;
    re[1] = br + dr, im[1] = bi - di;
    re[2] = ar - cr, im[2] = ai - ci;
    re[3] = br - dr, im[3] = bi + di;
}

/* Windows and the first stage. Its inputs lie a half or a quarter of the transform apart, so that as many blocks are needed at once. */
INLINE void load_parts(int parts, fft_work *w, const float *const *frames, const float *weights, int window, int half, const fft_pairs *pairs) {
    const uint16_t *const reversal = reversal_of(half);
    const int part = 2 * half / parts;
    vf z[4 * LANES] = {{0}};
    for (int n = 0; n < part; n += LANES) {
        int known = 0;
        for (; known < parts && known * part + n < window; known++)
            load_windowed(frames, weights, known * part + n, pairs, z + known * LANES);
        for (int l = 0; l < LANES; l += 2) {
            vf *const re = w->re + reversal[(n + l) / 2], *const im = w->im + reversal[(n + l) / 2];
            switch (known) {
            case 1: first_stage(parts, 1, z + l, re, im); break;
            case 2: first_stage(parts, 2, z + l, re, im); break;
            case 3: first_stage(parts, 3, z + l, re, im); break;
            default: first_stage(parts, 4, z + l, re, im); break;
            }
        }
    }
}

/* The first radix-2 stage, over `size` points. */
INLINE void first2(vf *re, vf *im, int size) {
    for (int g = 0; g < size; g += 2) {
        vf r = re[g], i = im[g];
        re[g] = r + re[g + 1], im[g] = i + im[g + 1];
        re[g + 1] = r - re[g + 1], im[g + 1] = i - im[g + 1];
    }
}

/* The first radix-4 stage: all twiddle factors are 1. */
INLINE void first4(vf *re, vf *im, int size) {
    for (int g = 0; g < size; g += 4) {
        vf ar = re[g] + re[g + 2], ai = im[g] + im[g + 2], br = re[g] - re[g + 2], bi = im[g] - im[g + 2];
        vf cr = re[g + 1] + re[g + 3], ci = im[g + 1] + im[g + 3], dr = im[g + 1] - im[g + 3], di = re[g + 3] - re[g + 1];
        re[g] = ar + cr, im[g] = ai + ci;
        re[g + 1] = br + dr, im[g + 1] = bi + di;
        re[g + 2] = ar - cr, im[g + 2] = ai - ci;
        re[g + 3] = br - dr, im[g + 3] = bi - di;
    }
}

/* One radix-4 butterfly of points `span` apart, whose twiddle factors are the 1024th roots of 1 to the power of turn, 2 turn and 3 turn. */
INLINE void butterfly(vf *re, vf *im, int span, int turn) {
    const float c1 = prosody_cos1024[turn], s1 = prosody_sin1024[turn];
    const float c2 = prosody_cos1024[2 * turn], s2 = prosody_sin1024[2 * turn];
    const float c3 = prosody_cos1024[3 * turn], s3 = prosody_sin1024[3 * turn];
    const vf r0 = held(re[0]), i0 = held(im[0]), x1 = held(re[span]), y1 = held(im[span]), x2 = held(re[2 * span]), y2 = held(im[2 * span]);
    const vf x3 = held(re[3 * span]), y3 = held(im[3 * span]);
    vf r1 = x1 * c1 + y1 * s1, i1 = y1 * c1 - x1 * s1;
    vf r2 = x2 * c2 + y2 * s2, i2 = y2 * c2 - x2 * s2;
    vf r3 = x3 * c3 + y3 * s3, i3 = y3 * c3 - x3 * s3;
    vf ar = r0 + r2, ai = i0 + i2, br = r0 - r2, bi = i0 - i2;
    vf cr = r1 + r3, ci = i1 + i3, dr = i1 - i3, di = r3 - r1; /* d = -i (x1 - x3) */
    re[0] = ar + cr, im[0] = ai + ci;
    re[span] = br + dr, im[span] = bi + di;
    re[2 * span] = ar - cr, im[2 * span] = ai - ci;
    re[3 * span] = br - dr, im[3 * span] = bi - di;
}

/* One radix-4 stage over a block of 4 * span points. */
INLINE void stage4(vf *re, vf *im, int span) {
    for (int j = 0; j < span; j++)
        butterfly(re + j, im + j, span, j * (256 / span));
}

/* The stages after the first: blocks are finished as far as they go, so that what is in cache is used up. From reversed to natural order. */
static void later_stages(vf *re, vf *im, int half) {
    if (half == 256) {
        for (int b = 0; b < 256; b += 64) {
            for (int s = b; s < b + 64; s += 16)
                stage4(re + s, im + s, 4);
            stage4(re + b, im + b, 16);
        }
        stage4(re, im, 64);
        return;
    }
    for (int q = 0; q < half; q += 128) {
        for (int b = q; b < q + 128; b += 32) {
            for (int s = b; s < b + 32; s += 8)
                stage4(re + s, im + s, 2);
            stage4(re + b, im + b, 8);
        }
        stage4(re + q, im + q, 32);
    }
    if (half == 512)
        stage4(re, im, 128);
}

/* X[k] and X[M - k] of the real transform of 2M points from the complex one, 0 < k < M. */
INLINE void split(const fft_work *w, int m, int k, vf *re, vf *im, vf *re_mirror, vf *im_mirror) {
    const int step = 512 / m;
    const float c = prosody_cos1024[k * step], s = prosody_sin1024[k * step];
    const vf x = held(w->re[k]), y = held(w->im[k]), x_mirror = held(w->re[m - k]), y_mirror = held(w->im[m - k]);
    vf er = 0.5f * (x + x_mirror), ei = 0.5f * (y - y_mirror);
    vf dr = 0.5f * (y + y_mirror), di = 0.5f * (x_mirror - x);
    vf tr = dr * c + di * s, ti = di * c - dr * s;
    *re = er + tr, *im = ei + ti;
    *re_mirror = er - tr, *im_mirror = ti - ei;
}

void fft_power(fft_work *w, const float *const *frames, const float *weights, int window, int half, vf *power, const fft_pairs *pairs) {
    if (half == 256)
        load_parts(4, w, frames, weights, window, half, pairs);
    else
        load_parts(2, w, frames, weights, window, half, pairs);
    later_stages(w->re, w->im, half);
    const vf first = w->re[0] + w->im[0], last = w->re[0] - w->im[0];
    power[0] = first * first;
    power[half] = last * last;
    for (int k = 1; k <= half / 2; k++) {
        vf re, im, re_mirror, im_mirror;
        split(w, half, k, &re, &im, &re_mirror, &im_mirror);
        power[k] = re * re + im * im;
        power[half - k] = re_mirror * re_mirror + im_mirror * im_mirror;
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
        const vf here = held(s[j]), there = held(s[mirror]);
        vf mean = 0.5f * (here + there), difference = here - there;
        vf turned = difference * prosody_sin1024[j * step];
        odd += difference * prosody_cos1024[j * step];
        part[j & 1][reversal[j / 2]] = mean - turned;
        part[j & 1][reversal[mirror / 2]] = mean + turned;
    }
    const int m = half / 2;
    if (half == 512)
        first4(w->re, w->im, m);
    else
        first2(w->re, w->im, m);
    later_stages(w->re, w->im, m);
    r[0] = w->re[0] + w->im[0];
    r[1] = odd;
    for (int k = 1; 2 * k < lags; k++) {
        vf re, im, re_mirror, im_mirror;
        split(w, m, k, &re, &im, &re_mirror, &im_mirror);
        odd -= im;
        r[2 * k] = re;
        r[2 * k + 1] = odd;
    }
}
