/* state.c - the stream of one channel; see state.h for the picture and prosody.h for the contract. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

#include "levels.h"
#include "tables.h"

_Static_assert(PITCH_WINDOW == 2 * PITCH_HALF && DECIMATOR_TAPS == 2 * DECIMATOR_HALF + 1, "state.h and tables.h disagree");
_Static_assert(PITCH_RING >= PITCH_LAG_FRAMES + 1 + KERNEL_MAX_LANES, "the path's ring cannot hold a group");
_Static_assert(ROW_QUEUE >= PITCH_LAG_FRAMES + 1 + KERNEL_MAX_LANES, "the row queue cannot hold a group");

int prosody_config_init(prosody_config *config, int32_t sample_rate_hz) {
    if (config == NULL)
        return PROSODY_ERR_ARGUMENT;
    *config = (prosody_config){sample_rate_hz, 60.0f, 500.0f, NULL};
    return sample_rate_hz == 8000 || sample_rate_hz == 16000 ? PROSODY_OK : PROSODY_ERR_RATE;
}

int prosody_create(const prosody_config *config, prosody_state **out) {
    if (out == NULL)
        return PROSODY_ERR_ARGUMENT;
    *out = NULL;
    if (config == NULL)
        return PROSODY_ERR_ARGUMENT;
    if (config->sample_rate_hz != 8000 && config->sample_rate_hz != 16000)
        return PROSODY_ERR_RATE;
    pitch_range range;
    if (!pitch_range_init(&range, config->f0_min_hz, config->f0_max_hz))
        return PROSODY_ERR_ARGUMENT;
    const prosody_kernel *kernel = prosody_kernel_find(config->simd);
    if (kernel == NULL)
        return PROSODY_ERR_SIMD;
    prosody_state *state = malloc(sizeof *state);
    if (state == NULL)
        return PROSODY_ERR_MEMORY;
    state->kernel = kernel;
    state->range = range;
    state->rate_hz = config->sample_rate_hz;
    state->hop = config->sample_rate_hz / 100;
    prosody_reset(state);
    *out = state;
    return PROSODY_OK;
}

/* An empty window that holds silence from `first` to `end`. */
static void window_reset(sample_window *window, float *samples, size_t capacity, int64_t first, int64_t end) {
    *window = (sample_window){samples, first, end, capacity};
    memset(samples, 0, (size_t)(end - first) * sizeof *samples);
}

int prosody_reset(prosody_state *state) {
    if (state == NULL)
        return PROSODY_ERR_ARGUMENT;
    const int64_t lead = state->rate_hz == 8000 ? PITCH_BEFORE : state->hop / 2;
    state->finished = 0;
    state->accepted = 0;
    state->total = state->measurable = INT64_MAX;
    state->measured = state->decided = state->read = 0;
    window_reset(&state->input, state->input_samples, INPUT_CAPACITY, -lead, 0);
    window_reset(&state->low, state->low_samples, LOW_CAPACITY, -PITCH_BEFORE, -LOW_LEAD);
    pitch_path_reset(&state->path);
    return PROSODY_OK;
}

void prosody_destroy(prosody_state *state) {
    free(state);
}

/* Position in the input after the last sample that frame `index` depends on. */
static int64_t frame_end(const prosody_state *state, int64_t index) {
    const int64_t low_end = index * HOP_LOW + HOP_LOW / 2 + PITCH_HALF;
    return state->rate_hz == 8000 ? low_end : 2 * (low_end - 1) + DECIMATOR_HALF + 1;
}

static void drop_before(sample_window *window, int64_t position) {
    const int64_t unused = position - window->first;
    if (unused <= 0)
        return;
    memmove(window->samples, window->samples + unused, (size_t)(window->end - position) * sizeof *window->samples);
    window->first = position;
}

/* Frees what no coming frame needs. */
static void drop_used(prosody_state *state) {
    const int64_t spectrum_first = state->measured * state->hop - state->hop / 2;
    const int64_t pitch_first = state->measured * HOP_LOW - PITCH_BEFORE;
    if (state->rate_hz == 8000) {
        drop_before(&state->input, pitch_first < spectrum_first ? pitch_first : spectrum_first);
        return;
    }
    const int64_t filter_first = 2 * state->low.end - DECIMATOR_HALF;
    drop_before(&state->input, filter_first < spectrum_first ? filter_first : spectrum_first);
    drop_before(&state->low, pitch_first);
}

/* Brings the 8 kHz copy up to date. */
static void decimate(prosody_state *state) {
    if (state->rate_hz == 8000)
        return;
    sample_window *low = &state->low;
    const int64_t last = (state->input.end - 1 - DECIMATOR_HALF) >> 1; /* rounds down below zero too */
    const int64_t room = (int64_t)low->capacity - (low->end - low->first);
    int64_t count = last + 1 - low->end;
    count = count < room ? count : room;
    if (count <= 0)
        return;
    const float *x = state->input.samples + (2 * low->end - DECIMATOR_HALF - state->input.first);
    state->kernel->decimate(x, low->samples + (low->end - low->first), (size_t)count);
    low->end += count;
}

/* Describes up to `limit` frames whose samples are complete. */
static size_t collect(prosody_state *state, frame_job *jobs, size_t limit) {
    const sample_window *pitch = state->rate_hz == 8000 ? &state->input : &state->low;
    size_t count = 0;
    for (; count < limit; count++) {
        const int64_t i = state->measured + (int64_t)count;
        if (i >= state->measurable || i - state->read >= ROW_QUEUE || i * HOP_LOW + HOP_LOW / 2 + PITCH_HALF > pitch->end)
            break;
        jobs[count].spectrum = state->input.samples + (i * state->hop - state->hop / 2 - state->input.first);
        jobs[count].pitch = pitch->samples + (i * HOP_LOW - PITCH_BEFORE - pitch->first);
        jobs[count].row = state->rows[i % ROW_QUEUE];
        jobs[count].candidates = pitch_path_slot(&state->path, count);
    }
    return count;
}

