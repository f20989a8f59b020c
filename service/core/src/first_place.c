/* first_place.c - the chance of first place; see ranking.h.
 *
 * Whoever cannot be the largest is left out first, then the grid is made as narrow as it may be. Its lower end is found by Newton's method from outside: the logarithm of a
 * normal's distribution function is concave, and so is a sum of them; its tangents lie above it, so no step goes beyond the end. The upper end is where each tail has its share
 * of what may be lost, moved in as long as all tails together have no more than that.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "levels.h"
#include "ranking.h"

#define NEWTON_STEPS 16
#define NEAR_ENOUGH 0.5 /* in the logarithm of a probability: a nearer end would spare less of the grid than a step costs */
#define SQRT_2PI 2.5066282746310002
#define CERTAINLY_LOWER -1e300
#define LARGEST 1e150 /* figures whose squares and sums are finite */

typedef struct field {
    const prosody_kernel *kernel;
    rivals all;
    double *mean, *inverse_sd, *weight, *ratios, *sums;
    size_t *at; /* of each rival among the scores */
    size_t count;
    double narrowest;
} field;

static int field_create(size_t count, field *f) {
    const size_t room = count + RIVALS_STEP;
    f->mean = malloc(room * (5 * sizeof(double) + sizeof(size_t)));
    if (f->mean == NULL)
        return PROSODY_ERR_MEMORY;
    f->inverse_sd = f->mean + room;
    f->weight = f->inverse_sd + room;
    f->ratios = f->weight + room;
    f->sums = f->ratios + room;
    f->at = (size_t *)(void *)(f->sums + room);
    return PROSODY_OK;
}

/* Takes in whoever reaches a floor. */
static void field_fill(field *f, const double *mean, const double *sd, size_t count, double least_sd, double reach, double floor) {
    size_t n = 0;
    f->narrowest = HUGE_VAL;
    for (size_t i = 0; i < count; i++) {
        const double s = fmax(sd[i], least_sd);
        if (!(mean[i] + reach * s >= floor))
            continue;
        f->mean[n] = mean[i];
        f->inverse_sd[n] = 1 / s;
        f->weight[n] = s;
        f->at[n++] = i;
        f->narrowest = fmin(f->narrowest, s);
    }
    for (size_t i = 0; i < n; i++)
        f->weight[i] = f->narrowest / f->weight[i];
    const size_t padded = (n + RIVALS_STEP - 1) / RIVALS_STEP * RIVALS_STEP;
    for (size_t i = n; i < padded; i++) {
        f->mean[i] = CERTAINLY_LOWER;
        f->inverse_sd[i] = 1;
        f->weight[i] = 0;
    }
    f->count = n;
    f->all = (rivals){f->mean, f->inverse_sd, f->weight, padded};
}

static double raised(const field *f, double floor, double log_lost) {
    for (int step = 0; step < NEWTON_STEPS; step++) {
        const rivals_sums below = f->kernel->rivals_below(&f->all, floor, NULL);
        const double gap = log_lost - below.value;
        if (!(gap > NEAR_ENOUGH && below.slope > 0))
            break;
        floor += gap / below.slope * (f->narrowest * SQRT_2PI);
    }
    return floor;
}

static double lowered(const field *f, double top, double lost) {
    rivals_sums above = f->kernel->rivals_above(&f->all, top);
    for (int step = 0; step < NEWTON_STEPS; step++) {
        const double gap = log(lost / above.value);
        if (!(gap > NEAR_ENOUGH && above.slope > 0))
            break;
        const double nearer = top - gap * above.value / above.slope * (f->narrowest * SQRT_2PI);
        above = f->kernel->rivals_above(&f->all, nearer);
        if (!(above.value <= lost))
            break;
        top = nearer;
    }
    return top;
}

static void integrate(field *f, const ranking_grid *grid, const double ends[2], double *chances) {
    const double span = ends[1] - ends[0];
    const double steps = fmax(grid->least_steps, ceil(span / f->narrowest * grid->steps_per_sd) + 2);
    memset(f->sums, 0, f->all.count * sizeof(double));
    for (double k = 0; k < steps; k++) {
        const double every = exp(f->kernel->rivals_below(&f->all, ends[0] + span * (k / (steps - 1)), f->ratios).value);
        for (size_t i = 0; i < f->all.count; i++)
            f->sums[i] += every * f->ratios[i];
    }
    double sum = 0;
    for (size_t i = 0; i < f->count; i++)
        sum += f->sums[i];
    for (size_t i = 0; i < f->count; i++)
        chances[f->at[i]] = f->sums[i] / sum;
}

/* The widest SD, or a negative number where a figure cannot be; best is the first of the largest means. */
static double widest_of(const double *mean, const double *sd, size_t count, size_t *best) {
    double widest = 0;
    *best = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(fabs(mean[i]) <= LARGEST && sd[i] >= 0 && sd[i] <= LARGEST))
            return -1;
        widest = fmax(widest, sd[i]);
        if (mean[i] > mean[*best])
            *best = i;
    }
    return widest;
}

int ranking_first_place(const double *mean, const double *sd, size_t count, const ranking_grid *grid, const char *level, double *chances, double ends[2]) {
    size_t best;
    const double widest = widest_of(mean, sd, count, &best), least_sd = widest * grid->smallest_sd_ratio;
    if (widest < 0 || !(grid->reach <= -RIVALS_LOWEST))
        return PROSODY_ERR_ARGUMENT;
    memset(chances, 0, count * sizeof(double));
    if (count == 0)
        return PROSODY_OK;
    if (least_sd < DBL_MIN || count == 1) { /* an SD whose least share has no figures left to divide by counts as none */
        chances[best] = 1;
        ends[0] = ends[1] = mean[best];
        return PROSODY_OK;
    }
    field f = {.kernel = prosody_kernel_find(level)};
    if (f.kernel == NULL)
        return PROSODY_ERR_SIMD;
    const int code = field_create(count, &f);
    if (code < 0)
        return code;
    ends[0] = ends[1] = -HUGE_VAL;
    for (size_t i = 0; i < count; i++) {
        const double s = fmax(sd[i], least_sd);
        ends[0] = fmax(ends[0], mean[i] - grid->reach * s);
        ends[1] = fmax(ends[1], mean[i] + grid->tail * s);
    }
    field_fill(&f, mean, sd, count, least_sd, grid->reach, ends[0]);
    ends[0] = raised(&f, ends[0], log(grid->lost));
    ends[1] = lowered(&f, ends[1], grid->lost);
    field_fill(&f, mean, sd, count, least_sd, grid->reach, ends[0]);
    integrate(&f, grid, ends, chances);
    free(f.mean);
    return PROSODY_OK;
}
