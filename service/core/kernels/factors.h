/* factors.h - quadratic factors of LANES real polynomials at once.
 *
 * z^n + a[0] z^(n-1) + ... + a[n-1] is split into factors z^2 + p z + q, all together: with G the product of the others, each takes the step (c z + d) that solves
 * (c z + d) G = A modulo itself (Dvorcuk 1969, Aplikace matematiky 14: Durand-Kerner's method, two roots at a time, in real arithmetic). A factor holds a conjugate
 * pair or two real roots, and one turns into the other without a seam. An odd order has a linear factor z + s besides.
 *
 * What can stall is that two real roots in different factors should become a conjugate pair, which they can only do within one factor. So now and then real
 * roots change partners: the closest two come together.
 *
 * The polynomials are predictors, with all roots inside the unit circle: each factor starts from a place that is linear in the coefficients (bench/formant_start.py).
 * A lane whose step has become small is frozen, so its result does not depend on how long its neighbours take.
 */
#ifndef PROSODY_FACTORS_H
#define PROSODY_FACTORS_H

#include "lanes.h"

#define FACTORS_MAX 5
/* Steps after which a lane is left as it is: about 1 in 10,000 frames of speech, which have a double root then. */
#define FACTOR_STEPS 30
#define FACTOR_REGROUP 3
/* Sum of all changes of a step after which a lane is done. Convergence is quadratic: what is left is about the square of it. */
#define FACTOR_CLOSE 4e-3f
/* Longest step of one factor: longer ones lose their way (of 0.15 to 1 the one with the fewest steps). */
#define FACTOR_LONGEST 0.3f
/* A step beyond this comes from a division by nearly nothing and is not taken. */
#define FACTOR_ABSURD 1e15f

typedef struct factors {
    vf p[FACTORS_MAX], q[FACTORS_MAX], s;
} factors;

INLINE vf clamp(vf x, vf limit) {
    return vmax(vmin(x, limit), -limit);
}

/* Divisor that is not zero. */
INLINE vf divisor(vf x) {
    return choose(vabs(x) > 1e-20f, x, splat(1e-20f));
}

/* Where the factors start: rows of `table` are 1, a[0], a[1] ... to p of each, then q of each, then s. */
INLINE void factor_start(const vf *a, int order, const float *table, factors *f) {
    const int count = order / 2;
    for (int i = 0; i < order; i++, table += order + 1) {
        vf x = splat(table[0]);
        for (int j = 0; j < order; j++)
            x += table[1 + j] * a[j];
        if (i < count)
            f->p[i] = x;
        else if (i < 2 * count)
            f->q[i - count] = clamp(x, splat(1.0f));
        else
            f->s = clamp(x, splat(1.0f));
    }
    for (int i = 0; i < count; i++)
        f->p[i] = clamp(f->p[i], 1.0f + f->q[i]);
}

/* A modulo z^2 + p z + q, as r1 z + r0. */
INLINE void remainder_of(const vf *a, int order, vf p, vf q, vf *r1, vf *r0) {
    vf before = splat(1.0f), now = a[0] - p;
    for (int k = 1; k < order - 1; k++) {
        const vf next = (a[k] - q * before) - p * now;
        before = now;
        now = next;
    }
    *r1 = now;
    *r0 = a[order - 1] - q * before;
}

/* The product of the other factors modulo factor i, as g1 z + g0. */
INLINE void others(const factors *f, int order, int i, vf *g1, vf *g0) {
    const vf p = f->p[i], q = f->q[i];
    int next = i == 0;
    vf first = f->p[next] - p, zeroth = f->q[next] - q;
    for (next++; next < order / 2; next++) {
        if (next == i)
            continue;
        const vf u = f->p[next] - p, v = f->q[next] - q, t = first * u;
        first = first * v + (zeroth * u - p * t);
        zeroth = zeroth * v - q * t;
    }
    if (order % 2) {
        const vf t = first;
        first = first * f->s + (zeroth - p * t);
        zeroth = zeroth * f->s - q * t;
    }
    *g1 = first;
    *g0 = zeroth;
}

/* A(-s) / G(-s): the step of the linear factor. */
INLINE vf linear_step(const vf *a, int order, const factors *f) {
    const vf z = -f->s;
    vf value = z + a[0], product = splat(1.0f);
    for (int k = 1; k < order; k++)
        value = value * z + a[k];
    for (int j = 0; j < order / 2; j++)
        product *= (z + f->p[j]) * z + f->q[j];
    return value / divisor(product);
}

