/* periods_kernel.h - jitter and shimmer of one row of a stream. See periods.c. */
#ifndef PROSODY_PERIODS_KERNEL_H
#define PROSODY_PERIODS_KERNEL_H

#include "periods.h"

/* Jitter (ratio) and shimmer (dB) of row `row`, whose 10 ms begin at row * rate_hz / 100; both 0 where no pair of periods counts. Rows come in order; f0_hz is 0
 * in unvoiced ones, which break the chain. samples[0] is stream position `first`, at most the row's; nothing at or beyond `end` is read, and a period that would
 * need it is not known. Six hops are enough for any F0 from 50 Hz. */
void PROSODY_LEVEL_NAME(periods)(period_chain *chain, int32_t rate_hz, const float *samples, int64_t first, int64_t end, int64_t row, float f0_hz, float *jitter,
                                 float *shimmer_db);

#endif
