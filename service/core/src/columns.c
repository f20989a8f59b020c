/* columns.c - names and units of the columns, error texts, version. */
#include "columns.h"

#include "prosody.h"

static const char *const names[] = {
#define X(id, name, unit) name,
    PROSODY_COLUMN_LIST(X)
#undef X
};

static const char *const units[] = {
#define X(id, name, unit) unit,
    PROSODY_COLUMN_LIST(X)
#undef X
};

size_t prosody_columns(void) {
    return COLUMN_COUNT;
}

const char *prosody_column_name(size_t column) {
    return column < COLUMN_COUNT ? names[column] : NULL;
}

const char *prosody_column_unit(size_t column) {
    return column < COLUMN_COUNT ? units[column] : NULL;
}

const char *prosody_strerror(int error) {
    switch (error) {
    case PROSODY_OK: return "no error";
    case PROSODY_ERR_ARGUMENT: return "a null pointer or a size out of range";
    case PROSODY_ERR_RATE: return "sample rate must be 8000 or 16000 Hz";
    case PROSODY_ERR_MEMORY: return "out of memory";
    case PROSODY_ERR_SAMPLE: return "a sample is not finite or is above 256 times full scale";
    case PROSODY_ERR_FINISHED: return "samples after finish; reset the state first";
    case PROSODY_ERR_SIMD: return "this machine or build lacks that SIMD level";
    case PROSODY_ERR_ROW: return "a row of descriptors holds a NaN or an infinity";
    default: return "unknown error";
    }
}

const char *prosody_version(void) {
    return PROSODY_VERSION;
}
