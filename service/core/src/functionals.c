/* functionals.c - takes rows of descriptors, gives the 88 figures; see functionals.h. */
#include "functionals.h"

#include <stdlib.h>
#include <string.h>

#define REBASE_ROWS 1024u   /* from here on, the sums' shifts follow the means whenever the number of rows doubles */

size_t prosody_functionals_bytes(const prosody_functionals *f) {
    return f == NULL ? 0 : f->bytes;
}

/* Lays the arrays out behind the struct: doubles, then integers, then floats, so that each is aligned. */
static void lay_out(prosody_functionals *f) {
    f->scratch = (double *)(f + 1);
    f->spare = (uint64_t *)(f->scratch + f->exact_frames + 1);
    f->loudness.bins = f->spare + sketch_bins(SKETCH_LOUDNESS);
    f->pitch.bins = f->loudness.bins + sketch_bins(SKETCH_LOUDNESS);
    f->loudness.raw = (float *)(f->pitch.bins + sketch_bins(SKETCH_PITCH));
    f->pitch.raw = f->loudness.raw + f->exact_frames + 2;
}

int prosody_functionals_create(size_t exact_frames, prosody_functionals **out) {
    if (out == NULL)
        return PROSODY_ERR_ARGUMENT;
    *out = NULL;
    if (exact_frames < PROSODY_FUNCTIONALS_MIN_EXACT || exact_frames > PROSODY_FUNCTIONALS_MAX_EXACT)
        return PROSODY_ERR_ARGUMENT;
    const size_t bins = 2 * sketch_bins(SKETCH_LOUDNESS) + sketch_bins(SKETCH_PITCH);
    const size_t bytes = sizeof(prosody_functionals) + (exact_frames + 1) * sizeof(double) + bins * sizeof(uint64_t) + 2 * (exact_frames + 2) * sizeof(float);
    prosody_functionals *f = calloc(1, bytes); /* zeroed pages that are never used cost nothing: the histograms of short segments */
    if (f == NULL)
        return PROSODY_ERR_MEMORY;
    f->exact_frames = f->loudness.block = f->pitch.block = exact_frames;
    f->bytes = bytes;
    f->loudness.scale = SKETCH_LOUDNESS;
    f->pitch.scale = SKETCH_PITCH;
    f->pitch.nonzero = 1;
    lay_out(f);
    *out = f;
    return PROSODY_OK;
}

int prosody_functionals_reset(prosody_functionals *f) {
    if (f == NULL)
        return PROSODY_ERR_ARGUMENT;
    f->rows = 0;
    memset(f->window, 0, HELD_ROWS * sizeof f->window[0]);
    memset(&f->sums, 0, sizeof f->sums);
    contour_reset(&f->loudness);
    contour_reset(&f->pitch);
    return PROSODY_OK;
}

void prosody_functionals_destroy(prosody_functionals *f) {
    free(f);
}

int rows_finite(const float *rows, size_t stride, size_t count) {
    const uint32_t exponent = 0x7f800000u, one = 0x00800000u;   /* an exponent of all ones, plus one, is the sign bit */
    uint32_t bad = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < ROW_COLUMNS; c++) {
            uint32_t bits;
            memcpy(&bits, rows + i * stride + c, sizeof bits);
            bad |= (bits & exponent) + one;
        }
    return bad >> 31 == 0;
}

static int voiced(const double *row) {
    return row[ROW_F0] != 0.0;
}

/* Smoothed short columns of `count` rows from `row`; `before` and `after` are the rows around them. */
static void take_short(frame_sums *s, const double *row, size_t count, const double *before, const double *after) {
    for (size_t p = 0; p < SHORT_PAIRS; p++)
        if (p != 1) /* columns 2 and 3 have no figures over all frames */
            column_sums_plain(&s->plain[p], row + 2 * p, ROW_COLUMNS, count, pair_load(before + 2 * p), pair_load(after + 2 * p));
}

/* Short columns of rows of one voicing. Rows of the other voicing beside them count as zero. */
static void take_masked(frame_sums *s, int kind, const double *row, size_t count, const double *before, const double *after) {
    const pair none = {0.0, 0.0};
    const int joined_before = voiced(before) == kind, joined_after = voiced(after) == kind;
    const size_t pairs = kind ? SHORT_PAIRS : 3;  /* unvoiced frames have no figures of MFCC */
    for (size_t p = 0; p < pairs; p++)
        column_sums_nonzero(&s->by_voicing[kind][p], row + 2 * p, ROW_COLUMNS, count, joined_before ? pair_load(before + 2 * p) : none,
                            joined_after ? pair_load(after + 2 * p) : none);
}

