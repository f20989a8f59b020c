/* state.c - prosody.h's streams: their memory, their arguments, their errors. What happens to the samples is in stream.c. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

#include "levels.h"
#include "stream.h"
#include "tables.h"

_Static_assert(PITCH_WINDOW == 2 * PITCH_HALF && DECIMATOR_TAPS == 2 * DECIMATOR_HALF + 1, "state.h and tables.h disagree");
_Static_assert(PITCH_RING >= PITCH_LAG_FRAMES + 1 + KERNEL_MAX_LANES, "the path's ring cannot hold a group");

/* Rows between measurement and read: those that wait for the pitch path, a full group, a few to spare. */
#define ROW_QUEUE 64
_Static_assert(ROW_QUEUE >= PITCH_LAG_FRAMES + EGEMAPS_PITCH_OFFSET + 1 + KERNEL_MAX_LANES, "the row queue cannot hold a group");

/* Input kept, in hops: the windows of the frame to come and a full group; and for eGeMAPS from the row whose F0 is decided next. */
#define SIGNALS_HOPS 24
#define EGEMAPS_HOPS (PITCH_LAG_FRAMES + EGEMAPS_PITCH_OFFSET + 4 + KERNEL_MAX_LANES)
/* What a reserve adds to that: beyond it, moving samples costs next to nothing. */
#define RESERVE_HOPS_MAX 32
#define RESERVE_MAX 4096

int prosody_config_init(prosody_config *config, int32_t sample_rate_hz) {
    if (config == NULL)
        return PROSODY_ERR_ARGUMENT;
    *config = (prosody_config){sample_rate_hz, 60.0f, 500.0f, NULL, PROSODY_SET_SIGNALS, 0};
    return sample_rate_hz == 8000 || sample_rate_hz == 16000 ? PROSODY_OK : PROSODY_ERR_RATE;
}

/* Lays out the memory of a state that a configuration asks for. */
static prosody_state *allocate(const prosody_config *config) {
    const int32_t hop = config->sample_rate_hz / 100;
    const size_t columns = prosody_columns(config->sets), rows = ROW_QUEUE + config->reserve_frames;
    const size_t hops = ((config->sets & PROSODY_SET_EGEMAPS) ? EGEMAPS_HOPS : SIGNALS_HOPS) +
                        (config->reserve_frames < RESERVE_HOPS_MAX ? config->reserve_frames : RESERVE_HOPS_MAX);
    const size_t input = hops * (size_t)hop, low = config->sample_rate_hz == 8000 ? 0 : LOW_CAPACITY;
    const size_t bytes = sizeof(prosody_state) + (rows * columns + input + low) * sizeof(float);
    prosody_state *state = malloc(bytes);
    if (state == NULL)
        return NULL;
    state->bytes = bytes;
    state->sets = config->sets;
    state->rate_hz = config->sample_rate_hz;
    state->hop = hop;
    state->columns = (int32_t)columns;
    state->egemaps_at = config->sets & PROSODY_SET_SIGNALS ? COLUMN_COUNT : 0;
    state->row_queue = (int32_t)rows;
    state->rows = state->memory;
    state->input = (sample_window){state->rows + rows * columns, 0, 0, (int64_t)input};
    state->low = (sample_window){state->input.samples + input, 0, 0, (int64_t)low};
    return state;
}

int prosody_create(const prosody_config *config, prosody_state **out) {
    if (out == NULL)
        return PROSODY_ERR_ARGUMENT;
    *out = NULL;
    if (config == NULL || config->reserve_frames > RESERVE_MAX)
        return PROSODY_ERR_ARGUMENT;
    if (config->sample_rate_hz != 8000 && config->sample_rate_hz != 16000)
        return PROSODY_ERR_RATE;
    if (config->sets == 0 || (config->sets & ~(uint32_t)(PROSODY_SET_SIGNALS | PROSODY_SET_EGEMAPS)) != 0)
        return PROSODY_ERR_ARGUMENT;
    pitch_range range;
    if (!pitch_range_init(&range, config->f0_min_hz, config->f0_max_hz))
        return PROSODY_ERR_ARGUMENT;
    const prosody_kernel *kernel = prosody_kernel_find(config->simd);
    if (kernel == NULL)
        return PROSODY_ERR_SIMD;
    prosody_state *state = allocate(config);
    if (state == NULL)
        return PROSODY_ERR_MEMORY;
    state->kernel = kernel;
    state->range = range;
    prosody_reset(state);
    *out = state;
    return PROSODY_OK;
}

/* An empty window that holds silence from `first` to `end`. */
static void window_reset(sample_window *window, int64_t first, int64_t end) {
    window->first = first;
    window->end = end;
    memset(window->samples, 0, (size_t)(end - first) * sizeof *window->samples);
}

int prosody_reset(prosody_state *state) {
    if (state == NULL)
        return PROSODY_ERR_ARGUMENT;
    state->finished = 0;
    state->queued = 0;
    state->accepted = 0;
    state->total = state->measurable = INT64_MAX;
    state->measured = state->decided = state->pitched = state->read = 0;
    state->oldest_voiced = INT64_MAX;
    state->last_pitch = (pitch_result){0};
    memset(&state->chain, 0, sizeof state->chain);
    memset(&state->formants, 0, sizeof state->formants);
    state->formants.next = -1;
    memset(state->magnitudes, 0, sizeof state->magnitudes);
    window_reset(&state->input, state->rate_hz == 8000 ? -PITCH_BEFORE : -(state->hop / 2), 0);
    if (state->rate_hz != 8000)
        window_reset(&state->low, -PITCH_BEFORE, -LOW_LEAD);
    pitch_path_reset(&state->path);
    return PROSODY_OK;
}

