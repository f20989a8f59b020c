/* column_sums.h - means and deviations of smoothed columns, two columns side by side in one 16-byte register (which every x86-64 and ARMv8 has).
 *
 * The sums run over deviations from a shift, which is the first value at first and the mean from time to time: so a mean far from zero costs no digits, nor does a first value
 * far from the mean.
 */
#ifndef PROSODY_COLUMN_SUMS_H
#define PROSODY_COLUMN_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "moments.h"

typedef double pair __attribute__((vector_size(16)));
typedef int64_t pair_mask __attribute__((vector_size(16)));
typedef double pair_unaligned __attribute__((vector_size(16), aligned(8), may_alias));

typedef struct column_sums {
    pair shift, sum, square;    /* sums of (x - shift) and of its square */
    pair count;                 /* as doubles: SSE2 has no mask of 64-bit integers to count with */
} column_sums;

static inline pair pair_load(const double *p) {
    return *(const pair_unaligned *)p;
}

/* Takes `count` rows, `stride` doubles apart, of a pair of columns, each smoothed with its neighbours: `before` and `after` stand in for the rows around them. */
void column_sums_plain(column_sums *s, const double *column, size_t stride, size_t count, pair before, pair after);

/* Likewise, smoothing over what is not zero; a zero is not taken. */
void column_sums_nonzero(column_sums *s, const double *column, size_t stride, size_t count, pair before, pair after);

/* Whether a pair of columns holds anything but zeros: where nobody speaks, most of the long columns do not. */
int column_sums_any(const double *column, size_t stride, size_t count);

/* Makes the mean the shift. */
void column_sums_rebase(column_sums *s);

moments column_sums_moments(const column_sums *s, size_t lane);

#endif
