/* figures.c - the 88 figures of what an accumulator holds; see functionals.h. */
#include <float.h>

#include "functionals.h"

#define HOP_S 0.01
#define LEVEL_FLOOR 1e-12   /* -120 dB */

/* Writes figures in their order. */
typedef struct writer {
    float *next;
} writer;

static void put(writer *w, double x) {
    *w->next++ = x > FLT_MAX ? FLT_MAX : x < -FLT_MAX ? -FLT_MAX : (float)x;
}

static void put_moments(writer *w, moments m) {
    put(w, m.mean);
    put(w, moments_sd_norm(m));
}

static moments of_column(const column_sums *pairs, size_t column) {
    return column_sums_moments(&pairs[column / 2], column % 2);
}

static void put_contour(writer *w, moments m, const contour_figures *figures) {
    put_moments(w, m);
    for (size_t p = 0; p < PERCENTILE_COUNT; p++)
        put(w, figures->percentiles[p]);
    put(w, figures->percentiles[2] - figures->percentiles[0]);
    put(w, slope_parts_mean(&figures->slopes.rising));
    put(w, slope_parts_spread(&figures->slopes.rising));
    put(w, slope_parts_mean(&figures->slopes.falling));
    put(w, slope_parts_spread(&figures->slopes.falling));
}

static double per_second(uint64_t events, uint64_t frames) {
    return frames == 0 ? 0.0 : (double)events / ((double)frames * HOP_S);
}

static void put_temporal(writer *w, const frame_sums *s, uint64_t peaks, uint64_t short_frames, uint64_t long_frames) {
    const moments *voiced = &s->runs.closed[1], *unvoiced = &s->runs.closed[0];
    const double square = short_frames == 0 ? 0.0 : s->square_sum / (double)short_frames;
    put(w, per_second(peaks, short_frames));
    put(w, per_second(voiced->count, long_frames));
    put(w, voiced->mean * HOP_S);
    put(w, moments_sd(*voiced) * HOP_S);
    put(w, unvoiced->mean * HOP_S);
    put(w, moments_sd(*unvoiced) * HOP_S);
    put(w, 10.0 * log10(square > LEVEL_FLOOR ? square : LEVEL_FLOOR));
}

int prosody_functionals_read(const prosody_functionals *f, float *out) {
    if (f == NULL || out == NULL)
        return PROSODY_ERR_ARGUMENT;
    const frame_sums s = frame_sums_ended(f);
    const contour_figures pitch = contour_read(&f->pitch, f->scratch, f->spare);
    const contour_figures loudness = contour_read(&f->loudness, f->scratch, f->spare);
    writer w = {out};
    put_contour(&w, of_column(s.nonzero, 0), &pitch);
    put_contour(&w, of_column(s.plain, ROW_LOUDNESS), &loudness);
    for (size_t c = ROW_FLUX; c < ROW_F0; c++)
        put_moments(&w, of_column(s.plain, c));
    for (size_t c = ROW_F0 + 1; c < ROW_SQUARE; c++)
        put_moments(&w, of_column(s.nonzero, c - ROW_F0));
    for (size_t c = ROW_LOUDNESS + 1; c < ROW_F0; c++)
        put_moments(&w, of_column(s.by_voicing[1], c));
    for (size_t c = ROW_LOUDNESS + 1; c <= ROW_FLUX; c++)
        put(&w, of_column(s.by_voicing[0], c).mean);
    put_temporal(&w, &s, loudness.slopes.peaks, f->rows > 0 ? f->rows - 1 : 0, f->rows >= LONG_LAG ? f->rows - LONG_LAG + 1 : 0);
    return PROSODY_OK;
}
