#include "formants.h"
#include "kernel.h"
#include "periods_kernel.h"
void PROSODY_LEVEL_NAME(formant_lags)(int32_t rate_hz, const vf *power, vf *lags) {(void)rate_hz; (void)power; lags[0]=power[0];}
void PROSODY_LEVEL_NAME(formants)(int32_t rate_hz, const vf *lags, vf *frequency, vf *bandwidth) {(void)rate_hz; (void)lags; for(int i=0;i<3;i++) frequency[i]=splat(500.f+1000*i), bandwidth[i]=splat(100.f);}
void PROSODY_LEVEL_NAME(periods)(period_chain *chain, int32_t rate_hz, const float *samples, int64_t first, int64_t end, int64_t row, float f0_hz, float *jitter, float *shimmer_db) {
(void)chain,(void)rate_hz,(void)samples,(void)first,(void)end,(void)row,(void)f0_hz; *jitter=*shimmer_db=0;}
