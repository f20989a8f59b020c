/* slots.h - which of LANES frames' resonances are F1, F2 and F3.
 *
 * The cheapest ascending choice, in which a slot may stay empty (McCandless 1974, IEEE TASSP 22(2), filled slots by place alone). A resonance costs the square of its distance
 * from where that formant lies in a neutral vocal tract, in spreads of its logarithm, and a little for its width. Found slot by slot: the best of the first s slots among
 * the k lowest resonances follows from the best of s - 1 slots.
 */
#ifndef PROSODY_SLOTS_H
#define PROSODY_SLOTS_H

#include "formant_track.h"
#include "lanes.h"

#define NARROWEST_HZ 30.0f  /* no resonance of a vocal tract is narrower; narrower roots (harmonics) count as this wide */
#define PLACE_COST 0.5f     /* of a squared spread */
#define WIDTH_COST 0.3f     /* of each factor e above 100 Hz */
#define EMPTY_COST 3.0f
#define NO_FORMANT 1e9f
#define SLOT_LN2 0.693147181f
#define SLOT_BITS 4         /* of a choice: a resonance's number from 1, or 0 */

typedef struct formant_slot {
    float low_hz, high_hz, widest_hz;
    float neutral_hz, neutral_log2, spread;
    float neutral_width_log2; /* 70, 100, 160 Hz: about the middle of what Klatt (1980, JASA 67(3)) has for vowels */
    float width_prior;        /* rows' worth of it that a voiced stretch begins with */
} formant_slot;

static const formant_slot formant_slots[FORMANTS] = {
    {150.0f, 1100.0f, 400.0f, 500.0f, 8.96578428f, 0.35f, 6.12928302f, 30.0f},
    {600.0f, 2800.0f, 400.0f, 1500.0f, 10.5507468f, 0.35f, 6.64385619f, 10.0f},
    {1500.0f, 3500.0f, 500.0f, 2600.0f, 11.3442959f, 0.18f, 7.32192809f, 30.0f},
};

/* What it costs to have a resonance in a slot; a wider one than WIDEST shapes the spectrum's tilt and is no formant. */
INLINE vf slot_cost(const formant_slot *s, vf hz, vf width, vf log2_hz, vf width_cost) {
    const vi fits = (hz > s->low_hz) & (hz < s->high_hz) & (width < s->widest_hz);
    const vf place = (log2_hz - s->neutral_log2) * (SLOT_LN2 / s->spread);
    return choose(fits, PLACE_COST * place * place + width_cost, splat(NO_FORMANT));
}

/* The best choices of the first slots: [k] among the k lowest resonances. */
#define SLOT_RESONANCES_MAX 5
typedef struct slot_choices {
    vf cost[SLOT_RESONANCES_MAX + 1];
    vi chosen[SLOT_RESONANCES_MAX + 1];
} slot_choices;

/* One slot more. */
INLINE void slot_add(int slot, int count, const vf *cost, slot_choices *best) {
    slot_choices next;
    next.cost[0] = best->cost[0] + EMPTY_COST;
    next.chosen[0] = best->chosen[0];
    for (int k = 1; k <= count; k++) {
        const vf empty = best->cost[k] + EMPTY_COST, taken = best->cost[k - 1] + cost[k - 1];
        const vi fill = taken < empty;
        next.cost[k] = vmin(taken, empty);
        next.chosen[k] = choose_i(fill, best->chosen[k - 1] | splat_i(k << (SLOT_BITS * slot)), best->chosen[k]);
        const vi fewer = next.cost[k - 1] < next.cost[k];
        next.cost[k] = choose(fewer, next.cost[k - 1], next.cost[k]);
        next.chosen[k] = choose_i(fewer, next.chosen[k - 1], next.chosen[k]);
    }
    *best = next;
}

/* Frequency and bandwidth of F1-F3, 0 where a slot stays empty, from `count` resonances, ascending; NO_FORMANT Hz for none. */
INLINE void fill_slots(int count, const vf *hz, const vf *width, vf *frequency, vf *bandwidth) {
    slot_choices best;
    vf held[SLOT_RESONANCES_MAX], log2_hz[SLOT_RESONANCES_MAX], width_cost[SLOT_RESONANCES_MAX], cost[SLOT_RESONANCES_MAX];
    for (int k = 0; k <= count; k++) {
        best.cost[k] = splat(0.0f);
        best.chosen[k] = splat_i(0);
    }
    for (int k = 0; k < count; k++) {
        held[k] = vmax(width[k], splat(NARROWEST_HZ));
        log2_hz[k] = vlog2(hz[k]);
        width_cost[k] = (WIDTH_COST * SLOT_LN2) * (vlog2(held[k]) - 6.64385619f);
    }
    for (int s = 0; s < FORMANTS; s++) {
        for (int k = 0; k < count; k++)
            cost[k] = slot_cost(&formant_slots[s], hz[k], width[k], log2_hz[k], width_cost[k]);
        slot_add(s, count, cost, &best);
    }
    for (int s = 0; s < FORMANTS; s++) {
        const vi chosen = (best.chosen[count] >> (SLOT_BITS * s)) & splat_i((1 << SLOT_BITS) - 1);
        frequency[s] = bandwidth[s] = splat(0.0f);
        for (int k = 0; k < count; k++) {
            frequency[s] = choose(chosen == k + 1, hz[k], frequency[s]);
            bandwidth[s] = choose(chosen == k + 1, held[k], bandwidth[s]);
        }
    }
}

#endif
