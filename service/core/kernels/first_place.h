/* first_place.h - sums over normal distributions at one point, which is where the chance of first place spends its time. */
#ifndef PROSODY_FIRST_PLACE_H
#define PROSODY_FIRST_PLACE_H

#include <stddef.h>

/* Normal scores side by side, padded to whole vectors by scores that are certain to be lower. */
typedef struct rivals {
    const double *mean;
    const double *inverse_sd;
    const double *weight; /* density of each relative to the narrowest's: narrowest SD / SD */
    size_t count;         /* with padding: a multiple of RIVALS_STEP */
} rivals;

#define RIVALS_STEP 8      /* the most lanes of doubles */
#define RIVALS_LOWEST -8.5 /* no point may lie farther below a mean, in its SDs: products of distribution functions would underflow */

typedef struct rivals_sums {
    double value;
    double slope; /* the derivative of value, but for a factor of narrowest SD * sqrt(2 pi), and above 0 */
} rivals_sums;

/* The logarithm of the probability that all are below x; ratios [count], if not NULL, gets each density over its distribution function, but for that factor. */
typedef rivals_sums (*rivals_below)(const rivals *all, double x, double *ratios);

/* The sum of the probabilities of each to be above x; its slope falls. */
typedef rivals_sums (*rivals_above)(const rivals *all, double x);

#endif
