/* egemaps_long.c - what the 60 ms window says of LANES voiced frames whose F0 is known: harmonics-to-noise ratio, levels of harmonics, and the formants.
 *
 * Bins are 15.625 Hz apart at both rates. Eyben et al. (2016), IEEE Trans. Affective Computing 7(2), appendix; Boersma (1993), IFA Proceedings 17. Which choices
 * reproduce openSMILE's figures, and what its "H1-H2" is: docs/egemaps.md.
 */
#include "egemaps_kernel.h"
#include "band_edges.h"
#include "slots.h"
#include "voice_lags.h"

#define BIN_HZ 15.625f
#define PERIOD_SEARCH 0.2f              /* share of the period within which the peak of the autocorrelation is looked for */
#define FORMANT_REACH 0.2f              /* share of a formant's frequency within which its highest harmonic is looked for */
#define SHARE_MIN 1e-10f                /* -100 dB */
#define SHARE_MAX 0.9999999f            /* 70 dB */
#define DB_PER_LOG2 3.01029996f
#define HEIGHT_FLOOR 1e-10f
#define ENERGY_FLOOR 1e-30f
#define THIRD 2
#define THIRD_ERROR_LOG2 (-14.3168587f) /* log2 of the variance of ln F3 of one row where all is voice: .007^2; it goes with the share to the power of -4 */
#define THIRD_STEP_VARIANCE 0.01f       /* of its change from row to row, .1^2 */
#define FIRST 1                         /* openSMILE's "H1" is the second harmonic; decision 0082 */

/* Harmonics-to-noise ratio from the greatest circular autocorrelation near the period; the window's own is not divided out. */
static vf hnr_db(const vf *r, vf period, int lags) {
    const vi low = __builtin_convertvector(period * (1.0f - PERIOD_SEARCH), vi);
    const vi high = __builtin_convertvector(period * (1.0f + PERIOD_SEARCH), vi) + 1;
    const int32_t *lows = (const int32_t *)&low, *highs = (const int32_t *)&high;
    int from = lags, to = 0;
    for (int l = 0; l < LANES; l++) {
        from = lows[l] < from ? lows[l] : from;
        to = highs[l] > to ? highs[l] : to;
    }
    to = to < lags ? to : lags - 1;
    vf best = {0};
    for (int k = from; k <= to; k++)
        best = choose((splat_i(k) >= low) & (splat_i(k) <= high), vmax(best, r[k]), best);
    const vf share = vmin(vmax(best / vmax(r[0], splat(ENERGY_FLOOR)), splat(SHARE_MIN)), splat(SHARE_MAX));
    return DB_PER_LOG2 * (vlog2(share) - vlog2(1.0f - share));
}

/* One lane's power spectrum and its local peaks; bins, and words of 32 bins, are LANES apart. A word without peaks lies before the first and after the last. */
typedef struct spectrum_lane {
    const float *power;
    const uint32_t *peaks;
    int top;                            /* last bin */
} spectrum_lane;

#define WORD_BITS 32
#define PEAK_WORDS (FFT_HALF_MAX / WORD_BITS)

INLINE float bin(const spectrum_lane *s, int k) {
    return s->power[k * LANES];
}

/* One bit per bin that is a local peak: bins 1 .. top - 1, top a multiple of WORD_BITS. */
static void mark_peaks(const vf *power, int top, vi *peaks) {
    peaks[-1] = peaks[top / WORD_BITS] = (vi){0};
    for (int w = 0; w < top / WORD_BITS; w++) {
        vi word = {0};
        for (int b = w == 0; b < WORD_BITS; b++) {
            const vf *p = power + w * WORD_BITS + b;
            word |= (p[0] >= p[-1]) & (p[0] >= p[1]) & splat_i((int32_t)(1u << b));
        }
        peaks[w] = word;
    }
}

/* The last peak at or before bin `at`, or -1. */
INLINE int peak_before(const spectrum_lane *s, int at) {
    int w = at / WORD_BITS;
    uint32_t bits = s->peaks[w * LANES] & (UINT32_MAX >> (WORD_BITS - 1 - at % WORD_BITS));
    while (bits == 0 && w > 0)
        bits = s->peaks[--w * LANES];
    return bits == 0 ? -1 : w * WORD_BITS + WORD_BITS - 1 - __builtin_clz(bits);
}

