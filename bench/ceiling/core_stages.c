/* core_stages.c - the core's own kernels, each by itself over a recording, and the whole path through prosody.h. */
#include <string.h>

#include "egemaps_columns.h"
#include "prosody.h"
#include "stages.h"

#define CHUNK_SAMPLES 80000
#define READ_ROWS 256

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static float pitch(const recording *r, int harmonicity) {
    for (size_t i = 0; i < r->frames; i += KERNEL_MAX_LANES) {
        pitch_job jobs[KERNEL_MAX_LANES];
        for (size_t l = 0; l < KERNEL_MAX_LANES; l++)
            jobs[l] = (pitch_job){r->low + (i + l) * 80 - 152, r->candidates + i + l};
        r->kernel->pitch(r->range, harmonicity, jobs, least(KERNEL_MAX_LANES, r->frames - i));
    }
    return r->candidates[r->frames / 2].level_db;
}

static float pitch_alone(const recording *r) {
    return pitch(r, 0);
}

static float pitch_and_harmonicity(const recording *r) {
    return pitch(r, 1);
}

/* Best path with look-ahead over the candidates. */
static float best_path(const recording *r) {
    static pitch_path path;
    pitch_result result = {0};
    float sum = 0;
    pitch_path_reset(&path);
    for (size_t i = 0; i < r->frames; i++) {
        *pitch_path_slot(&path, 0) = r->candidates[i];
        pitch_path_push(&path);
        while (pitch_path_pop(&path, 0, &result))
            sum += result.f0_hz;
    }
    return sum;
}

static float signals(const recording *r) {
    static float rows[KERNEL_MAX_LANES][ROW_FLOATS];
    for (size_t i = 0; i < r->frames; i += KERNEL_MAX_LANES) {
        signals_job jobs[KERNEL_MAX_LANES];
        for (size_t l = 0; l < KERNEL_MAX_LANES; l++)
            jobs[l] = (signals_job){r->samples + (i + l) * (size_t)r->hop - r->hop / 2, rows[l]};
        r->kernel->signals(r->rate_hz, jobs, least(KERNEL_MAX_LANES, r->frames - i));
    }
    return rows[0][0];
}

static float egemaps_short(const recording *r) {
    static float magnitudes[EGEMAPS_FLUX_BINS];
    for (size_t i = 0; i < r->frames; i += KERNEL_MAX_LANES) {
        egemaps_job jobs[KERNEL_MAX_LANES];
        const size_t count = least(KERNEL_MAX_LANES, r->frames - i);
        for (size_t l = 0; l < count; l++)
            jobs[l] = (egemaps_job){r->samples + (i + l) * (size_t)r->hop, l == 0 ? magnitudes : NULL, l + 1 == count ? magnitudes : NULL, r->rows + ROW_FLOATS * (i + l)};
        r->kernel->egemaps_short(r->rate_hz, jobs, count);
    }
    return r->rows[0];
}

static float egemaps_long(const recording *r) {
    static float rows[KERNEL_MAX_LANES][ROW_FLOATS];
    static formant_track track;
    for (size_t i = 0; i < r->voiced_count; i += KERNEL_MAX_LANES) {
        voiced_job jobs[KERNEL_MAX_LANES];
        const size_t count = least(KERNEL_MAX_LANES, r->voiced_count - i);
        for (size_t l = 0; l < count; l++) {
            const size_t row = r->voiced[i + l];
            jobs[l] = (voiced_job){r->samples + row * (size_t)r->hop, r->f0_hz[row], (int64_t)row, &track, rows[l]};
        }
        r->kernel->egemaps_long(r->rate_hz, jobs, count);
    }
    return rows[0][EGEMAPS_HNR];
}

static float periods(const recording *r) {
    static period_chain chain;
    float jitter, shimmer_db, sum = 0;
    memset(&chain, 0, sizeof chain);
    for (size_t i = 0; i < r->frames; i++) {
        r->kernel->periods(&chain, r->rate_hz, r->samples, 0, (int64_t)(i + EGEMAPS_LONG_HOPS) * r->hop, (int64_t)i, r->f0_hz[i], &jitter, &shimmer_db);
        sum += jitter + shimmer_db;
    }
    return sum;
}