/* One step of all factors from `old`; returns the sum of the changes, before they were limited. */
INLINE vf factor_step(const vf *a, int order, const factors *old, factors *new) {
    vf size = {0};
    for (int i = 0; i < order / 2; i++) {
        const vf p = old->p[i], q = old->q[i];
        vf r1, r0, g1, g0;
        remainder_of(a, order, p, q, &r1, &r0);
        others(old, order, i, &g1, &g0);
        const vf e = g0 - p * g1, h = q * g1, inverse = 1.0f / divisor(g0 * e + g1 * h);
        const vf c = (r1 * g0 - r0 * g1) * inverse, d = (r0 * e + r1 * h) * inverse, change = vabs(c) + vabs(d);
        const vf share = FACTOR_LONGEST / vmax(change, splat(FACTOR_LONGEST));
        new->p[i] = p + c * share;
        new->q[i] = q + d * share;
        size += change;
    }
    if (order % 2) {
        const vf d = linear_step(a, order, old);
        new->s = old->s + clamp(d, splat(FACTOR_LONGEST));
        size += vabs(d);
    }
    return size;
}

/* The four real roots of two factors: the closest two into the first, the others into the second. */
INLINE void regroup_two(vi where, vf *p, vf *q, vf *other_p, vf *other_q) {
    const vf middle = -0.5f * *p, half = vsqrt(vmax(middle * middle - *q, splat(0.0f)));
    const vf other_middle = -0.5f * *other_p, other_half = vsqrt(vmax(other_middle * other_middle - *other_q, splat(0.0f)));
    const vf low = vmax(middle - half, other_middle - other_half), high = vmin(middle + half, other_middle + other_half);
    const vf r0 = vmin(middle - half, other_middle - other_half), r1 = vmin(low, high), r2 = vmax(low, high);
    const vf r3 = vmax(middle + half, other_middle + other_half);
    const vi inner = (r2 - r1 < r1 - r0) & (r2 - r1 < r3 - r2);
    const vf partner = choose(inner, r2, r0), left = choose(inner, r0, r2);
    *p = choose(where, -(r1 + partner), *p);
    *q = choose(where, r1 * partner, *q);
    *other_p = choose(where, -(left + r3), *other_p);
    *other_q = choose(where, left * r3, *other_q);
}

/* The same of a quadratic and the linear factor. */
INLINE void regroup_linear(vi where, vf *p, vf *q, vf *s) {
    const vf middle = -0.5f * *p, half = vsqrt(vmax(middle * middle - *q, splat(0.0f)));
    const vf low = vmax(middle - half, -*s), r0 = vmin(middle - half, -*s), r1 = vmin(low, middle + half), r2 = vmax(low, middle + half);
    const vi lower = r1 - r0 < r2 - r1;
    const vf partner = choose(lower, r0, r2), left = choose(lower, r2, r0);
    *p = choose(where, -(r1 + partner), *p);
    *q = choose(where, r1 * partner, *q);
    *s = choose(where, -left, *s);
}

INLINE vi has_real(const factors *f, int i) {
    return f->p[i] * f->p[i] > 4.0f * f->q[i];
}

/* In lanes that still move, real roots of different factors change partners. */
INLINE void factor_regroup(vi moving, int order, factors *f) {
    for (int i = 0; i < order / 2; i++) {
        if (mask_bits(moving & has_real(f, i)) == 0)
            continue;
        for (int j = i + 1; j < order / 2; j++) {
            const vi where = moving & has_real(f, i) & has_real(f, j);
            if (mask_bits(where) != 0)
                regroup_two(where, &f->p[i], &f->q[i], &f->p[j], &f->q[j]);
        }
        if (order % 2)
            regroup_linear(moving & has_real(f, i), &f->p[i], &f->q[i], &f->s);
    }
}

/* The factors of A. */
INLINE void factorise(const vf *a, int order, const float *table, factors *f) {
    vi moving = splat_i(-1);
    factor_start(a, order, table, f);
    for (int n = 0; n < FACTOR_STEPS && mask_bits(moving) != 0; n++) {
        factors new;
        if (n > 0 && n % FACTOR_REGROUP == 0)
            factor_regroup(moving, order, f);
        const vf size = factor_step(a, order, f, &new);
        moving &= size < FACTOR_ABSURD;
        for (int i = 0; i < order / 2; i++) {
            f->p[i] = choose(moving, new.p[i], f->p[i]);
            f->q[i] = choose(moving, new.q[i], f->q[i]);
        }
        if (order % 2)
            f->s = choose(moving, new.s, f->s);
        moving &= size >= FACTOR_CLOSE;
    }
}

#endif