/* The first peak at or after bin `at`, or -1. */
INLINE int peak_after(const spectrum_lane *s, int at) {
    int w = at / WORD_BITS;
    uint32_t bits = at < s->top ? s->peaks[w * LANES] & (UINT32_MAX << (at % WORD_BITS)) : 0;
    while (bits == 0 && w + 1 < s->top / WORD_BITS)
        bits = s->peaks[++w * LANES];
    return bits == 0 ? -1 : w * WORD_BITS + __builtin_ctz(bits);
}

/* The same where there is none within a word. */
static int far_peak(const spectrum_lane *s, float at) {
    const int low = peak_before(s, (int)at), high = peak_after(s, (int)at + 1);
    if (low < 0 && high < 0)
        return (int)(at + 0.5f);
    return high < 0 || (low >= 0 && at - (float)low <= (float)high - at) ? low : high;
}

/* The local peak nearest to `at`, 0 <= at < top, the lower of two as near; or the nearest bin where there is none. */
INLINE int nearest_peak(const spectrum_lane *s, float at) {
    const int k = (int)at, w = k / WORD_BITS, b = k % WORD_BITS;
    const uint64_t here = s->peaks[w * LANES];
    const uint64_t before = (here << WORD_BITS | s->peaks[(w - 1) * LANES]) << (WORD_BITS - 1 - b), after = (here | (uint64_t)s->peaks[(w + 1) * LANES] << WORD_BITS) >> b >> 1;
    if (before == 0 || after == 0)
        return far_peak(s, at);
    const int low = k - __builtin_clzll(before), high = k + 1 + __builtin_ctzll(after);
    return at - (float)low <= (float)high - at ? low : high;
}

/* Height of the peak at bin k, by a parabola through the magnitudes of it and the bins beside it. */
static float peak_height(const spectrum_lane *s, int k) {
    const float top = __builtin_sqrtf(bin(s, k));
    if (k <= 0 || k >= s->top)
        return top;
    const float left = __builtin_sqrtf(bin(s, k - 1)), right = __builtin_sqrtf(bin(s, k + 1)), bend = left - 2.0f * top + right;
    return bend < 0.0f ? top - (left - right) * (left - right) / (8.0f * bend) : top;
}

/* A parabola through a peak and lower neighbours rises no higher than 9/8 of it, so lesser peaks need not be measured; squared, with a margin for rounding. */
#define HEIGHT_GAIN_SQUARE 1.27f
#define TOGETHER 32

/* The greatest height of harmonics first .. last, at most TOGETHER, and `best`. The one with the highest bin is measured first: hardly another is left then. */
static float highest(const spectrum_lane *s, float spacing, int first, int last, float best) {
    int places[TOGETHER], top = 0;
    float power = -1.0f;
    for (int h = first; h <= last; h++) {
        const int k = places[h - first] = nearest_peak(s, (float)h * spacing);
        const int more = bin(s, k) > power;
        power = more ? bin(s, k) : power;
        top = more ? h - first : top;
    }
    const float height = peak_height(s, places[top]);
    best = height > best ? height : best;
    for (int i = 0; i <= last - first; i++)
        if (bin(s, places[i]) * HEIGHT_GAIN_SQUARE > best * best && i != top) {
            const float other = peak_height(s, places[i]);
            best = other > best ? other : best;
        }
    return best;
}

/* Height of the highest harmonic within FORMANT_REACH of a formant, or of the nearest one when none is. */
static float formant_height(const spectrum_lane *s, float f0_hz, int harmonics, float formant_hz) {
    if (harmonics < 1)
        return 0.0f;
    const float ratio = formant_hz / f0_hz, spacing = f0_hz * (1.0f / BIN_HZ);
    int first = (int)__builtin_ceilf(ratio * (1.0f - FORMANT_REACH)), last = (int)(ratio * (1.0f + FORMANT_REACH));
    first = first < 1 ? 1 : first;
    last = last > harmonics ? harmonics : last;
    if (first > last) {
        const int nearest = (int)__builtin_ceilf(ratio - 0.5f);
        first = last = nearest < 1 ? 1 : nearest > harmonics ? harmonics : nearest;
    }
    float best = 0.0f;
    for (; first <= last; first += TOGETHER)
        best = highest(s, spacing, first, last < first + TOGETHER ? last : first + TOGETHER - 1, best);
    return best;
}

