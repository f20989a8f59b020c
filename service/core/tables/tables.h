/* tables.h - constant tables; formulas in generate.py. */
#ifndef PROSODY_TABLES_H
#define PROSODY_TABLES_H

#include <stdint.h>

#define PITCH_WINDOW 384
#define PITCH_FFT 512
#define PITCH_LAGS 160
#define MEL_BANDS 26
#define DECIMATOR_TAPS 47
#define SPECTRUM_FFT_MAX 512

extern const float prosody_cos1024[1024];
extern const float prosody_sin1024[1024];
extern const uint16_t prosody_reversal128[128];
extern const uint16_t prosody_reversal256[256];
extern const uint16_t prosody_reversal512[512];
extern const float prosody_pitch_window[PITCH_WINDOW];
extern const float prosody_pitch_lag_weight[PITCH_LAGS];
extern const float prosody_hnr_lag_weight[PITCH_LAGS];
extern const float prosody_half_band[DECIMATOR_TAPS];

extern const float prosody_spectrum_window8000[160];
extern const float prosody_spectrum_window16000[320];
extern const int8_t prosody_mel_band8000[129];
extern const int8_t prosody_mel_band16000[257];
extern const float prosody_mel_weight8000[129];
extern const float prosody_mel_weight16000[257];
extern const float prosody_equal_loudness8000[MEL_BANDS];
extern const float prosody_equal_loudness16000[MEL_BANDS];

/* Below the formants' ceiling of 4 kHz or 5.5 kHz: pre-emphasis of the power at bins of 15.625 Hz; and cos(n w) of lags n = 1 .. order at bins of 31.25 Hz below the
 * middle, one bin after another. */
#define FORMANT_BINS_8000 257
#define FORMANT_BINS_16000 353
extern const float prosody_formant_weight8000[FORMANT_BINS_8000];
extern const float prosody_formant_weight16000[FORMANT_BINS_16000];
extern const float prosody_formant_cosine8000[64 * 8];
extern const float prosody_formant_cosine16000[88 * 11];
/* Where the factors of a predictor start (formant_start.c): order rows of order + 1. */
extern const float prosody_formant_start8000[8 * 9];
extern const float prosody_formant_start16000[11 * 12];

#endif
