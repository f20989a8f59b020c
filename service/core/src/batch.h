/* batch.h - frames of one stream or many, measured side by side.
 *
 * A batch lives for one call of the API, on its stack. Frames are queued until they fill the lanes; voiced rows, which need more work once their F0 is known, wait
 * in a queue of their own. Queues hold indices and not pointers, so that a stream may move its samples meanwhile.
 */
#ifndef PROSODY_BATCH_H
#define PROSODY_BATCH_H

#include "state.h"

typedef struct batch_item {
    prosody_state *state;
    int64_t index;
    float f0_hz;                            /* of a voiced row */
} batch_item;

typedef struct prosody_batch {
    const prosody_state *like;              /* a stream whose kernel, rate, range and sets all queued frames share */
    size_t frames, voiced;
    batch_item frame[KERNEL_MAX_LANES], voiced_row[KERNEL_MAX_LANES];
} prosody_batch;

/* Queues the next frame of a stream; its samples are complete. Measures when the lanes are full. */
void batch_add_frame(prosody_batch *batch, prosody_state *state);
/* Queues a row whose F0 is known and not 0. */
void batch_add_voiced(prosody_batch *batch, prosody_state *state, int64_t index, float f0_hz);
/* Measures what is queued. */
void batch_flush(prosody_batch *batch);

#endif
