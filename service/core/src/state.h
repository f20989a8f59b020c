/* state.h - one channel's stream: its samples on one side, its finished frames on the other.
 *
 * Samples are kept contiguous, with a history long enough for the windows of the next frame; positions are counted from the first sample of the stream, and the
 * windows of the first frames begin before it. Rows wait in a ring from their measurement until they are read; between the two the pitch path decides their F0.
 *
 *     read <= decided <= measured,  measured - read <= ROW_QUEUE
 */
#ifndef PROSODY_STATE_H
#define PROSODY_STATE_H

#include "columns.h"
#include "kernel.h"
#include "pitch.h"
#include "prosody.h"

#define HOP_LOW 80                          /* 10 ms at 8 kHz */
#define PITCH_BEFORE (PITCH_HALF - HOP_LOW / 2)
#define PITCH_HALF 192                      /* half of PITCH_WINDOW */
#define DECIMATOR_HALF 23                   /* half of DECIMATOR_TAPS */
#define LOW_LEAD 12                         /* low-rate samples before the first whose filter already reaches into the stream */
#define ROW_QUEUE 64                        /* frames between measurement and read */
#define INPUT_CAPACITY 3840                 /* history plus a full group of frames at 16 kHz */
#define LOW_CAPACITY 1920                   /* the same at 8 kHz */

typedef struct sample_window {
    float *samples;
    int64_t first;                          /* position of samples[0] */
    int64_t end;                            /* position after the last sample held */
    size_t capacity;
} sample_window;

struct prosody_state {
    const prosody_kernel *kernel;
    pitch_range range;
    int32_t rate_hz;
    int32_t hop;
    int finished;
    int64_t accepted;                       /* samples of the stream taken, without the silence that finish adds */
    int64_t total;                          /* frames of the stream, known once it is finished */
    int64_t measurable;                     /* and frames to measure: the silence after the end says how the last ones are to be heard */
    int64_t measured, decided, read;
    sample_window input;
    sample_window low;                      /* at 16 kHz: the input at 8 kHz; at 8 kHz unused */
    pitch_path path;
    float rows[ROW_QUEUE][COLUMN_COUNT];
    float input_samples[INPUT_CAPACITY];
    float low_samples[LOW_CAPACITY];
};

#endif