/* Frames measured beyond the end. The windows of the first few still reach into the sound; with them, a stream that ends is heard as one that goes silent. */
#define TAIL_FRAMES 6

/* Gives decided F0 to the rows that waited for it. */
static void decide(prosody_state *state, int finishing) {
    pitch_result result;
    while (state->decided < state->total && pitch_path_pop(&state->path, finishing, &result)) {
        float *row = state->rows[state->decided % ROW_QUEUE];
        row[COLUMN_F0_HZ] = result.f0_hz;
        row[COLUMN_VOICING_PROBABILITY] = result.voicing_probability;
        row[COLUMN_HNR_DB] = result.hnr_db;
        state->decided++;
    }
}

/* Takes over `count` measured frames. */
static void commit(prosody_state *state, size_t count) {
    for (size_t i = 0; i < count; i++) {
        pitch_path_push(&state->path);
        decide(state, 0);
    }
    state->measured += (int64_t)count;
    drop_used(state);
}

/* Measures complete frames: all of them, or only full groups. */
static void measure(prosody_state *state, int partial) {
    frame_job jobs[KERNEL_MAX_LANES];
    for (;;) {
        decimate(state);
        const size_t count = collect(state, jobs, state->kernel->lanes);
        if (count == 0 || (count < state->kernel->lanes && !partial))
            return;
        state->kernel->measure(state->rate_hz, &state->range, jobs, count);
        commit(state, count);
    }
}

/* Adds samples that are known to be good and to fit the row queue; NULL for both is silence. */
static void feed(prosody_state *state, const float *samples, const int16_t *integers, size_t count) {
    sample_window *input = &state->input;
    for (size_t done = 0; done < count;) {
        size_t room = input->capacity - (size_t)(input->end - input->first);
        size_t take = count - done < room ? count - done : room;
        float *to = input->samples + (input->end - input->first);
        if (samples != NULL)
            memcpy(to, samples + done, take * sizeof *to);
        else
            for (size_t i = 0; i < take; i++)
                to[i] = integers == NULL ? 0.0f : (float)integers[done + i] * (1.0f / 32768.0f);
        input->end += (int64_t)take;
        done += take;
        measure(state, 0);
    }
    measure(state, 1);
}

/* Samples that can be taken before a frame would find the row queue full. */
static size_t acceptable(const prosody_state *state, size_t count) {
    const int64_t room = frame_end(state, state->read + ROW_QUEUE) - 1 - state->accepted;
    return room <= 0 ? 0 : (uint64_t)room < count ? (size_t)room : count;
}

ptrdiff_t prosody_accept(prosody_state *state, const float *samples, size_t count) {
    if (state == NULL || (samples == NULL && count > 0))
        return PROSODY_ERR_ARGUMENT;
    if (state->finished)
        return PROSODY_ERR_FINISHED;
    const size_t take = acceptable(state, count);
    if (state->kernel->find_bad(samples, take) < take)
        return PROSODY_ERR_SAMPLE;
    feed(state, samples, NULL, take);
    state->accepted += (int64_t)take;
    return (ptrdiff_t)take;
}

ptrdiff_t prosody_accept_i16(prosody_state *state, const int16_t *samples, size_t count) {
    if (state == NULL || (samples == NULL && count > 0))
        return PROSODY_ERR_ARGUMENT;
    if (state->finished)
        return PROSODY_ERR_FINISHED;
    const size_t take = acceptable(state, count);
    feed(state, NULL, samples, take);
    state->accepted += (int64_t)take;
    return (ptrdiff_t)take;
}

size_t prosody_find_bad(const float *samples, size_t count) {
    return samples == NULL ? 0 : prosody_kernel_find(NULL)->find_bad(samples, count);
}

ptrdiff_t prosody_finish(prosody_state *state) {
    if (state == NULL)
        return PROSODY_ERR_ARGUMENT;
    if (!state->finished) {
        state->finished = 1;
        state->total = state->accepted / state->hop;
        state->measurable = state->total > 0 ? state->total + TAIL_FRAMES : 0;
    }
    while (state->measured < state->measurable && state->measured - state->read < ROW_QUEUE)
        feed(state, NULL, NULL, (size_t)state->hop);
    if (state->measured == state->measurable)
        decide(state, 1);
    return (ptrdiff_t)(state->total - state->decided);
}

ptrdiff_t prosody_frames_ready(const prosody_state *state) {
    return state == NULL ? PROSODY_ERR_ARGUMENT : (ptrdiff_t)(state->decided - state->read);
}

ptrdiff_t prosody_read(prosody_state *state, float *frames, size_t max_frames) {
    if (state == NULL || (frames == NULL && max_frames > 0))
        return PROSODY_ERR_ARGUMENT;
    size_t count = 0;
    for (; count < max_frames && state->read < state->decided; count++, state->read++)
        memcpy(frames + count * COLUMN_COUNT, state->rows[state->read % ROW_QUEUE], sizeof state->rows[0]);
    return (ptrdiff_t)count;
}

size_t prosody_latency_frames(void) {
    return PITCH_LAG_FRAMES + (PITCH_HALF + HOP_LOW - 1) / HOP_LOW;
}

size_t prosody_hop(const prosody_state *state) {
    return state == NULL ? 0 : (size_t)state->hop;
}

size_t prosody_state_bytes(const prosody_state *state) {
    return state == NULL ? 0 : sizeof *state;
}

const char *prosody_simd_level(const prosody_state *state) {
    return state == NULL ? NULL : state->kernel->level;
}
