/* pitch_model.h - the fitted part of the pitch tracker, in pitch_model.inc; bench/pitch_fit.py fits and writes it anew. */
#ifndef PROSODY_PITCH_MODEL_H
#define PROSODY_PITCH_MODEL_H

#define POSTERIOR_BINS 128      /* bins of 15.6 Hz from 47 Hz on, one by one ... */
#define POSTERIOR_PAIRS 48      /* ... and above 2047 Hz in pairs */
#define POSTERIOR_INPUTS (POSTERIOR_BINS + POSTERIOR_PAIRS)
#define POSTERIOR_HIDDEN 48
#define POSTERIOR_STATES 63     /* F0 of 60 Hz * 2^(k / 20) */
#define POSTERIOR_BLOCK 16      /* outputs whose weights lie together, one input after another */
#define POSTERIOR_STATES_PER_OCTAVE 20
#define POSTERIOR_LOWEST_LOG2_HZ 5.90689060f

#define VOICING_CONTEXT 4       /* frames before and after whose evidence counts ... */
#define VOICING_LEVEL_CONTEXT 6 /* ... and whose level does */
#define VOICING_INPUTS (2 * (2 * VOICING_CONTEXT + 1) + 2 * VOICING_LEVEL_CONTEXT + 1 + 2)
#define VOICING_HIDDEN 10

extern const float prosody_posterior_weight1[POSTERIOR_INPUTS * POSTERIOR_HIDDEN];        /* [block of hidden][input][hidden] */
extern const float prosody_posterior_bias1[POSTERIOR_HIDDEN];
extern const float prosody_posterior_weight2[POSTERIOR_HIDDEN * (POSTERIOR_STATES + 1)];  /* [block of outputs][hidden][output], output 0 is unvoiced */
extern const float prosody_posterior_bias2[POSTERIOR_STATES + 1];
extern const float prosody_voicing_weight1[VOICING_INPUTS * VOICING_HIDDEN];
extern const float prosody_voicing_bias1[VOICING_HIDDEN];
extern const float prosody_voicing_weight2[VOICING_HIDDEN];
extern const float prosody_voicing_bias2;

/* Costs of the path, in log odds; jumps per octave. Chosen for the least F0 frame error on the voices that the networks were fitted on. */
#include "pitch_costs.inc"

#endif
