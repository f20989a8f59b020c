/* percentiles.c - exact percentiles by selection; see percentiles.h.
 *
 * The bits of a double, the sign turned round, sort as integers. A histogram of their leading digits over the range that is left says in which digit the wanted rank lies; the
 * range shrinks 256-fold with each round, so that eight rounds end whatever the values are, and one or two are enough for a contour. No copy, no sort of the whole.
 */
#include "percentiles.h"

#include <string.h>

#define DIGITS 256u
#define SMALL 32u   /* so few values are sorted by insertion */

/* Keys low .. low + (DIGITS << shift) - 1, counted by digit. */
typedef struct histogram {
    uint64_t low;
    unsigned shift;
    uint32_t counts[DIGITS];
} histogram;

static inline uint64_t key_of(double x) {
    const double unsigned_zero = x + 0.0; /* -0 + 0 is 0: equal values have equal keys */
    uint64_t bits;
    memcpy(&bits, &unsigned_zero, sizeof bits);
    return bits ^ (bits >> 63 ? UINT64_MAX : (uint64_t)1 << 63);
}

static double value_of(uint64_t key) {
    const uint64_t bits = key ^ (key >> 63 ? (uint64_t)1 << 63 : UINT64_MAX);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void histogram_fill(histogram *h, const double *values, size_t count, uint64_t low, uint64_t high) {
    h->low = low;
    h->shift = 0;
    while ((high - low) >> h->shift >= DIGITS)
        h->shift++;
    memset(h->counts, 0, sizeof h->counts);
    for (size_t i = 0; i < count; i++) {
        const uint64_t digit = (key_of(values[i]) - low) >> h->shift; /* wraps round to a great number below `low` */
        if (digit < DIGITS)
            h->counts[digit]++;
    }
}

/* Sorts the keys in [low, low + width], of which there are at most SMALL, into `few`. */
static void gather(const double *values, size_t count, uint64_t low, uint64_t width, uint64_t few[SMALL]) {
    size_t n = 0;
    for (size_t i = 0; i < count && n < SMALL; i++) {
        const uint64_t key = key_of(values[i]);
        if (key - low > width)
            continue;
        size_t at = n++;
        for (; at > 0 && few[at - 1] > key; at--)
            few[at] = few[at - 1];
        few[at] = key;
    }
}

/* The value at `rank`, counted from 0, in ascending order, and, when it came to light on the way, the next in *next; returns whether it did. `whole` is the histogram of all. */
static int at_rank(const histogram *whole, const double *values, size_t count, size_t rank, double *value, double *next) {
    histogram narrower;
    for (const histogram *h = whole;; h = &narrower) {
        size_t digit = 0;
        for (; digit + 1 < DIGITS && rank >= h->counts[digit]; digit++)
            rank -= h->counts[digit];
        const uint64_t low = h->low + ((uint64_t)digit << h->shift), width = ((uint64_t)1 << h->shift) - 1;
        const int joined = rank + 1 < h->counts[digit];
        if (width == 0) {
            *value = *next = value_of(low);
            return joined;
        }
        if (h->counts[digit] <= SMALL) {
            uint64_t few[SMALL];
            gather(values, count, low, width, few);
            *value = value_of(few[rank]);
            if (joined)
                *next = value_of(few[rank + 1]);
            return joined;
        }
        histogram_fill(&narrower, values, count, low, low + width);
    }
}

void percentiles_exact(const double *values, size_t count, double out[PERCENTILE_COUNT]) {
    double least = values[0], greatest = values[0], unused;
    for (size_t i = 1; i < count; i++) {
        least = values[i] < least ? values[i] : least;
        greatest = values[i] > greatest ? values[i] : greatest;
    }
    histogram whole;
    histogram_fill(&whole, values, count, key_of(least), key_of(greatest));
    for (size_t p = 0; p < PERCENTILE_COUNT; p++) {
        const double place = percentile_place(p, count);
        const size_t rank = (size_t)place;
        const double part = place - (double)rank;
        double below, above;
        if (!at_rank(&whole, values, count, rank, &below, &above) && part > 0.0)
            at_rank(&whole, values, count, rank + 1, &above, &unused);
        out[p] = part > 0.0 ? below + part * (above - below) : below;
    }
}
