/* extrema.h - peaks of a contour, and the slopes of its rising and falling parts. */
#ifndef PROSODY_EXTREMA_H
#define PROSODY_EXTREMA_H

#include <stddef.h>
#include <stdint.h>

#include "moments.h"

/* Slopes of one direction, per second. openSMILE's mean counts the parts after the last extremum, its spread sums over all others only. */
typedef struct slope_parts {
    moments inner;
    uint64_t ends;      /* parts after the last extremum: at most one for each contour */
    double end_sum;
} slope_parts;

typedef struct slopes {
    uint64_t peaks;     /* maxima */
    slope_parts rising, falling;
} slopes;

/* Adds what a contour of `count` values, one each 10 ms, holds; `low` and `high` are its least and greatest. */
void slopes_add(slopes *s, const double *contour, size_t count, double low, double high);

double slope_parts_mean(const slope_parts *p);
double slope_parts_spread(const slope_parts *p);

#endif
