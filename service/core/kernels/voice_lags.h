/* voice_lags.h - the spectrum and the autocorrelation that formants come from, of LANES voiced frames, without their noise. See voice_lags.c. */
#ifndef PROSODY_VOICE_LAGS_H
#define PROSODY_VOICE_LAGS_H

#include "fft.h"
#include "kernel.h"

/* Lags 0 .. 8 (8 kHz) or 0 .. 11 (16 kHz) of the pre-emphasised voice below the ceiling, in units of the power. The noise that goes with each job's voice is judged
 * with what its track remembers of the rows before; the spectral sums of the track move on, or begin afresh where a voiced stretch begins.
 *
 * power: bins of 15.625 Hz, 0 .. 256 or 0 .. 512, of `count` jobs; what the other lanes get means nothing. scratch: overwritten; the real part then holds
 * the voice's power in bins of 31.25 Hz. weight: the voice's share of the power to the power of 1.5, [SHARE_PLACES_MAX], each SHARE_PLACE_HZ; nothing in other lanes. */
void PROSODY_LEVEL_NAME(voice_lags)(int32_t rate_hz, const vf *power, const voiced_job *jobs, const int *begins, size_t count, fft_work *scratch, vf *weight, vf *lags);

#endif
