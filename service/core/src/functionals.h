/* functionals.h - the order of the functionals, and what an accumulator holds. See prosody.h for the contract.
 *
 * Rows pass through a window of the last few: what needs the next row, or rows that only later rows prove to be part of the segment, waits there.
 *
 *   newest row g        msq, loudness: g - 1        smoothed short: g - 2        voicing, F0: g - 6        smoothed long: g - 7, which needs g - 8
 */
#ifndef PROSODY_FUNCTIONALS_H
#define PROSODY_FUNCTIONALS_H

#include "column_sums.h"
#include "contour.h"
#include "prosody.h"
#include "runs.h"

#define FUNCTIONAL_COUNT 88

/* Columns of a row. */
enum {
    ROW_LOUDNESS = 0,
    ROW_FLUX = 5,
    ROW_F0 = 10,
    ROW_SQUARE = 25,
    ROW_COLUMNS = PROSODY_EGEMAPS_COLUMNS,
};

#define SHORT_PAIRS 5   /* columns 0-9 */
#define LONG_PAIRS 8    /* columns 10-25, of which the last means nothing here */

enum {
    SHORT_LAG = 2,      /* rows by which what is smoothed lags behind the newest */
    LONG_LAG = 7,
    HELD_ROWS = LONG_LAG + 1,
    BLOCK_ROWS = 32,    /* taken at once: their window stays in the nearest cache */
};

typedef struct frame_sums {
    column_sums plain[SHORT_PAIRS];         /* short columns over all frames */
    column_sums by_voicing[2][SHORT_PAIRS]; /* over unvoiced [0] and voiced [1] frames, zero where the other */
    column_sums nonzero[LONG_PAIRS];
    runs runs;
    double square_sum;
} frame_sums;

struct prosody_functionals {
    size_t exact_frames, bytes;
    uint64_t rows;                                          /* taken */
    double window[HELD_ROWS + BLOCK_ROWS][ROW_COLUMNS];     /* the last HELD_ROWS rows (zeros before the first), then new ones */
    frame_sums sums;
    contour loudness, pitch;
    double *scratch;                                        /* [exact_frames + 1] */
    uint64_t *spare;                                        /* bins of the longer histogram */
};

/* The sums as they are when no more rows come: with the last frames, whose neighbours lie beyond the end, and all runs closed. */
frame_sums frame_sums_ended(const prosody_functionals *f);

/* Whether rows hold neither NaN nor infinity. */
int rows_finite(const float *rows, size_t stride, size_t count);

#endif
