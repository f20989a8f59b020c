/* fuzz_stream.c - streams of hostile samples, sizes and orders of calls (libFuzzer).
 *
 * Three states get the same samples: one as the programme says, one in cuts of its own, one together with the second through advance. Held to, on any input:
 *   - a block with a NaN, an infinity or a magnitude above PROSODY_MAX_ABS is refused whole, and what was taken is right;
 *   - whether a frame is ready depends only on how many samples were taken; n samples give floor(n / hop) frames after finish;
 *   - rows are finite and, to the bit, the same in all three: in any cuts, as integers or as floats, alone or beside another stream;
 *   - functionals take every eGeMAPS row.
 */
#include "fuzz_input.h"
#include "prosody.h"

#define STATES 3
#define MAX_BLOCK 1024
#define MAX_SAMPLES 12288u       /* of one stream: a run has to be short */
#define MAX_FRAMES (MAX_SAMPLES / 80)
#define MAX_COLUMNS 48
#define MAX_CALLS 200

typedef struct stream {
    prosody_state *state;
    size_t read;                  /* frames */
    float rows[MAX_FRAMES * MAX_COLUMNS];
} stream;

typedef struct subject {
    stream streams[STATES];
    prosody_functionals *figures;
    uint64_t random;
    size_t taken, columns;
    uint32_t sets;
    int finished;
} subject;

static subject s; /* zeroed by each run; too large for the stack */

/* Creates the states, or none when the programme asks for what must be refused. */
static int open_streams(fuzz_input *in) {
    const uint32_t flags = take(in, 1);
    prosody_config config;
    prosody_config_init(&config, flags & 1 ? 16000 : 8000);
    config.simd = prosody_simd_name(flags >> 1 & 3);
    config.sets = s.sets = 1 + (flags >> 3) % 3;
    s.random = take(in, 2);
    if (flags & 0x40) {
        config.f0_min_hz = take_float(in) * 100;
        config.f0_max_hz = take_float(in) * 100;
        config.reserve_frames = take(in, 2);
    }
    for (int i = 0; i < STATES; i++) {
        const int code = prosody_create(&config, &s.streams[i].state);
        REQUIRE((code == PROSODY_OK) == (s.streams[i].state != NULL), "%d", code);
        REQUIRE(code == PROSODY_OK || code == PROSODY_ERR_SIMD || code == PROSODY_ERR_ARGUMENT, "%d", code);
        REQUIRE(code != PROSODY_ERR_ARGUMENT || flags & 0x40, "the defaults were refused");
        if (code != PROSODY_OK)
            return 0;
        config.reserve_frames = 0; /* never changes a row */
    }
    s.columns = prosody_columns(config.sets);
    REQUIRE(s.columns > 0 && s.columns <= MAX_COLUMNS, "%zu columns", s.columns);
    REQUIRE(prosody_functionals_create(256, &s.figures) == PROSODY_OK, "functionals");
    return 1;
}

/* Reads up to `most` frames of a stream. */
static size_t read_rows(stream *one, size_t most) {
    const ptrdiff_t ready = prosody_frames_ready(one->state);
    const size_t room = MAX_FRAMES - one->read;
    const ptrdiff_t got = prosody_read(one->state, one->rows + one->read * s.columns, most < room ? most : room);
    REQUIRE(got >= 0 && got <= ready && (size_t)got <= most, "read %td of %td", got, ready);
    one->read += (size_t)got;
    return (size_t)got;
}

/* Samples of a block, as floats and, where they are that, as integers. */
typedef struct block {
    float floats[MAX_BLOCK];
    int16_t integers[MAX_BLOCK];
    size_t count;
    int is_integer;
} block;

