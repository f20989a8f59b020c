/* prosody.h - the public interface of the Simpatico feature core.
 *
 * A prosody_state measures one channel of audio as a stream of 10 ms frames. The contract:
 *
 *   create -> ( accept* read* )* -> finish -> read* -> destroy          reset may be called at any time and equals destroy + create
 *
 * What a frame's row holds is chosen in create, as one or both of two sets of columns:
 *
 *   PROSODY_SET_SIGNALS   what the analysis of a call rests on: level, loudness, F0, voicing, HNR, entropy, spectral balance
 *   PROSODY_SET_EGEMAPS   the 25 low-level descriptors of eGeMAPS, not yet smoothed over frames, and the mean square; docs/egemaps.md
 *
 *   1. How the samples were cut into accept() calls never changes a frame: results are bit-identical for any chunking.
 *   2. Memory is allocated in create only. accept() takes as many samples as the frame queue has room for and says how many; read and call again.
 *      What was taken is measured at once: whether a frame is ready depends only on how many samples were taken, not on how they were cut.
 *   3. Frame i describes samples [i * hop, (i + 1) * hop); the windows of the signals are centred on it, those of eGeMAPS begin with it, as openSMILE's do. A stream of n samples gives floor(n / hop) frames after finish; beyond its ends it is digital silence.
 *   4. A state may be used by one thread at a time; different states are independent. There are no mutable globals.
 *   5. Samples are full scale +-1. A call whose samples to be taken hold a NaN, an infinity or a magnitude above PROSODY_MAX_ABS is refused whole: none of its
 *      samples is taken and the state stays as it was. prosody_find_bad tells where.
 *   6. Every function returns a negative prosody_error on failure. Nothing here exits, prints or asserts on input.
 *
 * Ownership: the caller owns what create returned and gives it back with destroy; buffers passed in are never kept.
 */
#ifndef PROSODY_H
#define PROSODY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct prosody_state prosody_state;

typedef enum prosody_error {
    PROSODY_OK = 0,
    PROSODY_ERR_ARGUMENT = -1,    /* a null pointer or a size out of range */
    PROSODY_ERR_RATE = -2,        /* sample rate neither 8000 nor 16000 */
    PROSODY_ERR_MEMORY = -3,      /* allocation failed in create */
    PROSODY_ERR_SAMPLE = -4,      /* NaN, infinity or a magnitude above PROSODY_MAX_ABS */
    PROSODY_ERR_FINISHED = -5,    /* accept after finish */
    PROSODY_ERR_SIMD = -6,        /* a SIMD level that this machine or build lacks */
    PROSODY_ERR_ROW = -7,         /* NaN or infinity in an eGeMAPS row */
} prosody_error;

/* Sets of columns; a row holds those asked for, in this order. */
typedef enum prosody_set {
    PROSODY_SET_SIGNALS = 1,
    PROSODY_SET_EGEMAPS = 2,
} prosody_set;

#define PROSODY_MAX_ABS 256.0f

typedef struct prosody_config {
    int32_t sample_rate_hz;       /* 8000 or 16000 */
    float f0_min_hz;              /* lowest F0 searched, default 60 */
    float f0_max_hz;              /* highest F0 searched, default 500 */
    const char *simd;             /* NULL for the best level of this machine, or the name of one: see prosody_simd_available */
    uint32_t sets;                /* of columns: one or both prosody_set, default PROSODY_SET_SIGNALS */
    uint32_t reserve_frames;      /* rows that the queue holds beyond the least, 0 .. 4096, default 0. More lets one stream that comes in long chunks fill the
                                     vector lanes; states that are advanced together need none. Never changes a row. */
} prosody_config;

/* Fills in the defaults for a rate. */
int prosody_config_init(prosody_config *config, int32_t sample_rate_hz);

int prosody_create(const prosody_config *config, prosody_state **out);
int prosody_reset(prosody_state *state);
void prosody_destroy(prosody_state *state);

/* Takes samples; returns how many were taken (0 .. count, fewer when the frame queue is full) or an error. */
ptrdiff_t prosody_accept(prosody_state *state, const float *samples, size_t count);
ptrdiff_t prosody_accept_i16(prosody_state *state, const int16_t *samples, size_t count);

/* Takes samples of n streams at once, so that their frames are measured side by side: the same rows as n calls of accept, at a better price when chunks are short.
 * counts[i] says how many samples[i] holds, and is set to how many were taken. When one of the streams refuses its samples, *refused (unless NULL) is its index,
 * its error is returned, and no stream took anything. No state may be in use elsewhere meanwhile. */
int prosody_advance(prosody_state *const *states, const float *const *samples, size_t *counts, size_t n, size_t *refused);

/* Index of the first sample that accept would refuse, or count when there is none. */
size_t prosody_find_bad(const float *samples, size_t count);

/* Declares the end of the stream; the frames still held back become ready as far as the queue has room. Returns how many are still held back:
 * while it is positive, read and call again. */
