/* egemaps_kernel.h - what the eGeMAPS kernels share. */
#ifndef PROSODY_EGEMAPS_KERNEL_H
#define PROSODY_EGEMAPS_KERNEL_H

#include "egemaps_columns.h"
#include "fft.h"
#include "formants.h"
#include "kernel.h"
#include "egemaps_tables.h"

/* The short window of LANES rows: their first EGEMAPS_SHORT_COUNT columns and their mean square. */
void PROSODY_LEVEL_NAME(egemaps_short)(int32_t rate_hz, const egemaps_job *jobs);
/* The long window of `count` voiced rows, given LANES jobs: harmonic descriptors and formants. Jobs of one stream come in order. */
void PROSODY_LEVEL_NAME(egemaps_long)(int32_t rate_hz, const voiced_job *jobs, size_t count);

#endif
