/* lld_smooth.c - rows of descriptors smoothed as openSMILE's low-level descriptors are. */
#include "functionals.h"

static float smooth(double before, double at, double after) {
    return (float)((before + at + after) / 3.0);
}

static float smooth_nonzero(double before, double at, double after) {
    return at == 0.0 ? 0.0f : (float)((before + at + after) / (1.0 + (before != 0.0) + (after != 0.0)));
}

int prosody_lld_smooth(const float *rows, size_t stride, size_t count, float *out) {
    if (((rows == NULL || out == NULL) && count > 0) || stride < ROW_COLUMNS || count > PTRDIFF_MAX / sizeof(float) / stride)
        return PROSODY_ERR_ARGUMENT;
    if (!rows_finite(rows, stride, count))
        return PROSODY_ERR_ROW;
    for (size_t i = 0; i < count; i++, rows += stride, out += ROW_SQUARE) {
        const int first = i == 0, last = i + 1 == count;
        const float *before = first ? rows : rows - stride, *after = last ? rows : rows + stride;
        for (size_t c = 0; c < ROW_F0; c++)
            out[c] = smooth(before[c], rows[c], after[c]);
        for (size_t c = ROW_F0; c < ROW_SQUARE; c++)
            out[c] = smooth_nonzero(first ? 0.0 : before[c], rows[c], last ? 0.0 : after[c]);
    }
    return PROSODY_OK;
}
