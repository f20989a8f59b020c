/* columns.h - the columns of a frame, in order. New ones go at the end: the order is part of the contract. */
#ifndef PROSODY_COLUMNS_H
#define PROSODY_COLUMNS_H

/*        id                name                       unit */
#define PROSODY_COLUMN_LIST(X)                              \
    X(RMS_DBFS, "rms_dbfs", "dBFS")                         \
    X(LOUDNESS, "loudness", "1")                            \
    X(F0_HZ, "f0_hz", "Hz")                                 \
    X(VOICING_PROBABILITY, "voicing_probability", "1")      \
    X(HNR_DB, "hnr_db", "dB")                               \
    X(SPECTRAL_ENTROPY, "spectral_entropy", "1")            \
    X(ALPHA_RATIO_DB, "alpha_ratio_db", "dB")               \
    X(SLOPE_0_500, "slope_0_500_db_per_hz", "dB/Hz")        \
    X(SLOPE_500_1500, "slope_500_1500_db_per_hz", "dB/Hz")

enum prosody_column {
#define X(id, name, unit) COLUMN_##id,
    PROSODY_COLUMN_LIST(X)
#undef X
    COLUMN_COUNT
};

#endif
