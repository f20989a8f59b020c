/* band_edges.h - what a telephone line cuts off LANES voices is unknown, not silent. See band_edges.c. */
#ifndef PROSODY_BAND_EDGES_H
#define PROSODY_BAND_EDGES_H

#include "lanes.h"
#include "tables.h"

/* Lags 0 .. 8 (8 kHz) or 0 .. 11 (16 kHz) as if the power at the edges of the band, as far as it is missing, were what the lags predict there.
 * power: what the lags are of, bins of 31.25 Hz, 0 .. 128 or 0 .. 176. The lags come back in other units; those that are
 * no autocorrelation stay as they are. */
void PROSODY_LEVEL_NAME(complete_band)(int32_t rate_hz, const vf *power, vf *lags);

#endif
