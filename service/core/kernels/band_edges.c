/* band_edges.c - see band_edges.h.
 *
 * Linear prediction takes the empty ends of the spectrum of a line of 300-3400 Hz for the voice's: F1 below 400 Hz is drawn up to where the band begins, and poles are spent
 * on its edge at the top. So the power of bins that the line may have cut off is replaced by what the predictor has there, twice: expectation and maximisation for a spectrum
 * that is known in parts (Dempster, Laird & Rubin 1977, J. Royal Stat. Soc. B 39(1)), over-relaxed. How much of it is replaced goes by how far the power lies under what is
 * predicted, so that a whole spectrum stays what it is. Decision 0163 has the evidence.
 */
#include "band_edges.h"

#include "prediction.h"

#define HEARD 0.6f                      /* of the power predicted for an edge: as much or more of it is heard */
#define STEPS 2
#define RELAXATION 1.9f
#define EDGE_BINS_MAX 17

/* Bins 0 .. last of the spectrum, or as many from its top down. */
typedef struct edge {
    int from_top, last;
} edge;

#define EDGES_MAX 2
typedef struct rate_edges {
    const float *cosine;                /* cos(pi n k / top), n = 1 .. order, by k */
    int order, top, count;
    edge edges[EDGES_MAX];
} rate_edges;

static const rate_edges edges8000 = {prosody_formant_cosine8000, ORDER_8000, 128, 2, {{0, 8}, {1, 16}}}; /* to 250 Hz, from 3500 Hz */
static const rate_edges edges16000 = {prosody_formant_cosine16000, ORDER_16000, 176, 1, {{0, 8}, {0, 0}}};

INLINE int bin_of(const rate_edges *t, edge e, int k) {
    return e.from_top ? t->top - k : k;
}

/* The end bins of a spectrum count half. */
INLINE float bin_share(int k) {
    return k == 0 ? 0.5f : 1.0f;
}

/* The power that a predictor's spectrum has at the bins of an edge; returns the sum. Counted from the top down a bin's odd cosines change their sign, which is to say that
 * the odd coefficients do. */
static vf predict_edge(const rate_edges *t, edge e, const vf *a, vf error, vf *expected) {
    vf sum = {0};
    for (int k = 0; k <= e.last; k++) {
        const float cosine = t->cosine[k * t->order], sine = k == 0 ? 0.0f : t->cosine[(t->top / 2 - k) * t->order];
        vf re = {0}, im = {0};
        for (int n = t->order; n > 0; n--) {
            const vf x = e.from_top && n % 2 ? re - a[n - 1] : re + a[n - 1];
            re = x * cosine - im * sine;
            im = x * sine + im * cosine;
        }
        re += 1.0f;
        expected[k] = error / vmax((float)t->top * (re * re + im * im), splat(NORMAL_MIN));
        sum += bin_share(k) * expected[k];
    }
    return vmax(sum, splat(NORMAL_MIN));
}

/* One step for one edge: `held`, what its bins are taken to hold, moves towards what they should, given what is heard there, and `r` with it. */
static void complete_edge(const rate_edges *t, edge e, const vf *expected, vf most, const vf *heard, vf kept, vf *held, vf *r) {
    for (int k = 0; k <= e.last; k++) {
        const vf missing = expected[k] * most, wanted = missing + kept * (heard[k] - missing);
        const vf next = vmax(held[k] + RELAXATION * (wanted - held[k]), splat(0.0f)), more = bin_share(k) * (next - held[k]);
        held[k] = next;
        r[0] += more;
        for (int n = 1; n <= t->order; n++)
            r[n] += (e.from_top && n % 2 ? -t->cosine[k * t->order + n - 1] : t->cosine[k * t->order + n - 1]) * more;
    }
}

INLINE void complete(const rate_edges *t, const vf *power, vf *lags) {
    vf r[FORMANT_LAGS_MAX], unit[FORMANT_LAGS_MAX], a[FORMANT_LAGS_MAX], heard[EDGES_MAX][EDGE_BINS_MAX], held[EDGES_MAX][EDGE_BINS_MAX], sum[EDGES_MAX], expected[EDGE_BINS_MAX];
    const vi valid = unit_lags(t->order, lags, r);
    const vf scale = 1.0f / choose(valid, lags[0], splat(1.0f));
    for (int i = 0; i < t->count; i++) {
        sum[i] = splat(0.0f);
        for (int k = 0; k <= t->edges[i].last; k++) {
            held[i][k] = heard[i][k] = scale * power[bin_of(t, t->edges[i], k)];
            sum[i] += bin_share(k) * heard[i][k];
        }
    }
    for (int step = 0; step < STEPS; step++) {
        const vf whole = r[0];
        unit_lags(t->order, r, unit);
        const vf error = whole * predict(t->order, unit, a);
        for (int i = 0; i < t->count; i++) {
            const vf total = predict_edge(t, t->edges[i], a, error, expected), most = vmin(splat(1.0f), whole / total);
            complete_edge(t, t->edges[i], expected, most, heard[i], vmin(splat(1.0f), sum[i] / (HEARD * total * most)), held[i], r);
        }
    }
    for (int n = 0; n <= t->order; n++)
        lags[n] = choose(valid, r[n], lags[n]);
}

void PROSODY_LEVEL_NAME(complete_band)(int32_t rate_hz, const vf *power, vf *lags) {
    if (rate_hz == 8000)
        complete(&edges8000, power, lags);
    else
        complete(&edges16000, power, lags);
}
