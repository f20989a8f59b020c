#ifndef F_H
#define F_H
#include "lanes.h"
void PROSODY_LEVEL_NAME(formant_lags)(int32_t rate_hz, const vf *power, vf *lags);
void PROSODY_LEVEL_NAME(formants)(int32_t rate_hz, const vf *lags, vf *frequency, vf *bandwidth);
#endif
