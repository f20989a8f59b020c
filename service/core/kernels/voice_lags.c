/* voice_lags.c - see voice_lags.h.
 *
 * A voice repeats itself after a period T0 and noise does not. The spectrum of the autocorrelation about T0 is the power spectrum times cos(w T0); summed over one F0 about
 * a frequency it holds the voice there alone, and over the sum of the plain power it is the voice's share (Boersma's harmonicity, 1993, IFA Proceedings 17, by frequency).
 * Both sums fade over the rows of a voiced stretch. The power is multiplied by a power of that share before it becomes lags; decision 0103 has the evidence.
 *
 * Sums about places come from running sums over the bins. Low bins are far louder than high ones, which single precision bears because the power is pre-emphasised first.
 */
#include "voice_lags.h"

#include "formants.h"

#define BIN_HZ 15.625f
#define STEP 4                          /* bins from one place to the next: SHARE_PLACE_HZ */
#define MEMORY 0.7f                     /* weight of a row beside the next one */
#define SHARE_FLOOR 0.03f
#define SUM_FLOOR 1e-6f                 /* of the whole power: where less lies about a place, nothing is said to be voice */
#define NOTHING 1e-30f
#define TWO_PI 6.28318531f

/* Running sums have constants before and after them, so that what is about a place near an end may reach beyond. The sums at every STEP-th bin lie together, LENGTH of them
 * for each of STEP phases: so the sums that places need, one after another, are those of a stretch of memory. */
#define BEYOND 32
#define HALF_WIDTH_MAX 30.0f            /* bins: an F0 of 937 Hz; none is found above 540 */
#define LENGTH_8000 96
#define LENGTH_MAX 112
_Static_assert(STEP * LENGTH_MAX <= FFT_HALF_MAX && LENGTH_8000 % LANES == 0 && LENGTH_MAX % LANES == 0, "the running sums do not fit the scratch");
_Static_assert(SHARE_PLACES_MAX % LANES == 0 && (FORMANT_BINS_16000 - 1) / STEP + 1 <= SHARE_PLACES_MAX, "the places do not fit the track");
_Static_assert(2 * BEYOND / STEP + SHARE_PLACES_MAX <= LENGTH_MAX && 2 * BEYOND / STEP + 80 <= LENGTH_8000, "places reach beyond the running sums");

typedef struct rate_tables {
    const float *emphasis;
    int bins, places, length;
} rate_tables;

static const rate_tables tables8000 = {prosody_formant_weight8000, FORMANT_BINS_8000, (FORMANT_BINS_8000 - 1) / STEP + 1, LENGTH_8000};
static const rate_tables tables16000 = {prosody_formant_weight16000, FORMANT_BINS_16000, (FORMANT_BINS_16000 - 1) / STEP + 1, LENGTH_MAX};

/* cos x for 0 <= x < 2: 1 - 2 sin^2(x / 2) by Taylor's series, error below 1e-7. */
INLINE vf cosine(vf x) {
    const vf half = 0.5f * x, z = half * half;
    vf p = splat(2.75573192e-6f);
    p = p * z - 1.98412698e-4f;
    p = p * z + 8.33333333e-3f;
    p = p * z - 1.66666667e-1f;
    const vf sine = half + half * z * p;
    return 1.0f - 2.0f * sine * sine;
}

/* Where running sum k lies. */
INLINE int sum_at(const rate_tables *t, int k) {
    return k % STEP * t->length + k / STEP;
}

/* Running sums of the pre-emphasised power, and of that times cos(w T0): at BEYOND + k the sum of bins below k. Returns the sum of all. */
static vf run_sums(const rate_tables *t, const vf *power, vf width, vf *whole, vf *periodic) {
    const vf step = cosine(TWO_PI / width), twice = 2.0f * step;
    vf all = {0}, voice = {0}, wave = splat(1.0f), before = step;
    for (int k = 0; k < BEYOND; k++)
        whole[sum_at(t, k)] = periodic[sum_at(t, k)] = (vf){0};
    for (int k = 0; k < t->bins; k++) {
        const vf p = power[k] * t->emphasis[k], next = twice * wave - before;
        whole[sum_at(t, BEYOND + k)] = all;
        periodic[sum_at(t, BEYOND + k)] = voice;
        all += p;
        voice += p * wave;
        before = wave;
        wave = next;
    }
    for (int k = BEYOND + t->bins; k < STEP * t->length; k++) {
        whole[sum_at(t, k)] = all;
        periodic[sum_at(t, k)] = voice;
    }
    return all;
}