static void make_block(block *b, fuzz_input *in) {
    enum { HOSTILE, INTEGERS, BUZZ, NOISE, SILENCE, PULSES, KINDS };
    const uint32_t kind = take(in, 1) % KINDS;
    const float level = kind < BUZZ ? 0.0f : ldexpf(1.0f, (int)(int8_t)take(in, 1) / 8);
    const float turns = (float)(20 + take(in, 2) % 1000) / 16000.0f;
    const size_t period = 1 + take(in, 1) % 16;
    b->is_integer = kind == INTEGERS;
    b->count = (size_t)take(in, 2) % (MAX_BLOCK + 1);
    float pattern[16];
    for (size_t n = 0; n < period; n++)
        pattern[n] = kind == HOSTILE ? take_float(in) : kind == INTEGERS ? (float)(int16_t)take(in, 2) * (1.0f / 32768.0f) : 0.0f;
    for (size_t n = 0; n < b->count; n++) {
        const float phase = fmodf((float)n * turns, 1.0f);
        float x = pattern[n % period];
        if (kind == BUZZ)
            x = level * (phase < 0.1f ? 1.0f : -0.1f) + 0.001f * level * random_sample(&s.random);
        else if (kind == NOISE)
            x = level * random_sample(&s.random);
        else if (kind == PULSES)
            x = n % (period * 40) == 0 ? level : 0.0f;
        b->floats[n] = x;
        if (b->is_integer)
            b->integers[n] = (int16_t)(x * 32768.0f);
    }
}

/* Gives a whole block of good samples to one stream, in cuts, reading as it must or likes. */
static void give(stream *one, const block *b, size_t count, size_t largest_cut) {
    for (size_t done = 0; done < count;) {
        size_t cut = 1 + random_below(&s.random, largest_cut);
        cut = cut < count - done ? cut : count - done;
        const int integers = b->is_integer && random_bits(&s.random) & 1;
        const ptrdiff_t taken = integers ? prosody_accept_i16(one->state, b->integers + done, cut) : prosody_accept(one->state, b->floats + done, cut);
        REQUIRE(taken >= 0 && (size_t)taken <= cut, "%td of %zu", taken, cut);
        done += (size_t)taken;
        size_t got = 0;
        if ((size_t)taken < cut || random_bits(&s.random) & 1)
            got = read_rows(one, 1 + random_below(&s.random, 64));
        REQUIRE(taken > 0 || got > 0, "a stream neither takes nor gives");
    }
}

/* The second and third stream together, each in cuts of its own. */
static void give_together(const block *b, size_t count) {
    prosody_state *states[2] = {s.streams[1].state, s.streams[2].state};
    size_t done[2] = {0, 0};
    while (done[0] < count || done[1] < count) {
        const float *samples[2];
        size_t counts[2], asked = 0, got = 0;
        for (int i = 0; i < 2; i++) {
            counts[i] = random_below(&s.random, count - done[i] + 1);
            samples[i] = b->floats + done[i];
            asked += counts[i];
        }
        const int code = prosody_advance(states, samples, counts, 2, NULL);
        REQUIRE(code == PROSODY_OK, "%d", code);
        for (int i = 0; i < 2; i++) {
            done[i] += counts[i];
            got += read_rows(&s.streams[1 + i], 64);
        }
        REQUIRE(asked == 0 || counts[0] + counts[1] + got > 0, "two streams neither take nor give");
    }
}

/* The bad sample at `at` is refused by every way in, and nothing of its call is taken. */
static void require_refusal(const block *b, size_t at) {
    stream *one = &s.streams[0];
    while (read_rows(one, MAX_FRAMES) > 0)
        continue;
    const size_t first = at - (at < 16 ? at : 16);
    const ptrdiff_t ready = prosody_frames_ready(one->state);
    REQUIRE(prosody_accept(one->state, b->floats + first, at - first + 1) == PROSODY_ERR_SAMPLE, "sample %zu is %g", at, (double)b->floats[at]);
    REQUIRE(prosody_frames_ready(one->state) == ready, "a refused call gave frames");
    const float *samples[2] = {b->floats, b->floats + first};
    prosody_state *states[2] = {s.streams[1].state, s.streams[2].state};
    size_t counts[2] = {0, at - first + 1}, refused = 7;
    while (read_rows(&s.streams[2], MAX_FRAMES) > 0)
        continue;
    REQUIRE(prosody_advance(states, samples, counts, 2, &refused) == PROSODY_ERR_SAMPLE && refused == 1, "stream %zu was refused", refused);
}