enum { FUNDAMENTAL, HARMONIC_1, HARMONIC_2, AMPLITUDE, HEIGHTS = AMPLITUDE + EGEMAPS_FORMANTS };

/* Heights of the harmonics of the first `count` lanes; 0 where there is none. */
static void heights(int32_t rate_hz, const voiced_job *jobs, size_t count, const vf *power, int top, const vf *places, vf *heights_out) {
    const float *formants = (const float *)places;
    float *height = (float *)heights_out;
    vi around[PEAK_WORDS + 2], *const peaks = around + 1;
    mark_peaks(power, top, peaks);
    for (int i = 0; i < HEIGHTS; i++)
        heights_out[i] = (vf){0};
    for (size_t l = 0; l < count; l++) {
        const spectrum_lane s = {(const float *)power + l, (const uint32_t *)peaks + l, top};
        const float f0 = jobs[l].f0_hz;
        const int harmonics = (int)((0.5f * (float)rate_hz - 0.5f * f0) / f0);
        for (int h = 0; h <= FIRST + 1; h++)
            height[(FUNDAMENTAL + h) * LANES + l] = h < harmonics ? peak_height(&s, nearest_peak(&s, (float)(h + 1) * f0 * (1.0f / BIN_HZ))) : 0.0f;
        for (int i = 0; i < EGEMAPS_FORMANTS; i++)
            height[(AMPLITUDE + i) * LANES + l] = formant_height(&s, f0, harmonics, formants[i * LANES + l]);
    }
}

/* Which jobs begin a voiced stretch: those whose row does not go on from the one before. */
static void find_beginnings(const voiced_job *jobs, size_t count, int *begins) {
    for (size_t l = 0; l < count; l++) {
        begins[l] = jobs[l].index != jobs[l].track->next;
        jobs[l].track->next = jobs[l].index + 1;
    }
}

/* Formant i of one more row of a stretch. Returns log2 of its bandwidth's geometric mean so far, and where it is or, while it is not found, was last. */
static float follow_one(formant_track *t, int i, int begins, float hz, float log2_width, float *place) {
    if (begins) {
        t->width_sum[i] = formant_slots[i].width_prior * formant_slots[i].neutral_width_log2;
        t->width_count[i] = formant_slots[i].width_prior;
        t->last_hz[i] = formant_slots[i].neutral_hz;
    }
    if (hz > 0.0f) {
        t->width_sum[i] += log2_width;
        t->width_count[i] += 1.0f;
        t->last_hz[i] = hz;
    }
    *place = t->last_hz[i];
    return t->width_sum[i] / t->width_count[i];
}

/* F3 of one row of a stretch, given log2 of where it was found (or anything, where it was not) and that row's variance: what is known of it by the rows so far, each weighed
 * by its error (Kalman 1960, J. Basic Engineering 82(1)). Not more is unknown than in a neutral tract. Returns its log2. */
static float know_third(formant_track *t, int begins, int found, float log2_hz, float error) {
    const float neutral = formant_slots[THIRD].spread * formant_slots[THIRD].spread;
    if (begins) {
        t->third_log2 = formant_slots[THIRD].neutral_log2;
        t->third_variance = neutral;
    }
    t->third_variance = t->third_variance + THIRD_STEP_VARIANCE < neutral ? t->third_variance + THIRD_STEP_VARIANCE : neutral;
    if (found) {
        const float gain = t->third_variance / (t->third_variance + error);
        t->third_log2 += gain * (log2_hz - t->third_log2);
        t->third_variance *= 1.0f - gain;
    }
    return t->third_log2;
}

/* F3, which noise hides first, becomes what the rows so far tell of it; the less of the power about it is voice, the less a row counts. */
static void follow_third(const voiced_job *jobs, const int *begins, size_t count, const vf *weight, vf *hz) {
    const vi found = *hz > 0.0f, place = truncate(*hz * (1.0f / SHARE_PLACE_HZ) + 0.5f);
    const vf log2_hz = vlog2(choose(found, *hz, splat(1.0f)));
    vf share = splat(1.0f), known = {0};
    for (size_t l = 0; l < count; l++)
        ((float *)&share)[l] = ((const float *)weight)[((const int32_t *)&place)[l] * LANES + (int)l];
    const vf error = vexp2(THIRD_ERROR_LOG2 - (4.0f / 1.5f) * vlog2(share));
    for (size_t l = 0; l < count; l++)
        ((float *)&known)[l] =
            know_third(jobs[l].track, begins[l], ((const int32_t *)&found)[l] != 0, ((const float *)&log2_hz)[l], ((const float *)&error)[l]);
    *hz = choose(found, vexp2(known), splat(0.0f));
}

