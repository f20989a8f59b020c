/* moments.h - count, mean and summed squared deviation of values that come one at a time. */
#ifndef PROSODY_MOMENTS_H
#define PROSODY_MOMENTS_H

#include <math.h>
#include <stdint.h>

typedef struct moments {
    uint64_t count;
    double mean;
    double squares;     /* sum of (x - mean)^2 */
} moments;

/* Welford (1962). */
static inline void moments_push(moments *m, double x) {
    const double before = x - m->mean;
    m->count++;
    m->mean += before / (double)m->count;
    m->squares += before * (x - m->mean);
}

/* Chan, Golub & LeVeque (1983): the moments of two sets together. */
static inline moments moments_merge(moments a, moments b) {
    if (a.count == 0 || b.count == 0)
        return a.count == 0 ? b : a;
    const double n = (double)(a.count + b.count), share = (double)b.count / n, apart = b.mean - a.mean;
    return (moments){a.count + b.count, a.mean + share * apart, a.squares + b.squares + share * (double)a.count * apart * apart};
}

/* Standard deviation of the population; 0 for none. */
static inline double moments_sd(moments m) {
    return m.count == 0 ? 0.0 : sqrt(m.squares / (double)m.count);
}

/* SD over mean; 0 where the mean is 0. */
static inline double moments_sd_norm(moments m) {
    return m.mean == 0.0 ? 0.0 : moments_sd(m) / m.mean;
}

#endif