static float decimate(const recording *r) {
    static float low[80 * KERNEL_MAX_LANES];
    if (r->rate_hz == 8000)
        return 0;
    for (size_t i = 0; i < r->frames; i += KERNEL_MAX_LANES)
        r->kernel->decimate(r->samples + i * 160 - 23, low, 80 * KERNEL_MAX_LANES);
    return low[0];
}

static float functionals(const recording *r) {
    float out[128] = {0};
    prosody_functionals *f = NULL;
    if (prosody_functionals_create(r->frames, &f) != PROSODY_OK)
        return 0;
    for (size_t i = 0; i < r->frames; i += READ_ROWS)
        prosody_functionals_add(f, r->finished + i * EGEMAPS_COUNT, EGEMAPS_COUNT, least(READ_ROWS, r->frames - i));
    prosody_functionals_read(f, out);
    prosody_functionals_destroy(f);
    return out[0];
}

/* The whole path, as a file reader would drive it; rows go to `out` unless that is NULL. Returns a row's worth of proof. */
float run_core(const recording *r, uint32_t sets, float *out, size_t most) {
    static float rows[READ_ROWS * ROW_FLOATS];
    prosody_config config;
    prosody_state *state = NULL;
    prosody_config_init(&config, r->rate_hz);
    config.simd = r->kernel->level;
    config.sets = sets;
    config.reserve_frames = READ_ROWS;
    if (prosody_create(&config, &state) != PROSODY_OK)
        return 0;
    const size_t count = r->frames * (size_t)r->hop;
    size_t done = 0, read = 0;
    for (ptrdiff_t held = 1; held > 0 || prosody_frames_ready(state) > 0;) {
        const ptrdiff_t taken = done < count ? prosody_accept(state, r->samples + done, least(count - done, CHUNK_SAMPLES)) : 0;
        done += taken > 0 ? (size_t)taken : 0;
        if (done == count)
            held = prosody_finish(state);
        const ptrdiff_t got = prosody_read(state, out == NULL ? rows : out + read * prosody_columns(sets), out == NULL ? READ_ROWS : most - read);
        read += got > 0 ? (size_t)got : 0;
        if (taken <= 0 && got <= 0)
            break;
    }
    prosody_destroy(state);
    return (float)read + (out == NULL ? rows[0] : out[0]);
}

static float whole_signals(const recording *r) {
    return run_core(r, PROSODY_SET_SIGNALS, NULL, 0);
}

static float whole_egemaps(const recording *r) {
    return run_core(r, PROSODY_SET_EGEMAPS, NULL, 0);
}

static float whole_both(const recording *r) {
    return run_core(r, PROSODY_SET_SIGNALS | PROSODY_SET_EGEMAPS, NULL, 0);
}

const stage core_stages[] = {
    {"decimate", PER_FRAME, KERNEL, decimate},
    {"pitch", PER_FRAME, KERNEL, pitch_alone},
    {"pitch with harmonicity", PER_FRAME, KERNEL, pitch_and_harmonicity},
    {"pitch path", PER_FRAME, KERNEL, best_path},
    {"signals", PER_FRAME, KERNEL, signals},
    {"egemaps_short", PER_FRAME, KERNEL, egemaps_short},
    {"egemaps_long", PER_VOICED_ROW, KERNEL, egemaps_long},
    {"periods", PER_FRAME, KERNEL, periods},
    {"functionals", PER_FRAME, KERNEL, functionals},
    {"core: signals", PER_FRAME, WHOLE, whole_signals},
    {"core: egemaps", PER_FRAME, WHOLE, whole_egemaps},
    {"core: both sets", PER_FRAME, WHOLE, whole_both},
    {NULL, PER_FRAME, KERNEL, NULL},
};