/* Bandwidths become means over the voiced stretch so far; `places` is where the levels of the formants are looked for. */
static void follow(const voiced_job *jobs, const int *begins, size_t count, const vf *frequency, vf *bandwidth, vf *places) {
    for (int i = 0; i < FORMANTS; i++) {
        const vi found = frequency[i] > 0.0f;
        const vf width = vlog2(choose(found, bandwidth[i], splat(1.0f)));
        vf mean = {0};
        places[i] = splat(formant_slots[i].neutral_hz);
        for (size_t l = 0; l < count; l++)
            ((float *)&mean)[l] = follow_one(jobs[l].track, i, begins[l], ((const float *)&frequency[i])[l], ((const float *)&width)[l], (float *)&places[i] + l);
        bandwidth[i] = choose(found, vexp2(mean), splat(0.0f));
    }
}

/* Half a dB figure: log2 of a height. */
INLINE vf level(vf height) {
    return vlog2(vmax(height, splat(HEIGHT_FLOOR)));
}

static void describe(const vf *height, const vf *frequency, const vf *bandwidth, vf *row) {
    const vf first = level(height[FIRST]);
    row[EGEMAPS_H1_H2] = 2.0f * DB_PER_LOG2 * (first - level(height[FIRST + 1]));
    row[EGEMAPS_H1_A3] = 2.0f * DB_PER_LOG2 * (first - level(height[AMPLITUDE + 2]));
    for (int i = 0; i < EGEMAPS_FORMANTS; i++) {
        row[EGEMAPS_F1_FREQUENCY + 3 * i] = frequency[i];
        row[EGEMAPS_F1_BANDWIDTH + 3 * i] = bandwidth[i];
        row[EGEMAPS_F1_AMPLITUDE + 3 * i] = 2.0f * DB_PER_LOG2 * (level(height[AMPLITUDE + i]) - level(height[FUNDAMENTAL]));
    }
}

void PROSODY_LEVEL_NAME(egemaps_long)(int32_t rate_hz, const voiced_job *jobs, size_t count) {
    const int wide = rate_hz != 8000, half = wide ? 512 : 256;
    const float *frames[LANES];
    fft_work work;
    vf power[FFT_HALF_MAX + 1], r[FFT_HALF_MAX], row[EGEMAPS_COUNT];
    float period[LANES];
    int begins[LANES];
    vf lags[FORMANT_LAGS_MAX], frequency[FORMANTS], bandwidth[FORMANTS], places[FORMANTS], height[HEIGHTS], weight[SHARE_PLACES_MAX];

    for (int l = 0; l < LANES; l++) {
        frames[l] = jobs[l].long_window;
        period[l] = (float)rate_hz / jobs[l].f0_hz;
    }
    fft_power(&work, frames, wide ? prosody_long_window16000 : prosody_long_window8000, wide ? 960 : 480, half, power, NULL);
    find_beginnings(jobs, count, begins);
    PROSODY_LEVEL_NAME(voice_lags)(rate_hz, power, jobs, begins, count, &work, weight, lags);
    PROSODY_LEVEL_NAME(complete_band)(rate_hz, work.re, lags);
    PROSODY_LEVEL_NAME(formants)(rate_hz, lags, frequency, bandwidth);
    follow_third(jobs, begins, count, weight, &frequency[THIRD]);
    follow(jobs, begins, count, frequency, bandwidth, places);
    heights(rate_hz, jobs, count, power, half, places, height);
    describe(height, frequency, bandwidth, row);
    const int reach = wide ? 336 : 168; /* lags up to 1.2 periods of the lowest F0 */
    fft_cosine(&work, power, r, reach, half);
    row[EGEMAPS_HNR] = hnr_db(r, load(period), reach);
    for (size_t l = 0; l < count; l++)
        for (int c = EGEMAPS_HNR; c < EGEMAPS_MEAN_SQUARE; c++)
            jobs[l].row[c] = ((const float *)row)[c * LANES + l];
}