static void add_block(fuzz_input *in) {
    static block b;
    make_block(&b, in);
    if (s.finished) {
        REQUIRE(prosody_accept(s.streams[0].state, b.floats, b.count) == PROSODY_ERR_FINISHED, "after finish");
        return;
    }
    if (b.count > MAX_SAMPLES - s.taken)
        b.count = MAX_SAMPLES - s.taken;
    const size_t good = prosody_find_bad(b.floats, b.count);
    for (size_t n = 0; n < good; n++)
        REQUIRE(fabsf(b.floats[n]) <= PROSODY_MAX_ABS, "sample %zu is %g", n, (double)b.floats[n]);
    if (good < b.count)
        require_refusal(&b, good);
    give(&s.streams[0], &b, good, MAX_BLOCK);
    if (random_bits(&s.random) & 1)
        give_together(&b, good);
    else
        for (int i = 1; i < STATES; i++)
            give(&s.streams[i], &b, good, 1 + random_below(&s.random, 400));
    s.taken += good;
    for (int i = 1; i < STATES; i++)
        REQUIRE((ptrdiff_t)s.streams[i].read + prosody_frames_ready(s.streams[i].state) == (ptrdiff_t)s.streams[0].read + prosody_frames_ready(s.streams[0].state),
                "frames of %zu samples depend on how they were cut", s.taken);
}

/* Ends all streams and compares their rows. */
static void finish(void) {
    const size_t expected = s.taken / prosody_hop(s.streams[0].state);
    for (int i = 0; i < STATES; i++) {
        ptrdiff_t held = 1;
        for (size_t got = 1; held > 0 || prosody_frames_ready(s.streams[i].state) > 0; got = read_rows(&s.streams[i], 1 + random_below(&s.random, 64))) {
            held = prosody_finish(s.streams[i].state);
            REQUIRE(held >= 0 && got > 0, "%td frames are held back for ever", held);
        }
        REQUIRE(s.streams[i].read == expected, "%zu frames of %zu samples, not %zu", s.streams[i].read, s.taken, expected);
        REQUIRE(memcmp(s.streams[i].rows, s.streams[0].rows, expected * s.columns * sizeof(float)) == 0, "rows depend on how samples were cut");
    }
    for (size_t n = 0; n < expected * s.columns; n++)
        REQUIRE(isfinite(s.streams[0].rows[n]), "%s of frame %zu is %g", prosody_column_name(s.sets, n % s.columns), n / s.columns, (double)s.streams[0].rows[n]);
    if (s.sets & PROSODY_SET_EGEMAPS) {
        const float *rows = s.streams[0].rows + s.columns - PROSODY_EGEMAPS_COLUMNS;
        float figures[128];
        REQUIRE(prosody_functionals_add(s.figures, rows, s.columns, expected) == PROSODY_OK, "functionals refuse rows of the core");
        REQUIRE(prosody_functionals_read(s.figures, figures) == PROSODY_OK, "read");
    }
    s.finished = 1;
}

static void reset(void) {
    for (int i = 0; i < STATES; i++) {
        REQUIRE(prosody_reset(s.streams[i].state) == PROSODY_OK, "reset");
        s.streams[i].read = 0;
    }
    s.taken = 0;
    s.finished = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input in = {data, data + size};
    for (int i = 0; i < STATES; i++)
        s.streams[i].state = NULL, s.streams[i].read = 0;
    s.figures = NULL;
    s.taken = 0;
    s.finished = 0;
    if (open_streams(&in)) {
        for (int calls = 0; calls < MAX_CALLS && in.at < in.end; calls++) {
            const uint32_t action = take(&in, 1) % 16;
            if (action < 13)
                add_block(&in);
            else if (action == 13)
                read_rows(&s.streams[0], take(&in, 1));
            else if (action == 14)
                finish();
            else
                reset();
        }
        if (!s.finished)
            finish();
    }
    for (int i = 0; i < STATES; i++)
        prosody_destroy(s.streams[i].state);
    prosody_functionals_destroy(s.figures);
    return 0;
}
