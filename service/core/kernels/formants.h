/* formants.h - resonances of the vocal tract of LANES frames, from their power spectra. See formants.c. */
#ifndef PROSODY_FORMANTS_H
#define PROSODY_FORMANTS_H

#include "formant_track.h"
#include "lanes.h"
#include "tables.h"

/* Autocorrelation of a spectrum below 4 kHz (8 kHz) or 5.5 kHz (16 kHz): lags 0 .. 8 or 0 .. 11, in units of the power.
 * power: bins of 31.25 Hz, 0 .. 128 or 0 .. 176. */
void PROSODY_LEVEL_NAME(formant_lags)(int32_t rate_hz, const vf *power, vf *lags);

/* Frequency and bandwidth, Hz, of F1-F3, ascending; 0 for one that is not found, and where the lags are no autocorrelation: lag 0 not above 0 (below 2^-126, in fact),
 * or any that is not a number or is larger than lag 0. Which resonance is which formant: slots.h. */
void PROSODY_LEVEL_NAME(formants)(int32_t rate_hz, const vf *lags, vf *frequency, vf *bandwidth);

#endif
