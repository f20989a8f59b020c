/* extrema.c - see extrema.h. The rules are those of docs/egemaps.md, found on designed contours.
 *
 * A candidate is strictly above or strictly below both neighbours. It counts when it differs from the last extremum (at first: from the first value) by more than a tenth of
 * the contour's range. Of several minima in a row the lowest stands; a further maximum takes the place of the last only when higher by more than that tenth. The last two values
 * are never extrema.
 */
#include "extrema.h"

#define THRESHOLD 0.1
#define HOP_S 0.01

/* A place on the contour: the start, or an extremum. */
typedef struct mark {
    size_t at;
    int kind;       /* 1 maximum, -1 minimum, 0 the start */
} mark;

static double slope(const double *y, size_t from, size_t to) {
    return (y[to] - y[from]) / ((double)(to - from) * HOP_S);
}

/* The part that leads to an extremum. Falling parts count as positive. */
static void add_part(slopes *s, const double *y, mark from, mark to) {
    if (to.kind > 0)
        moments_push(&s->rising.inner, slope(y, from.at, to.at));
    else
        moments_push(&s->falling.inner, -slope(y, from.at, to.at));
}

/* The part after the last extremum; a falling one keeps its sign, unlike the others. */
static void add_end(slopes *s, const double *y, mark from, size_t last) {
    slope_parts *p = from.kind > 0 ? &s->falling : &s->rising;
    p->ends++;
    p->end_sum += slope(y, from.at, last);
}

void slopes_add(slopes *s, const double *y, size_t count, double low, double high) {
    const double threshold = THRESHOLD * (high - low);
    mark before = {0, 0}, last = {0, 0};    /* `last` may still be moved, `before` may not */
    for (size_t i = 1; i + 2 < count; i++) {
        const int kind = (y[i] > y[i - 1] && y[i] > y[i + 1]) - (y[i] < y[i - 1] && y[i] < y[i + 1]);
        if (kind == 0)
            continue;
        const int again = kind == last.kind;
        const double step = y[i] - y[last.at], gain = again ? step * kind : fabs(step);
        if (!(gain > (again && kind < 0 ? 0.0 : threshold)))
            continue;
        if (!again) {
            if (last.kind != 0)
                add_part(s, y, before, last);
            before = last;
            s->peaks += kind > 0;
        }
        last = (mark){i, kind};
    }
    if (last.kind == 0)
        return;
    add_part(s, y, before, last);
    add_end(s, y, last, count - 1);
}

double slope_parts_mean(const slope_parts *p) {
    const uint64_t count = p->inner.count + p->ends;
    return count == 0 ? 0.0 : ((double)p->inner.count * p->inner.mean + p->end_sum) / (double)count;
}

double slope_parts_spread(const slope_parts *p) {
    const uint64_t count = p->inner.count + p->ends;
    const double apart = p->inner.mean - slope_parts_mean(p);
    return count == 0 ? 0.0 : sqrt((p->inner.squares + (double)p->inner.count * apart * apart) / (double)count);
}
