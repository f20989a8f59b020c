/* egemaps_tables.h - constant tables of the eGeMAPS descriptors; formulas in generate_egemaps.py. */
#ifndef PROSODY_EGEMAPS_TABLES_H
#define PROSODY_EGEMAPS_TABLES_H

#include <stdint.h>

#define EGEMAPS_BANDS 26
#define EGEMAPS_SLOPE_LOW_BINS 17       /* 0 to 500 Hz */
#define EGEMAPS_SLOPE_HIGH_BINS 33      /* 500 to 1500 Hz */

extern const float prosody_short_window8000[160];
extern const float prosody_short_window16000[320];
extern const float prosody_long_window8000[480];
extern const float prosody_long_window16000[960];
extern const uint16_t prosody_band_first8000[EGEMAPS_BANDS + 2];
extern const uint16_t prosody_band_first16000[EGEMAPS_BANDS + 2];
extern const float prosody_band_weight8000[129];
extern const float prosody_band_weight16000[257];
extern const float prosody_band_loudness8000[EGEMAPS_BANDS];
extern const float prosody_band_loudness16000[EGEMAPS_BANDS];
extern const float prosody_mfcc_basis[EGEMAPS_BANDS * 4];
extern const float prosody_slope_0_500[EGEMAPS_SLOPE_LOW_BINS];
extern const float prosody_slope_500_1500[EGEMAPS_SLOPE_HIGH_BINS];

#endif
