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
#define STEP 4                          /* bins from one place to the next: 62.5 Hz */
#define MEMORY 0.7f                     /* weight of a row beside the next one */
#define SHARE_FLOOR 0.03f
#define SUM_FLOOR 1e-6f                 /* of the whole power: where less lies about a place, nothing is said to be voice */
#define NOTHING 1e-30f
#define TWO_PI 6.28318531f

/* Running sums have constants before and after them, so that what is about a place near an end may reach beyond. */
#define BEYOND 32
#define HALF_WIDTH_MAX 30.0f            /* bins: an F0 of 937 Hz; none is found above 540 */
_Static_assert(FORMANT_BINS_16000 + 2 * BEYOND + 1 <= FFT_HALF_MAX, "the running sums do not fit the scratch");
_Static_assert(SHARE_PLACES_MAX % LANES == 0 && (FORMANT_BINS_16000 - 1) / STEP + 1 <= SHARE_PLACES_MAX, "the places do not fit the track");

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

/* Running sums of the pre-emphasised power, and of that times cos(w T0): [BEYOND + k] is the sum of bins below k. */
static void run_sums(const vf *power, const float *weight, int bins, vf width, vf *whole, vf *periodic) {
    const vf step = cosine(TWO_PI / width), twice = 2.0f * step;
    vf all = {0}, voice = {0}, wave = splat(1.0f), before = step;
    for (int k = 0; k < BEYOND; k++)
        whole[k] = periodic[k] = (vf){0};
    whole += BEYOND, periodic += BEYOND;
    for (int k = 0; k < bins; k++) {
        const vf p = power[k] * weight[k], next = twice * wave - before;
        whole[k] = all;
        periodic[k] = voice;
        all += p;
        voice += p * wave;
        before = wave;
        wave = next;
    }
    for (int k = bins; k <= bins + BEYOND; k++) {
        whole[k] = all;
        periodic[k] = voice;
    }
}

/* Places of LANES running sums: whole steps from the first one, and the part of a bin beyond. */
typedef struct edge {
    vi index;
    vf part;
} edge;

/* The edge that lies `at` bins from the start of the first bin, for the place at bin 0. */
INLINE edge make_edge(vf at) {
    const vf from_start = at + (float)BEYOND;
    const vi whole = truncate(from_start);
    return (edge){whole * LANES + lane_numbers(), from_start - __builtin_convertvector(whole, vf)};
}

INLINE vf sum_below(const vf *sums, edge e) {
    const float *base = (const float *)sums;
    const vf low = gather(base, e.index), high = gather(base + LANES, e.index);
    return low + e.part * (high - low);
}

/* The sum over one F0 about each place. */
static void sum_about(const vf *sums, int places, edge low, edge high, vf *out) {
    for (int i = 0; i < places; i++)
        out[i] = sum_below(sums + STEP * i, high) - sum_below(sums + STEP * i, low);
    for (int i = places; i < SHARE_PLACES_MAX; i++)
        out[i] = (vf){0};
}

/* What is left of the sums of each job's rows before: MEMORY, or nothing where a stretch begins; and the floor of the sums about places. The totals move on. */
static void remember_totals(const voiced_job *jobs, const int *begins, size_t count, vf total, float *memory, float *least) {
    for (size_t l = 0; l < count; l++) {
        formant_track *t = jobs[l].track;
        memory[l] = begins[l] ? 0.0f : MEMORY;
        t->total = memory[l] * t->total + ((const float *)&total)[l];
        least[l] = SUM_FLOOR * t->total > NOTHING ? SUM_FLOOR * t->total : NOTHING;
    }
}

/* The weight of the power at each place, in place of the periodic sums: its share of voice, times the root of that; the sums go to the tracks. LANES places of one lane
 * lie side by side meanwhile. */
static void remember(const voiced_job *jobs, const int *begins, size_t count, int places, vf total, vf *periodic, vf *whole) {
    float memory[LANES], least[LANES];
    remember_totals(jobs, begins, count, total, memory, least);
    for (int first = 0; first < places; first += LANES) {
        vf *voice = periodic + first, *all = whole + first;
        transpose(voice);
        transpose(all);
        for (size_t l = 0; l < count; l++) {
            formant_track *t = jobs[l].track;
            const vf a = memory[l] * load(t->periodic + first) + voice[l], b = memory[l] * load(t->whole + first) + all[l];
            store(t->periodic + first, a);
            store(t->whole + first, b);
            const vf share = vmin(vmax(a / vmax(b, splat(least[l])), splat(SHARE_FLOOR)), splat(1.0f));
            voice[l] = share * vsqrt(share);
        }
        for (size_t l = count; l < LANES; l++)
            voice[l] = splat(1.0f);
        transpose(voice);
    }
}

/* The voice's power at bins of 31.25 Hz: each second bin with half of those beside it, times the weight, which lies at each second one of these. */
static void weigh(const vf *power, const float *emphasis, int top, const vf *weight, vf *voice) {
    vf left = {0};
    for (int m = 0; m <= top; m++) {
        const vf right = m < top ? 0.5f * (power[2 * m + 1] * emphasis[2 * m + 1]) : (vf){0};
        const vf w = m % 2 ? 0.5f * (weight[m / 2] + weight[m / 2 + 1]) : weight[m / 2];
        voice[m] = (left + power[2 * m] * emphasis[2 * m] + right) * w;
        left = right;
    }
}

void PROSODY_LEVEL_NAME(voice_lags)(int32_t rate_hz, const vf *power, const voiced_job *jobs, const int *begins, size_t count, fft_work *scratch, vf *lags) {
    const int bins = rate_hz == 8000 ? FORMANT_BINS_8000 : FORMANT_BINS_16000, places = (bins - 1) / STEP + 1;
    const float *emphasis = rate_hz == 8000 ? prosody_formant_weight8000 : prosody_formant_weight16000;
    float f0_hz[LANES];
    for (int l = 0; l < LANES; l++)
        f0_hz[l] = jobs[l].f0_hz;
    const vf width = load(f0_hz) * (1.0f / BIN_HZ), half = vmin(0.5f * width, splat(HALF_WIDTH_MAX));
    const edge low = make_edge(0.5f - half), high = make_edge(0.5f + half);
    vf periodic[SHARE_PLACES_MAX], whole[SHARE_PLACES_MAX];

    run_sums(power, emphasis, bins, width, scratch->re, scratch->im);
    sum_about(scratch->re, places, low, high, whole);
    sum_about(scratch->im, places, low, high, periodic);
    remember(jobs, begins, count, places, scratch->re[BEYOND + bins], periodic, whole);
    vf *voice = scratch->re;
    weigh(power, emphasis, (bins - 1) / 2, periodic, voice);
    PROSODY_LEVEL_NAME(formant_lags)(rate_hz, voice, lags);
}