void prosody_destroy(prosody_state *state) {
    free(state);
}

/* Samples that can be taken before a frame would find the row queue full. */
static size_t acceptable(const prosody_state *state, size_t count) {
    const int64_t room = stream_frame_end(state, state->read + state->row_queue) - 1 - state->accepted;
    return room <= 0 ? 0 : (uint64_t)room < count ? (size_t)room : count;
}

/* Why a state cannot take these samples, or PROSODY_OK. */
static int refusal(const prosody_state *state, const float *samples, size_t count) {
    if (state == NULL || (samples == NULL && count > 0))
        return PROSODY_ERR_ARGUMENT;
    if (state->finished)
        return PROSODY_ERR_FINISHED;
    const size_t take = acceptable(state, count);
    return state->kernel->find_bad(samples, take) < take ? PROSODY_ERR_SAMPLE : PROSODY_OK;
}

static size_t take(prosody_state *state, prosody_batch *batch, sample_source source, size_t count) {
    const size_t taken = acceptable(state, count);
    stream_feed(state, batch, source, (int64_t)taken);
    state->accepted += (int64_t)taken;
    return taken;
}

ptrdiff_t prosody_accept(prosody_state *state, const float *samples, size_t count) {
    prosody_batch batch = {0};
    const int error = refusal(state, samples, count);
    if (error < 0)
        return error;
    const size_t taken = take(state, &batch, (sample_source){samples, NULL}, count);
    batch_flush(&batch);
    return (ptrdiff_t)taken;
}

ptrdiff_t prosody_accept_i16(prosody_state *state, const int16_t *samples, size_t count) {
    prosody_batch batch = {0};
    if (state == NULL || (samples == NULL && count > 0))
        return PROSODY_ERR_ARGUMENT;
    if (state->finished)
        return PROSODY_ERR_FINISHED;
    const size_t taken = take(state, &batch, (sample_source){NULL, samples}, count);
    batch_flush(&batch);
    return (ptrdiff_t)taken;
}

/* How many streams ahead the memory of the next is asked for: a group of frames is measured meanwhile, and little enough comes to stay in a second-level cache. */
#define STREAMS_AHEAD 2

int prosody_advance(prosody_state *const *states, const float *const *samples, size_t *counts, size_t n, size_t *refused) {
    prosody_batch batch = {0};
    if (n > 0 && (states == NULL || samples == NULL || counts == NULL))
        return PROSODY_ERR_ARGUMENT;
    for (size_t i = 0; i < n; i++) {
        const int error = refusal(states[i], samples[i], counts[i]);
        if (error < 0) {
            if (refused != NULL)
                *refused = i;
            return error;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (i + STREAMS_AHEAD < n)
            stream_prefetch(states[i + STREAMS_AHEAD], samples[i + STREAMS_AHEAD], counts[i + STREAMS_AHEAD]);
        counts[i] = take(states[i], &batch, (sample_source){samples[i], NULL}, counts[i]);
    }
    batch_flush(&batch);
    return PROSODY_OK;
}

size_t prosody_find_bad(const float *samples, size_t count) {
    return samples == NULL ? 0 : prosody_kernel_find(NULL)->find_bad(samples, count);
}

ptrdiff_t prosody_finish(prosody_state *state) {
    prosody_batch batch = {0};
    if (state == NULL)
        return PROSODY_ERR_ARGUMENT;
    stream_finish(state, &batch);
    return (ptrdiff_t)(state->total - stream_ready(state));
}

ptrdiff_t prosody_frames_ready(const prosody_state *state) {
    return state == NULL ? PROSODY_ERR_ARGUMENT : (ptrdiff_t)(stream_ready(state) - state->read);
}

ptrdiff_t prosody_frames_after(const prosody_state *state, size_t count) {
    if (state == NULL || count > (size_t)(INT64_MAX - state->accepted) / 2)
        return PROSODY_ERR_ARGUMENT;
    return (ptrdiff_t)((state->finished ? state->total : stream_ready_after(state, state->accepted + (int64_t)count)) - state->read);
}

ptrdiff_t prosody_read(prosody_state *state, float *frames, size_t max_frames) {
    if (state == NULL || (frames == NULL && max_frames > 0))
        return PROSODY_ERR_ARGUMENT;
    const size_t columns = (size_t)state->columns;
    size_t count = 0;
    for (; count < max_frames && state->read < stream_ready(state); count++, state->read++)
        memcpy(frames + count * columns, state_signals(state, state->read), columns * sizeof(float));
    return (ptrdiff_t)count;
}

size_t prosody_latency_frames(uint32_t sets) {
    return PITCH_LAG_FRAMES + (PITCH_HALF + HOP_LOW - 1) / HOP_LOW + ((sets & PROSODY_SET_EGEMAPS) ? EGEMAPS_PITCH_OFFSET : 0);
}

size_t prosody_hop(const prosody_state *state) {
    return state == NULL ? 0 : (size_t)state->hop;
}

size_t prosody_state_bytes(const prosody_state *state) {
    return state == NULL ? 0 : state->bytes;
}

const char *prosody_simd_level(const prosody_state *state) {
    return state == NULL ? NULL : state->kernel->level;
}
