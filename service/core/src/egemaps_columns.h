/* egemaps_columns.h - the columns of an eGeMAPS row, in openSMILE's order. They are not smoothed over frames. Definitions: docs/egemaps.md. */
#ifndef PROSODY_EGEMAPS_COLUMNS_H
#define PROSODY_EGEMAPS_COLUMNS_H

/*        id                        name                        unit */
#define PROSODY_EGEMAPS_LIST(X)                                     \
    X(LOUDNESS, "Loudness", "1")                                    \
    X(ALPHA_RATIO, "alphaRatio", "dB")                              \
    X(HAMMARBERG_INDEX, "hammarbergIndex", "dB")                    \
    X(SLOPE_0_500, "slope0-500", "dB/Hz")                           \
    X(SLOPE_500_1500, "slope500-1500", "dB/Hz")                     \
    X(SPECTRAL_FLUX, "spectralFlux", "1")                           \
    X(MFCC1, "mfcc1", "1")                                          \
    X(MFCC2, "mfcc2", "1")                                          \
    X(MFCC3, "mfcc3", "1")                                          \
    X(MFCC4, "mfcc4", "1")                                          \
    X(F0_SEMITONE, "F0semitoneFrom27.5Hz", "st")                    \
    X(JITTER, "jitterLocal", "1")                                   \
    X(SHIMMER, "shimmerLocaldB", "dB")                              \
    X(HNR, "HNRdBACF", "dB")                                        \
    X(H1_H2, "logRelF0-H1-H2", "dB")                                \
    X(H1_A3, "logRelF0-H1-A3", "dB")                                \
    X(F1_FREQUENCY, "F1frequency", "Hz")                            \
    X(F1_BANDWIDTH, "F1bandwidth", "Hz")                            \
    X(F1_AMPLITUDE, "F1amplitudeLogRelF0", "dB")                    \
    X(F2_FREQUENCY, "F2frequency", "Hz")                            \
    X(F2_BANDWIDTH, "F2bandwidth", "Hz")                            \
    X(F2_AMPLITUDE, "F2amplitudeLogRelF0", "dB")                    \
    X(F3_FREQUENCY, "F3frequency", "Hz")                            \
    X(F3_BANDWIDTH, "F3bandwidth", "Hz")                            \
    X(F3_AMPLITUDE, "F3amplitudeLogRelF0", "dB")                    \
    X(MEAN_SQUARE, "meanSquare", "1")

enum egemaps_column {
#define X(id, name, unit) EGEMAPS_##id,
    PROSODY_EGEMAPS_LIST(X)
#undef X
    EGEMAPS_COUNT
};

#define EGEMAPS_SHORT_COUNT 10                  /* columns of the short window, from the first */
#define EGEMAPS_FORMANTS 3
#define EGEMAPS_NOT_VOICED_DB (-201.0f)         /* openSMILE's amplitude where there is no fundamental */

/* The long window: its length in hops, and the frame of the pitch path whose centre and its predecessor's lie about its own. */
#define EGEMAPS_LONG_HOPS 6
#define EGEMAPS_PITCH_OFFSET 3

#endif