/* What goes by long frames: `count` rows from `row`, of which `before` and `after` are the neighbours (rows of zeros beyond the segment). */
static void take_long(frame_sums *s, const double *row, size_t count, const double *before, const double *after) {
    for (size_t p = 0; p < LONG_PAIRS; p++) {
        const size_t c = ROW_F0 + 2 * p;
        if (column_sums_any(row + c, ROW_COLUMNS, count))
            column_sums_nonzero(&s->nonzero[p], row + c, ROW_COLUMNS, count, pair_load(before + c), pair_load(after + c));
    }
    for (size_t from = 0, to; from < count; from = to) {
        const int kind = voiced(row + from * ROW_COLUMNS);
        for (to = from + 1; to < count && voiced(row + to * ROW_COLUMNS) == kind; to++)
            ;
        take_masked(s, kind, row + from * ROW_COLUMNS, to - from, from == 0 ? before : row + (from - 1) * ROW_COLUMNS, to == count ? after : row + to * ROW_COLUMNS);
    }
}

static void rebase(column_sums *sums, size_t count) {
    for (size_t p = 0; p < count; p++)
        column_sums_rebase(&sums[p]);
}

/* Takes what the rows of the window allow: `count` new ones behind the held. */
static void advance(prosody_functionals *f, size_t count) {
    const size_t missing = f->rows < LONG_LAG ? LONG_LAG - (size_t)f->rows : 0;    /* a first row is no earlier than row 0 */
    frame_sums *s = &f->sums;
    double(*newest)[ROW_COLUMNS] = f->window + HELD_ROWS;
    for (size_t i = f->rows == 0; i < count; i++) {
        contour_push(&f->loudness, newest[(ptrdiff_t)i - 1][ROW_LOUDNESS], f->scratch);
        s->square_sum += newest[(ptrdiff_t)i - 1][ROW_SQUARE];
    }
    for (size_t i = missing > 0 ? missing - 1 : 0; i < count; i++) {
        const double *row = newest[(ptrdiff_t)i - LONG_LAG + 1];
        contour_push(&f->pitch, row[ROW_F0], f->scratch);
        runs_add(&s->runs, voiced(row), 1);
    }
    const size_t first_short = f->rows < SHORT_LAG ? SHORT_LAG - (size_t)f->rows : 0;
    if (first_short < count) {
        const double *row = newest[(ptrdiff_t)first_short - SHORT_LAG];
        take_short(s, row, count - first_short, f->rows <= SHORT_LAG ? row : row - ROW_COLUMNS, newest[(ptrdiff_t)count - SHORT_LAG]);
    }
    if (missing < count) {
        const double *row = newest[(ptrdiff_t)missing - LONG_LAG];
        take_long(s, row, count - missing, row - ROW_COLUMNS, newest[(ptrdiff_t)count - LONG_LAG]);
    }
    f->rows += count;
    memmove(f->window, f->window + count, HELD_ROWS * sizeof f->window[0]);
    if (f->rows >= REBASE_ROWS && (f->rows & (f->rows - 1)) == 0) {
        rebase(s->plain, SHORT_PAIRS);
        rebase(s->by_voicing[0], 2 * SHORT_PAIRS);
        rebase(s->nonzero, LONG_PAIRS);
    }
}

frame_sums frame_sums_ended(const prosody_functionals *f) {
    static const double none[ROW_COLUMNS];
    frame_sums s = f->sums;
    const double(*end)[ROW_COLUMNS] = (const double(*)[ROW_COLUMNS])f->window + HELD_ROWS;
    if (f->rows >= SHORT_LAG)
        take_short(&s, end[-SHORT_LAG], 1, f->rows > SHORT_LAG ? end[-SHORT_LAG - 1] : end[-SHORT_LAG], end[-SHORT_LAG]);
    if (f->rows >= LONG_LAG)
        take_long(&s, end[-LONG_LAG], 1, end[-LONG_LAG - 1], none);
    runs_close(&s.runs);
    return s;
}

int prosody_functionals_add(prosody_functionals *f, const float *rows, size_t stride, size_t count) {
    if (f == NULL || (rows == NULL && count > 0) || stride < ROW_COLUMNS || count > PTRDIFF_MAX / sizeof(float) / stride)
        return PROSODY_ERR_ARGUMENT;
    if (!rows_finite(rows, stride, count))
        return PROSODY_ERR_ROW;
    while (count > 0) {
        const size_t to_even = BLOCK_ROWS - (size_t)(f->rows % BLOCK_ROWS), take = count < to_even ? count : to_even;
        for (size_t i = 0; i < take; i++)
            for (size_t c = 0; c < ROW_COLUMNS; c++)
                f->window[HELD_ROWS + i][c] = rows[i * stride + c];
        if (f->rows == 0)
            f->window[HELD_ROWS][ROW_FLUX] = 0.0;
        advance(f, take);
        rows += take * stride;
        count -= take;
    }
    return PROSODY_OK;
}
