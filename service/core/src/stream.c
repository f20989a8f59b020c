/* stream.c - see stream.h. */
#include "stream.h"

#include <math.h>
#include <string.h>

#include "tables.h"

#if defined(__GNUC__)
#define ASK_FOR(address) __builtin_prefetch((address), 0, 2) /* into the second level: the first is full of what is computed meanwhile */
#else
#define ASK_FOR(address) ((void)(address))
#endif
#define CACHE_LINE 64

/* Frames measured beyond the end (TAIL_FRAMES): the windows of the first few still reach into the sound; with them, a stream that ends is heard as one that goes
 * silent. */

int64_t stream_frame_end(const prosody_state *state, int64_t index) {
    const int64_t low_end = index * HOP_LOW + HOP_LOW / 2 + PITCH_HALF;
    return state->rate_hz == 8000 ? low_end : 2 * (low_end - 1) + DECIMATOR_HALF + 1;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t room(const sample_window *window) {
    return window->capacity - (window->end - window->first);
}

static void drop_before(sample_window *window, int64_t position) {
    const int64_t unused = position - window->first;
    if (unused <= 0)
        return;
    memmove(window->samples, window->samples + unused, (size_t)(window->end - position) * sizeof *window->samples);
    window->first = position;
}

/* The first input sample that something still needs. */
static int64_t first_needed(const prosody_state *state) {
    int64_t first = state->measured * state->hop - state->hop / 2;
    if (state->rate_hz == 8000)
        first = least(first, state->measured * HOP_LOW - PITCH_BEFORE);
    else
        first = least(first, 2 * state->low.end - DECIMATOR_HALF);
    if (state->sets & PROSODY_SET_EGEMAPS)
        first = least(first, least(state->pitched, state->oldest_voiced) * state->hop);
    return first;
}

/* Makes room in the input: what is not needed goes, after the batch has used what it can. */
static void make_room(prosody_state *state, prosody_batch *batch) {
    drop_before(&state->input, first_needed(state));
    if (room(&state->input) >= state->hop)
        return;
    batch_flush(batch);
    drop_before(&state->input, first_needed(state));
}

/* Brings the 8 kHz copy up to date as far as it has room; returns how many of its samples are left to do. */
static int64_t decimate(prosody_state *state) {
    if (state->rate_hz == 8000)
        return 0;
    sample_window *low = &state->low;
    const int64_t last = (state->input.end - 1 - DECIMATOR_HALF) >> 1; /* rounds down below zero too */
    const int64_t missing = last + 1 - low->end;
    if (missing <= 0)
        return 0;
    if (missing > room(low))
        drop_before(low, state->measured * HOP_LOW - PITCH_BEFORE);
    const int64_t count = least(missing, room(low));
    state->kernel->decimate(state->input.samples + (2 * low->end - DECIMATOR_HALF - state->input.first), low->samples + (low->end - low->first), (size_t)count);
    low->end += count;
    return missing - count;
}

/* Queues the frames whose samples are complete. The batch is flushed only when there is no other way to make room: a group that is not full costs as much as one that is. */
static void queue_frames(prosody_state *state, prosody_batch *batch) {
    for (int64_t left = -1, before = 0; left != 0; before = left) {
        left = decimate(state);
        const int64_t end = state_low(state)->end;
        for (;;) {
            const int64_t i = state->measured + state->queued;
            if (i >= state->measurable || i - state->read >= state->row_queue || i * HOP_LOW + HOP_LOW / 2 + PITCH_HALF > end)
                break;
            batch_add_frame(batch, state);
        }
        if (left != 0 && left == before)
            batch_flush(batch);
    }
}

void stream_feed(prosody_state *state, prosody_batch *batch, sample_source source, int64_t count) {
    sample_window *input = &state->input;
    for (int64_t done = 0; done < count;) {
        if (room(input) == 0)
            make_room(state, batch);
        const int64_t take = least(count - done, room(input));
        float *to = input->samples + (input->end - input->first);
        if (source.floats != NULL)
            memcpy(to, source.floats + done, (size_t)take * sizeof *to);
        else
            for (int64_t i = 0; i < take; i++)
                to[i] = source.integers == NULL ? 0.0f : (float)source.integers[done + i] * (1.0f / 32768.0f);
        input->end += take;
        done += take;
        queue_frames(state, batch);
    }
}

static void ask_for(const void *from, const void *to) {
    for (const char *line = from; line < (const char *)to; line += CACHE_LINE)
        ASK_FOR(line);
}

static void ask_for_rows(const prosody_state *state, int64_t first, int64_t count) {
    const int64_t at = first % state->row_queue, turn = least(count, state->row_queue - at);
    ask_for(state->rows + at * state->columns, state->rows + (at + turn) * state->columns);
    ask_for(state->rows, state->rows + (count - turn) * state->columns);
}

static void ask_for_samples(const sample_window *window, int64_t first, int64_t end) {
    const int64_t from = first > window->first ? first - window->first : 0, to = least(end - window->first, window->capacity);
    if (from < to)
        ask_for(window->samples + from, window->samples + to);
}

void stream_prefetch(const prosody_state *state, const float *samples, size_t max_count) {
    const sample_window *const input = &state->input, *const low = &state->low;
    const int64_t count = max_count < (size_t)input->capacity ? (int64_t)max_count : input->capacity, frames = least(count / state->hop + 1, state->row_queue);
    if (count == 0)
        return;
    ask_for(samples, samples + count);
    ask_for(state, state->memory);
    ask_for_rows(state, state->measured, frames);
    ask_for_rows(state, stream_ready(state), frames);
    if (state->sets & PROSODY_SET_EGEMAPS)
        ask_for_samples(input, state->pitched * state->hop, (state->pitched + frames + EGEMAPS_LONG_HOPS) * state->hop);
    ask_for_samples(input, state->measured * state->hop - state->hop, input->end + count);
    if (state->rate_hz != 8000)
        ask_for_samples(low, state->measured * HOP_LOW - PITCH_BEFORE, low->end + count / 2 + 1);
}

/* The F0 of the row that lies about the border of two frames: their geometric mean, or that of the one which is voiced if the two are more likely voiced than not
 * (decision 0098). */
static float between(pitch_result a, pitch_result b) {
    if (a.f0_hz > 0.0f && b.f0_hz > 0.0f)
        return sqrtf(a.f0_hz * b.f0_hz);
    return a.voicing_probability + b.voicing_probability > 1.0f ? a.f0_hz + b.f0_hz : 0.0f;
}

static void describe_unvoiced(float *row) {
    for (int c = EGEMAPS_F0_SEMITONE; c < EGEMAPS_MEAN_SQUARE; c++)
        row[c] = 0.0f;
    for (int i = 0; i < EGEMAPS_FORMANTS; i++)
        row[EGEMAPS_F1_AMPLITUDE + 3 * i] = EGEMAPS_NOT_VOICED_DB;
}

/* The pitch of frame `index` is known, and so is that of the row which begins EGEMAPS_PITCH_OFFSET frames before. */
static void pitch_row(prosody_state *state, prosody_batch *batch, int64_t index, pitch_result pitch) {
    const float f0_hz = between(state->last_pitch, pitch);
    const int64_t j = index - EGEMAPS_PITCH_OFFSET;
    state->last_pitch = pitch;
    if (j < 0)
        return;
    float *row = state_egemaps(state, j);
    const int64_t known = least((j + EGEMAPS_LONG_HOPS) * state->hop, state->finished ? state->accepted : INT64_MAX);
    state->kernel->periods(&state->chain, state->rate_hz, state->input.samples, state->input.first, known, j, f0_hz, &row[EGEMAPS_JITTER], &row[EGEMAPS_SHIMMER]);
    state->pitched = j + 1;
    if (f0_hz > 0.0f) {
        row[EGEMAPS_F0_SEMITONE] = 12.0f * log2f(f0_hz * (1.0f / 27.5f));
        batch_add_voiced(batch, state, j, f0_hz);
    } else {
        describe_unvoiced(row);
    }
}

/* Gives decided F0 to the rows that waited for it. */
static void decide(prosody_state *state, prosody_batch *batch, int finishing) {
    pitch_result result;
    while (state->decided < state->total && pitch_path_pop(&state->path, finishing, &result)) {
        if (state->sets & PROSODY_SET_SIGNALS) {
            float *row = state_signals(state, state->decided);
            row[COLUMN_F0_HZ] = result.f0_hz;
            row[COLUMN_VOICING_PROBABILITY] = result.voicing_probability;
            row[COLUMN_HNR_DB] = result.hnr_db;
        }
        if (state->sets & PROSODY_SET_EGEMAPS)
            pitch_row(state, batch, state->decided, result);
        state->decided++;
    }
    if ((state->sets & PROSODY_SET_EGEMAPS) && state->decided == state->total)
        while (state->pitched < state->total)
            pitch_row(state, batch, state->pitched + EGEMAPS_PITCH_OFFSET, (pitch_result){0}); /* beyond the end nothing is voiced */
}

void stream_take_frame(prosody_state *state, prosody_batch *batch) {
    if ((state->sets & PROSODY_SET_EGEMAPS) && state->measured == 0)
        state_egemaps(state, 0)[EGEMAPS_SPECTRAL_FLUX] = 0.0f; /* there is no frame before the first */
    pitch_path_push(&state->path);
    state->measured++;
    state->queued--;
    decide(state, batch, 0);
}

void stream_finish(prosody_state *state, prosody_batch *batch) {
    if (!state->finished) {
        state->finished = 1;
        state->total = state->accepted / state->hop;
        state->measurable = state->total > 0 ? state->total + TAIL_FRAMES : 0;
    }
    while (state->measured + state->queued < state->measurable && state->measured + state->queued - state->read < state->row_queue)
        stream_feed(state, batch, (sample_source){NULL, NULL}, state->hop);
    batch_flush(batch);
    if (state->measured == state->measurable) {
        decide(state, batch, 1);
        batch_flush(batch);
    }
}

int64_t stream_ready(const prosody_state *state) {
    return (state->sets & PROSODY_SET_EGEMAPS) ? state->pitched : state->decided;
}

int64_t stream_ready_after(const prosody_state *state, int64_t accepted) {
    const int64_t beyond_first = accepted - stream_frame_end(state, 0);
    const int64_t measured = beyond_first < 0 ? 0 : beyond_first / state->hop + 1;
    const int64_t ready = measured - PITCH_LAG_FRAMES - ((state->sets & PROSODY_SET_EGEMAPS) ? EGEMAPS_PITCH_OFFSET : 0);
    return ready < 0 ? 0 : ready;
}
