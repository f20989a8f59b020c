/* stream.h - how samples become rows; see state.h for the picture. */
#ifndef PROSODY_STREAM_H
#define PROSODY_STREAM_H

#include "batch.h"

/* Samples of one kind or the other; both NULL for silence. */
typedef struct sample_source {
    const float *floats;
    const int16_t *integers;
} sample_source;

/* Asks for the memory that feeding a stream is going to touch, so that it comes while something else is computed. Changes nothing. */
void stream_prefetch(const prosody_state *state, const float *samples, size_t max_count);
/* Adds samples that are known to be good and to fit the row queue, and queues the frames that they complete. */
void stream_feed(prosody_state *state, prosody_batch *batch, sample_source source, int64_t count);
/* Takes over the next frame, which a batch has measured. */
void stream_take_frame(prosody_state *state, prosody_batch *batch);
/* Ends the stream as far as the row queue has room; the batch is flushed. */
void stream_finish(prosody_state *state, prosody_batch *batch);
/* Position in the input after the last sample that frame `index` depends on. */
int64_t stream_frame_end(const prosody_state *state, int64_t index);
/* Rows that are whole. */
int64_t stream_ready(const prosody_state *state);
/* Rows that are whole once `accepted` samples were taken, of a stream that is not finished. */
int64_t stream_ready_after(const prosody_state *state, int64_t accepted);

#endif
