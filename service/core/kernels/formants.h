/* formants.h - resonances of the vocal tract of LANES frames, from their power spectra. See formants.c. */
#ifndef PROSODY_FORMANTS_H
#define PROSODY_FORMANTS_H

#include "lanes.h"
#include "tables.h"

#define FORMANTS 3
#define FORMANT_LAGS_MAX 12 /* lags 0 .. 8 at 8 kHz, 0 .. 11 at 16 kHz */

/* Autocorrelation of the pre-emphasised spectrum below 4 kHz (8 kHz) or 5.5 kHz (16 kHz): lags 0 .. 8 or 0 .. 11, in units of the power.
 * power: bins of 31.25 Hz, 0 .. 128 or 0 .. 176. */
void PROSODY_LEVEL_NAME(formant_lags)(int32_t rate_hz, const vf *power, vf *lags);

/* Frequency and bandwidth, Hz, of the FORMANTS lowest resonances between the margins and narrower than 1 kHz, ascending; 0 where there are fewer, and
 * where the lags are no autocorrelation: lag 0 not above 0 (below 2^-126, in fact), or any that is not a number or is larger than lag 0. */
void PROSODY_LEVEL_NAME(formants)(int32_t rate_hz, const vf *lags, vf *frequency, vf *bandwidth);

#endif
