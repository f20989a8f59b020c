#include "periods.h"
void PROSODY_LEVEL_NAME(periods)(period_chain *chain, int32_t rate_hz, const float *samples, int64_t first, int64_t end, int64_t row, float f0_hz, float *jitter, float *shimmer_db);
