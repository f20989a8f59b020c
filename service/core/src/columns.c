/* columns.c - names and units of the columns, error texts, version. */
#include "columns.h"

#include "egemaps_columns.h"
#include "prosody.h"

_Static_assert(EGEMAPS_COUNT == PROSODY_EGEMAPS_COLUMNS, "prosody.h and egemaps_columns.h disagree");

static const char *const signal_names[] = {
#define X(id, name, unit) name,
    PROSODY_COLUMN_LIST(X)
#undef X
};

static const char *const signal_units[] = {
#define X(id, name, unit) unit,
    PROSODY_COLUMN_LIST(X)
#undef X
};

static const char *const egemaps_names[] = {
#define X(id, name, unit) name,
    PROSODY_EGEMAPS_LIST(X)
#undef X
};

static const char *const egemaps_units[] = {
#define X(id, name, unit) unit,
    PROSODY_EGEMAPS_LIST(X)
#undef X
};

static size_t signal_columns(uint32_t sets) {
    return sets & PROSODY_SET_SIGNALS ? COLUMN_COUNT : 0;
}

size_t prosody_columns(uint32_t sets) {
    return signal_columns(sets) + (sets & PROSODY_SET_EGEMAPS ? EGEMAPS_COUNT : 0);
}

static const char *text(uint32_t sets, size_t column, const char *const *signals, const char *const *egemaps) {
    const size_t first = signal_columns(sets);
    return column >= prosody_columns(sets) ? NULL : column < first ? signals[column] : egemaps[column - first];
}

const char *prosody_column_name(uint32_t sets, size_t column) {
    return text(sets, column, signal_names, egemaps_names);
}

const char *prosody_column_unit(uint32_t sets, size_t column) {
    return text(sets, column, signal_units, egemaps_units);
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
