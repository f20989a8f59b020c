/* spectrum.h - descriptors of the 20 ms power spectrum of LANES frames. */
#ifndef PROSODY_SPECTRUM_H
#define PROSODY_SPECTRUM_H

#include "fft.h"
#include "kernel.h"

void PROSODY_LEVEL_NAME(spectrum)(int32_t rate_hz, const signals_job *jobs);

#endif
