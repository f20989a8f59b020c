/* first_place.c - see first_place.h. Compiled once per SIMD level.
 *
 * With z = (x - mean) / sd, t = |z| and E = exp(-t^2 / 2), the tail of a normal beyond t is Q(t) E, and Q = erfcx(t / sqrt 2) / 2 is a smooth function, here a quotient
 * of polynomials N / D. Then the distribution function is N E / D below the mean and 1 - N E / D above, and both it and its logarithm's derivative, E / F, take one division.
 * Products of distribution functions are logarithms' sums without the logarithms: exponents are taken out of a product now and then.
 */
#include "first_place.h"

#include <math.h>

#include "wide.h"

#define FARTHEST 9.0 /* beyond, a tail of 1e-19 counts as that: the quotient was fitted up to there */
#define TOGETHER 16  /* factors between 1e-18 and 1 whose product is far from underflow */

typedef struct normal {
    vl above;     /* z > 0 */
    vd density;   /* E */
    vd tail, one; /* tail probability beyond t is tail / one */
} normal;

/* The quotient is the best of its degrees in relative error, 1.9e-11 (least squares with the points reweighted, as Lawson 1961). */
INLINE normal at(const rivals *all, size_t i, vd x) {
    const vd z = (x - wide_load(all->mean + i)) * wide_load(all->inverse_sd + i);
    const vd t = wide_min(wide_abs(z), wide(FARTHEST));
    vd n = wide(0.0007409023292300784);
    n = n * t + 0.010182748277630271;
    n = n * t + 0.0647219006059865;
    n = n * t + 0.23480130079223405;
    n = n * t + 0.4894823089352138;
    n = n * t + 0.4999999999906128;
    vd d = wide(0.0018571760431311322);
    d = d * t + 0.025523871424470587;
    d = d * t + 0.1641029297809874;
    d = d * t + 0.6139042394520132;
    d = d * t + 1.3873231602260587;
    d = d * t + 1.7768491766932895;
    d = d * t + 1.0;
    const vd density = wide_exp(-0.5 * t * t);
    return (normal){z > 0, density, n * density, d};
}

/* Takes the exponents out of positive normal numbers. */
INLINE vl take_exponents(vd *v) {
    const vl bits = (vl)*v;
    *v = (vd)((bits & wide_i(0x000fffffffffffff)) | wide_i(0x3ff0000000000000));
    return (bits >> 52) - wide_i(1023);
}

static double log_of(vd product, vl exponents) {
    double sum = 0, exponent = 0;
    for (int l = 0; l < WIDE; l++) {
        sum += log(product[l]);
        exponent += (double)exponents[l];
    }
    return sum + exponent * 0.6931471805599453;
}

rivals_sums PROSODY_LEVEL_NAME(rivals_below)(const rivals *all, double point, double *ratios) {
    const vd x = wide(point);
    vd product = wide(1), slope = wide(0);
    vl exponents = wide_i(0);
    for (size_t i = 0; i < all->count;) {
        for (int k = 0; k < TOGETHER && i < all->count; k++, i += WIDE) {
            const normal here = at(all, i, x);
            const vd below = wide_choose(here.above, here.one - here.tail, here.tail);
            const vd inverse = 1.0 / (below * here.one);
            const vd ratio = wide_load(all->weight + i) * here.density * here.one * here.one * inverse;
            product *= below * below * inverse;
            slope += ratio;
            if (ratios != NULL)
                wide_store(ratios + i, ratio);
        }
        exponents += take_exponents(&product);
    }
    return (rivals_sums){log_of(product, exponents), wide_sum(slope)};
}

rivals_sums PROSODY_LEVEL_NAME(rivals_above)(const rivals *all, double point) {
    const vd x = wide(point);
    vd sum = wide(0), slope = wide(0);
    for (size_t i = 0; i < all->count; i += WIDE) {
        const normal here = at(all, i, x);
        sum += wide_choose(here.above, here.tail, here.one - here.tail) / here.one;
        slope += wide_load(all->weight + i) * here.density;
    }
    return (rivals_sums){wide_sum(sum), wide_sum(slope)};
}
