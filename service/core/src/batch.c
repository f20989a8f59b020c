/* batch.c - see batch.h. */
#include "batch.h"

#include "stream.h"

static int alike(const prosody_state *a, const prosody_state *b) {
    return a->kernel == b->kernel && a->rate_hz == b->rate_hz && a->sets == b->sets && a->range.state_min == b->range.state_min &&
           a->range.state_max == b->range.state_max;
}

/* Makes the batch one for streams like this one. */
static void turn_to(prosody_batch *batch, const prosody_state *state) {
    if (batch->like != NULL && batch->like != state && !alike(batch->like, state))
        batch_flush(batch);
    batch->like = state;
}

static void measure_pitch(const prosody_batch *batch) {
    pitch_job jobs[KERNEL_MAX_LANES];
    for (size_t i = 0; i < batch->frames; i++) {
        prosody_state *state = batch->frame[i].state;
        const sample_window *low = state_low(state);
        jobs[i].window = low->samples + (batch->frame[i].index * HOP_LOW - PITCH_BEFORE - low->first);
        jobs[i].candidates = pitch_path_slot(&state->path, (size_t)(batch->frame[i].index - state->measured));
    }
    batch->like->kernel->pitch(&batch->like->range, (batch->like->sets & PROSODY_SET_SIGNALS) != 0, jobs, batch->frames);
}

static void measure_signals(const prosody_batch *batch) {
    signals_job jobs[KERNEL_MAX_LANES];
    for (size_t i = 0; i < batch->frames; i++) {
        prosody_state *state = batch->frame[i].state;
        jobs[i].window = state->input.samples + (batch->frame[i].index * state->hop - state->hop / 2 - state->input.first);
        jobs[i].row = state_signals(state, batch->frame[i].index);
    }
    batch->like->kernel->signals(batch->like->rate_hz, jobs, batch->frames);
}

static void measure_egemaps(const prosody_batch *batch) {
    egemaps_job jobs[KERNEL_MAX_LANES];
    for (size_t i = 0; i < batch->frames; i++) {
        prosody_state *state = batch->frame[i].state;
        const int first = i == 0 || batch->frame[i - 1].state != state, last = i + 1 == batch->frames || batch->frame[i + 1].state != state;
        jobs[i].short_window = state->input.samples + (batch->frame[i].index * state->hop - state->input.first);
        jobs[i].magnitudes_before = first ? state->magnitudes : NULL;
        jobs[i].magnitudes_after = last ? state->magnitudes : NULL;
        jobs[i].row = state_egemaps(state, batch->frame[i].index);
    }
    batch->like->kernel->egemaps_short(batch->like->rate_hz, jobs, batch->frames);
}

static void flush_voiced(prosody_batch *batch) {
    voiced_job jobs[KERNEL_MAX_LANES];
    if (batch->voiced == 0)
        return;
    for (size_t i = 0; i < batch->voiced; i++) {
        prosody_state *state = batch->voiced_row[i].state;
        jobs[i].long_window = state->input.samples + (batch->voiced_row[i].index * state->hop - state->input.first);
        jobs[i].f0_hz = batch->voiced_row[i].f0_hz;
        jobs[i].index = batch->voiced_row[i].index;
        jobs[i].track = &state->formants;
        jobs[i].row = state_egemaps(state, batch->voiced_row[i].index);
        state->oldest_voiced = INT64_MAX;
    }
    batch->like->kernel->egemaps_long(batch->like->rate_hz, jobs, batch->voiced);
    batch->voiced = 0;
}

static void flush_frames(prosody_batch *batch) {
    const size_t count = batch->frames;
    if (count == 0)
        return;
    measure_pitch(batch);
    if (batch->like->sets & PROSODY_SET_SIGNALS)
        measure_signals(batch);
    if (batch->like->sets & PROSODY_SET_EGEMAPS)
        measure_egemaps(batch);
    batch->frames = 0; /* before the streams take their frames over: that may queue voiced rows */
    for (size_t i = 0; i < count; i++)
        stream_take_frame(batch->frame[i].state, batch);
}

void batch_add_frame(prosody_batch *batch, prosody_state *state) {
    turn_to(batch, state);
    batch->frame[batch->frames++] = (batch_item){state, state->measured + state->queued, 0.0f};
    state->queued++;
    if (batch->frames == KERNEL_MAX_LANES)
        flush_frames(batch);
}

void batch_add_voiced(prosody_batch *batch, prosody_state *state, int64_t index, float f0_hz) {
    turn_to(batch, state);
    if (state->oldest_voiced == INT64_MAX)
        state->oldest_voiced = index;
    batch->voiced_row[batch->voiced++] = (batch_item){state, index, f0_hz};
    if (batch->voiced == KERNEL_MAX_LANES)
        flush_voiced(batch);
}

void batch_flush(prosody_batch *batch) {
    flush_frames(batch);
    flush_voiced(batch);
}