ptrdiff_t prosody_finish(prosody_state *state);

/* Frames by which ready frames lag behind the samples taken: the look-ahead of the pitch path and what the windows reach beyond their frame. */
size_t prosody_latency_frames(uint32_t sets);

/* Frames that read() would give now. */
ptrdiff_t prosody_frames_ready(const prosody_state *state);

/* Frames that read() would give if `count` more samples were taken; on the way a row queue may have to be read. After finish, those that are left in all. */
ptrdiff_t prosody_frames_after(const prosody_state *state, size_t count);

/* Copies up to max_frames rows of prosody_columns(sets) float32 into frames; returns how many. */
ptrdiff_t prosody_read(prosody_state *state, float *frames, size_t max_frames);

/* The columns of a row with these sets: their number, names and units, in order; NULL past the last. */
size_t prosody_columns(uint32_t sets);
const char *prosody_column_name(uint32_t sets, size_t column);
const char *prosody_column_unit(uint32_t sets, size_t column);

size_t prosody_hop(const prosody_state *state);           /* samples per frame */
size_t prosody_state_bytes(const prosody_state *state);   /* memory held by a state */

/* The 88 functionals of eGeMAPSv02 over a segment, from its eGeMAPS rows.
 *
 *   create -> ( add* read* )* -> destroy                                reset may be called at any time and equals destroy + create
 *
 *   1. A segment of n rows stands for n hops of audio. Its short frames are rows 0 .. n-2 and its long frames, which voicing goes by, rows 0 .. n-7: those whose windows lie
 *      wholly inside (and the last long frame is left out). The flux of its first row counts as 0. So the figures are those of the cut-out audio.
 *   2. read gives the figures of all rows added so far and changes nothing: more may be added afterwards. How rows were cut into add() calls never changes a figure.
 *   3. What has nothing to rest on is 0, the level at least -120 dB. Any finite rows give finite figures.
 *   4. Up to exact_frames rows everything is exact. Beyond, percentiles come from histograms of bounded size (see PROSODY_LOUDNESS_ERROR and PROSODY_PITCH_ERROR_ST), and
 *      slopes, extrema and loudness peaks are found in consecutive blocks of exact_frames rows and pooled; the rest stays exact.
 *   5. Memory is allocated in create only, 16 bytes for each of exact_frames and 190 KiB; that of the histograms is not touched before they are needed. One thread at a time,
 *      as for states.
 */
typedef struct prosody_functionals prosody_functionals;

#define PROSODY_EGEMAPS_COLUMNS 26          /* of a row: 25 unsmoothed descriptors in openSMILE's order and the mean square */
#define PROSODY_FUNCTIONALS_MIN_EXACT 64u
#define PROSODY_FUNCTIONALS_MAX_EXACT 8640000u  /* a day */
#define PROSODY_LOUDNESS_ERROR 0.001f       /* of percentiles beyond exact_frames: share of the value, for loudness in 0.0001 .. 1000 */
#define PROSODY_PITCH_ERROR_ST 0.005f       /* likewise, semitones, for F0 in 0 .. 64 semitones above 27.5 Hz */

/* exact_frames: PROSODY_FUNCTIONALS_MIN_EXACT .. PROSODY_FUNCTIONALS_MAX_EXACT. */
int prosody_functionals_create(size_t exact_frames, prosody_functionals **out);
int prosody_functionals_reset(prosody_functionals *f);
void prosody_functionals_destroy(prosody_functionals *f);
size_t prosody_functionals_bytes(const prosody_functionals *f);

/* Adds `count` rows of PROSODY_EGEMAPS_COLUMNS floats that begin `stride` floats apart. PROSODY_ERR_ROW when one holds a NaN or an infinity: then none is taken. */
int prosody_functionals_add(prosody_functionals *f, const float *rows, size_t stride, size_t count);

/* Writes prosody_functional_count() figures of everything added so far. */
int prosody_functionals_read(const prosody_functionals *f, float *out);

/* Number, names (openSMILE's) and units of the figures, in order; NULL past the end. */
size_t prosody_functional_count(void);
const char *prosody_functional_name(size_t index);
const char *prosody_functional_unit(size_t index);

/* Smooths rows as openSMILE's low-level descriptors are: columns 0-9 by the mean of 3 rows (the edge row repeated), 10-24 by the mean of those of the 3 that are not zero,
 * zero staying zero. Writes `count` rows of PROSODY_EGEMAPS_COLUMNS - 1 floats, without gaps between them. */
int prosody_lld_smooth(const float *rows, size_t stride, size_t count, float *out);

const char *prosody_strerror(int error);
const char *prosody_version(void);

/* SIMD levels, best first: "x86-64-v4", "x86-64-v3", "x86-64-v2", "portable"; name returns NULL past the end. */
const char *prosody_simd_name(size_t index);
int prosody_simd_available(const char *level);
const char *prosody_simd_level(const prosody_state *state);

#ifdef __cplusplus
}
#endif
#endif