/* The sums of each lane side by side. */
static void turn(const rate_tables *t, vf *sums, float out[LANES][STEP * LENGTH_MAX]) {
    for (int first = 0; first < STEP * t->length; first += LANES) {
        transpose(sums + first);
        for (int l = 0; l < LANES; l++)
            store(out[l] + first, sums[first + l]);
    }
}

/* The edge of what is about places, some bins from the start of each place's: where the sums on either side of it are, and the part of a bin from the lower one. */
typedef struct edge {
    int low, high;
    float part;
} edge;

INLINE edge make_edge(const rate_tables *t, float at) {
    const int k = (int)(at + (float)BEYOND);
    return (edge){sum_at(t, k), sum_at(t, k + 1), at + (float)BEYOND - (float)k};
}

/* The sum up to the edge about LANES places. */
INLINE vf sum_below(const float *sums, edge e) {
    const vf low = load(sums + e.low), high = load(sums + e.high);
    return low + e.part * (high - low);
}

/* The weight of one row's power at each place: its share of voice, times the root of that. The sums over one F0 about the places go to the track. */
static void remember(const rate_tables *t, formant_track *track, float memory, float f0_hz, float total, const float *whole, const float *periodic, float *weight) {
    const float half = 0.5f / BIN_HZ * f0_hz < HALF_WIDTH_MAX ? 0.5f / BIN_HZ * f0_hz : HALF_WIDTH_MAX;
    const edge low = make_edge(t, 0.5f - half), high = make_edge(t, 0.5f + half);
    track->total = memory * track->total + total;
    const vf least = splat(SUM_FLOOR * track->total > NOTHING ? SUM_FLOOR * track->total : NOTHING);
    for (int i = 0; i < t->places; i += LANES) {
        const vf voice = memory * load(track->periodic + i) + (sum_below(periodic + i, high) - sum_below(periodic + i, low));
        const vf all = memory * load(track->whole + i) + (sum_below(whole + i, high) - sum_below(whole + i, low));
        const vf share = vmin(vmax(voice / vmax(all, least), splat(SHARE_FLOOR)), splat(1.0f));
        store(track->periodic + i, voice);
        store(track->whole + i, all);
        store(weight + i, share * vsqrt(share));
    }
}

/* The voice's power at bins of 31.25 Hz: each second bin with half of those beside it, times the weight, which lies at each second one of these. */
static void weigh(const rate_tables *t, const vf *power, const vf *weight, vf *voice) {
    const float *emphasis = t->emphasis;
    const int top = (t->bins - 1) / 2;
    vf left = {0};
    for (int m = 0; m <= top; m++) {
        const vf right = m < top ? 0.5f * (power[2 * m + 1] * emphasis[2 * m + 1]) : (vf){0};
        const vf w = m % 2 ? 0.5f * (weight[m / 2] + weight[m / 2 + 1]) : weight[m / 2];
        voice[m] = (left + power[2 * m] * emphasis[2 * m] + right) * w;
        left = right;
    }
}

void PROSODY_LEVEL_NAME(voice_lags)(int32_t rate_hz, const vf *power, const voiced_job *jobs, const int *begins, size_t count, fft_work *scratch, vf *weights, vf *lags) {
    const rate_tables *t = rate_hz == 8000 ? &tables8000 : &tables16000;
    float f0_hz[LANES], whole[LANES][STEP * LENGTH_MAX], periodic[LANES][STEP * LENGTH_MAX], weight[LANES][SHARE_PLACES_MAX];
    vf group[LANES];
    for (int l = 0; l < LANES; l++)
        f0_hz[l] = jobs[l].f0_hz;
    const vf total = run_sums(t, power, load(f0_hz) * (1.0f / BIN_HZ), scratch->re, scratch->im);
    turn(t, scratch->re, whole);
    turn(t, scratch->im, periodic);
    for (size_t l = 0; l < count; l++)
        remember(t, jobs[l].track, begins[l] ? 0.0f : MEMORY, f0_hz[l], ((const float *)&total)[l], whole[l], periodic[l], weight[l]);
    for (int i = 0; i < t->places; i += LANES) {
        for (size_t l = 0; l < LANES; l++)
            group[l] = l < count ? load(weight[l] + i) : splat(1.0f);
        transpose(group);
        for (int l = 0; l < LANES; l++)
            weights[i + l] = group[l];
    }
    weigh(t, power, weights, scratch->re);
    PROSODY_LEVEL_NAME(formant_lags)(rate_hz, scratch->re, lags);
}
