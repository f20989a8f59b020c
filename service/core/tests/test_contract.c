/* test_contract.c - prosody.h as written: errors, sizes, order of calls, chunking, on every SIMD level of this machine. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "prosody.h"

#define SECONDS 2
#define MAX_SAMPLES (16000 * SECONDS)
#define MAX_FRAMES (100 * SECONDS)
#define MAX_COLUMNS 64
#define EVERY_SET (PROSODY_SET_SIGNALS | PROSODY_SET_EGEMAPS)

static uint32_t sets = PROSODY_SET_SIGNALS; /* of the states that are opened now */
static uint32_t reserve;                    /* and their reserve_frames */

static float rows_a[MAX_FRAMES * MAX_COLUMNS], rows_b[MAX_FRAMES * MAX_COLUMNS];

static prosody_state *open_state(int32_t rate_hz, const char *simd) {
    prosody_config config;
    prosody_state *state = NULL;
    CHECK(prosody_config_init(&config, rate_hz) == PROSODY_OK, "rate %d", rate_hz);
    config.simd = simd;
    config.sets = sets;
    config.reserve_frames = reserve;
    CHECK(prosody_create(&config, &state) == PROSODY_OK, "level %s", simd);
    return state;
}

/* A buzz with noise and pauses. */
static void make_voice(float *x, int32_t rate_hz, size_t count, uint64_t *random) {
    for (size_t n = 0; n < count; n++) {
        const double t = (double)n / rate_hz;
        double sum = 0.02 * random_sample(random);
        for (int h = 1; h < 12; h++)
            sum += 0.05 * sin(6.283185307 * h * 130 * t);
        x[n] = fmod(t, 0.8) > 0.6 ? 0.0f : (float)sum;
    }
}

/* Streams x in chunks of random size (or whole, for max_chunk 0); returns the number of frames. */
static size_t stream(prosody_state *state, const float *x, size_t count, size_t max_chunk, uint64_t *random, float *rows) {
    size_t done = 0, frames = 0;
    while (done < count) {
        size_t chunk = max_chunk == 0 ? count - done : random_below(random, max_chunk + 1);
        chunk = chunk < count - done ? chunk : count - done;
        const ptrdiff_t due = prosody_frames_after(state, chunk);
        ptrdiff_t taken = prosody_accept(state, x + done, chunk);
        CHECK(taken >= 0 && (size_t)taken <= chunk, "accept gave %td of %zu", taken, chunk);
        if (taken < 0)
            return frames;
        done += (size_t)taken;
        const ptrdiff_t ready = prosody_frames_ready(state);
        CHECK(due == prosody_frames_after(state, chunk - (size_t)taken) && ((size_t)taken < chunk || due == ready), "%td frames were due, %td are ready", due, ready);
        const size_t want = max_chunk == 0 ? MAX_FRAMES : random_below(random, 40);
        const ptrdiff_t got = prosody_read(state, rows + frames * prosody_columns(sets), want < MAX_FRAMES - frames ? want : MAX_FRAMES - frames);
        CHECK(got >= 0 && got <= ready, "read gave %td of %td", got, ready);
        frames += (size_t)got;
    }
    for (ptrdiff_t held = 1; held > 0 || prosody_frames_ready(state) > 0;) {
        held = prosody_finish(state);
        CHECK(held >= 0, "finish gave %td", held);
        CHECK(prosody_frames_after(state, 0) == held + prosody_frames_ready(state), "what is left does not add up");
        frames += (size_t)prosody_read(state, rows + frames * prosody_columns(sets), MAX_FRAMES - frames);
        if (frames == MAX_FRAMES)
            break;
    }
    return frames;
}

static void test_chunking(int32_t rate_hz, const char *simd, uint64_t *random) {
    static float x[MAX_SAMPLES];
    const size_t count = (size_t)rate_hz * SECONDS - random_below(random, 400);
    make_voice(x, rate_hz, count, random);
    prosody_state *state = open_state(rate_hz, simd);
    const size_t expected = count / prosody_hop(state);
    CHECK(stream(state, x, count, 0, random, rows_a) == expected, "%zu samples", count);
    const size_t sizes[] = {1, 30, 200, 1700, 30000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (i == 2) { /* a reserve never changes a row */
            prosody_destroy(state);
            reserve = 1 + (uint32_t)random_below(random, 200);
            state = open_state(rate_hz, simd);
            reserve = 0;
        }
        CHECK(prosody_reset(state) == PROSODY_OK, "reset");
        CHECK(stream(state, x, count, sizes[i], random, rows_b) == expected, "chunks up to %zu", sizes[i]);
        CHECK(memcmp(rows_a, rows_b, expected * prosody_columns(sets) * sizeof(float)) == 0, "%s at %d Hz, chunks up to %zu", simd, rate_hz, sizes[i]);
    }
    for (size_t i = 0; i < expected * prosody_columns(sets); i++)
        CHECK(isfinite(rows_a[i]), "column %s of frame %zu", prosody_column_name(sets, i % prosody_columns(sets)), i / prosody_columns(sets));
    prosody_destroy(state);
}

/* Streams advanced together give the rows that each gives alone. */
#define STREAMS 5
static void test_advance(int32_t rate_hz, const char *simd, uint64_t *random) {
    static float x[STREAMS][MAX_SAMPLES];
    prosody_state *states[STREAMS];
    size_t total[STREAMS], done[STREAMS] = {0}, frames[STREAMS] = {0}, counts[STREAMS], left = 1;
    static float rows[STREAMS][MAX_FRAMES * MAX_COLUMNS];
    const size_t columns = prosody_columns(sets);
    for (int i = 0; i < STREAMS; i++) {
        total[i] = (size_t)rate_hz * SECONDS - random_below(random, 9000);
        make_voice(x[i], rate_hz, total[i], random);
        states[i] = open_state(rate_hz, simd);
    }
    while (left > 0) {
        const float *chunks[STREAMS];
        left = 0;
        for (int i = 0; i < STREAMS; i++) {
            counts[i] = random_below(random, (size_t)rate_hz / 3);
            counts[i] = counts[i] < total[i] - done[i] ? counts[i] : total[i] - done[i];
            chunks[i] = x[i] + done[i];
        }
        CHECK(prosody_advance(states, chunks, counts, STREAMS, NULL) == PROSODY_OK, "advance");
        for (int i = 0; i < STREAMS; i++) {
            done[i] += counts[i];
            left += total[i] - done[i];
            frames[i] += (size_t)prosody_read(states[i], rows[i] + frames[i] * columns, MAX_FRAMES - frames[i]);
        }
    }
    for (int i = 0; i < STREAMS; i++) {
        for (ptrdiff_t held = 1; held > 0;) {
            held = prosody_finish(states[i]);
            frames[i] += (size_t)prosody_read(states[i], rows[i] + frames[i] * columns, MAX_FRAMES - frames[i]);
        }
        prosody_reset(states[i]);
        const size_t expected = stream(states[i], x[i], total[i], 0, random, rows_a);
        CHECK(frames[i] == expected, "%zu frames, not %zu", frames[i], expected);
        CHECK(memcmp(rows[i], rows_a, expected * columns * sizeof(float)) == 0, "stream %d of a batch on %s at %d Hz", i, simd, rate_hz);
        prosody_destroy(states[i]);
    }
}

/* One bad stream, and none of a batch has moved. */
static void test_advance_errors(void) {
    static float x[3][800];
    const float *chunks[3] = {x[0], x[1], x[2]};
    prosody_state *states[3] = {open_state(8000, NULL), open_state(16000, NULL), open_state(8000, "portable")};
    size_t counts[3] = {800, 800, 800}, refused = 99;
    CHECK(prosody_advance(states, chunks, counts, 0, &refused) == PROSODY_OK && prosody_advance(NULL, NULL, NULL, 0, NULL) == PROSODY_OK, "no streams");
    CHECK(prosody_advance(NULL, chunks, counts, 3, &refused) == PROSODY_ERR_ARGUMENT, "null states");
    CHECK(prosody_advance(states, chunks, NULL, 3, &refused) == PROSODY_ERR_ARGUMENT, "null counts");
    x[2][799] = NAN;
    CHECK(prosody_advance(states, chunks, counts, 3, &refused) == PROSODY_ERR_SAMPLE && refused == 2, "stream %zu", refused);
    x[2][799] = 0.0f;
    chunks[1] = NULL;
    CHECK(prosody_advance(states, chunks, counts, 3, &refused) == PROSODY_ERR_ARGUMENT && refused == 1, "stream %zu", refused);
    chunks[1] = x[1];
    CHECK(prosody_advance(states, chunks, counts, 3, NULL) == PROSODY_OK && counts[0] == 800 && counts[1] == 800, "streams of several kinds");
    CHECK(prosody_finish(states[0]) == 0 && prosody_frames_ready(states[0]) == 10 && prosody_finish(states[1]) == 0 && prosody_frames_ready(states[1]) == 5,
          "each took its samples once");
    CHECK(prosody_advance(states, chunks, counts, 3, &refused) == PROSODY_ERR_FINISHED && refused == 0, "stream %zu", refused);
    for (int i = 0; i < 3; i++)
        prosody_destroy(states[i]);
}

static void test_errors(void) {
    prosody_config config;
    prosody_state *state = NULL;
    CHECK(prosody_config_init(NULL, 8000) == PROSODY_ERR_ARGUMENT, "null");
    CHECK(prosody_config_init(&config, 44100) == PROSODY_ERR_RATE, "rate");
    CHECK(prosody_create(&config, &state) == PROSODY_ERR_RATE && state == NULL, "rate");
    prosody_config_init(&config, 8000);
    CHECK(prosody_create(&config, NULL) == PROSODY_ERR_ARGUMENT, "null out");
    CHECK(prosody_create(NULL, &state) == PROSODY_ERR_ARGUMENT, "null config");
    config.simd = "x86-64-v9";
    CHECK(prosody_create(&config, &state) == PROSODY_ERR_SIMD, "level");
    config.simd = NULL;
    const float ranges[][2] = {{NAN, 500}, {60, NAN}, {10, 500}, {60, 5000}, {300, 100}, {-INFINITY, INFINITY}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        config.f0_min_hz = ranges[i][0], config.f0_max_hz = ranges[i][1];
        CHECK(prosody_create(&config, &state) == PROSODY_ERR_ARGUMENT && state == NULL, "range %zu", i);
    }
    prosody_config_init(&config, 8000);
    const uint32_t bad_sets[] = {0, 4, 7, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad_sets / sizeof bad_sets[0]; i++) {
        config.sets = bad_sets[i];
        CHECK(prosody_create(&config, &state) == PROSODY_ERR_ARGUMENT && state == NULL, "sets %u", bad_sets[i]);
    }
    config.sets = EVERY_SET, config.reserve_frames = UINT32_MAX;
    CHECK(prosody_create(&config, &state) == PROSODY_ERR_ARGUMENT && state == NULL, "reserve");
    CHECK(prosody_accept(NULL, rows_a, 1) == PROSODY_ERR_ARGUMENT, "null state");
    CHECK(prosody_accept_i16(NULL, NULL, 0) == PROSODY_ERR_ARGUMENT, "null state");
    CHECK(prosody_read(NULL, rows_a, 1) == PROSODY_ERR_ARGUMENT, "null state");
    CHECK(prosody_finish(NULL) == PROSODY_ERR_ARGUMENT && prosody_reset(NULL) == PROSODY_ERR_ARGUMENT, "null state");
    CHECK(prosody_frames_after(NULL, 1) == PROSODY_ERR_ARGUMENT, "null state");
    CHECK(prosody_frames_ready(NULL) == PROSODY_ERR_ARGUMENT && prosody_hop(NULL) == 0 && prosody_state_bytes(NULL) == 0, "null state");
    CHECK(prosody_simd_level(NULL) == NULL && !prosody_simd_available(NULL), "null state");
    prosody_destroy(NULL);

    state = open_state(8000, NULL);
    CHECK(prosody_accept(state, NULL, 5) == PROSODY_ERR_ARGUMENT && prosody_read(state, NULL, 5) == PROSODY_ERR_ARGUMENT, "null buffer");
    CHECK(prosody_accept(state, NULL, 0) == 0 && prosody_read(state, NULL, 0) == 0, "empty buffer");
    CHECK(prosody_frames_after(state, SIZE_MAX) == PROSODY_ERR_ARGUMENT && prosody_frames_after(state, 0) == 0, "frames after too many samples, and after none");
    CHECK(prosody_finish(state) == 0 && prosody_frames_ready(state) == 0, "an empty stream has no frames");
    CHECK(prosody_accept(state, rows_a, 1) == PROSODY_ERR_FINISHED && prosody_accept_i16(state, NULL, 0) == PROSODY_ERR_FINISHED, "finished");
    CHECK(prosody_reset(state) == PROSODY_OK && prosody_accept(state, rows_a, 1) == 1, "reset");
    prosody_destroy(state);
}

static void test_refusal(const char *simd) {
    const float bad[] = {NAN, INFINITY, -INFINITY, 256.5f, -1e38f};
    prosody_state *state = open_state(8000, simd);
    static float x[999];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (size_t at = 0; at < 999; at += 83) {
            memset(x, 0, sizeof x);
            x[at] = bad[i];
            CHECK(prosody_accept(state, x, 999) == PROSODY_ERR_SAMPLE, "%g at %zu", (double)bad[i], at);
            CHECK(prosody_find_bad(x, 999) == at, "%g at %zu", (double)bad[i], at);
        }
    memset(x, 0, sizeof x);
    x[5] = PROSODY_MAX_ABS;
    CHECK(prosody_find_bad(x, 999) == 999 && prosody_accept(state, x, 999) == 999, "the largest good sample");
    CHECK(prosody_finish(state) == 0 && prosody_frames_ready(state) == 12, "only good samples were taken");
    prosody_destroy(state);
}

static void test_queue(void) {
    prosody_state *state = open_state(8000, NULL);
    static int16_t x[8000 * 3];
    const ptrdiff_t taken = prosody_accept_i16(state, x, 24000);
    CHECK(taken > 0 && taken < 24000, "an unread queue takes %td of 24000", taken);
    CHECK(prosody_accept_i16(state, x, 24000) == 0, "a full queue takes nothing");
    const ptrdiff_t ready = prosody_frames_ready(state);
    CHECK(ready > 0 && prosody_read(state, rows_a, 1) == 1 && prosody_frames_ready(state) == ready - 1, "ready %td", ready);
    CHECK(prosody_accept_i16(state, x, 24000) == 80, "room for one frame takes one hop");
    CHECK(prosody_finish(state) > 0, "frames are held back while the queue is full");
    prosody_destroy(state);
}

/* What was taken is measured at once: reading makes room, but no frame appears without a sample. */
static void test_no_backlog(void) {
    prosody_state *state = open_state(16000, NULL);
    static int16_t x[32000];
    CHECK(prosody_accept_i16(state, x, 32000) > 0, "accept");
    CHECK(prosody_read(state, rows_a, MAX_FRAMES) > 0 && prosody_frames_ready(state) == 0, "read");
    CHECK(prosody_accept_i16(state, x, 0) == 0 && prosody_frames_ready(state) == 0, "frames were left behind");
    prosody_destroy(state);
}

/* Integers are samples of 1 / 32768. */
static void test_integers(uint64_t *random) {
    static int16_t integers[9600];
    static float floats[9600];
    prosody_state *state = open_state(8000, NULL);
    for (size_t n = 0; n < 9600; n++) {
        integers[n] = (int16_t)random_bits(random);
        floats[n] = (float)integers[n] / 32768.0f;
    }
    const ptrdiff_t taken = prosody_accept_i16(state, integers, 9600), ready = prosody_read(state, rows_a, MAX_FRAMES);
    prosody_reset(state);
    CHECK(prosody_accept(state, floats, 9600) == taken && prosody_read(state, rows_b, MAX_FRAMES) == ready && ready > 0, "taken %td", taken);
    CHECK(memcmp(rows_a, rows_b, (size_t)ready * prosody_columns(sets) * sizeof(float)) == 0, "integers and floats differ");
    prosody_destroy(state);
}

static void test_names(void) {
    for (sets = PROSODY_SET_SIGNALS; sets <= EVERY_SET; sets++) {
        CHECK(prosody_columns(sets) > 0 && prosody_columns(sets) <= MAX_COLUMNS, "columns");
        for (size_t c = 0; c < prosody_columns(sets); c++) {
            CHECK(prosody_column_name(sets, c) != NULL && prosody_column_unit(sets, c) != NULL, "column %zu", c);
            for (size_t d = 0; d < c; d++)
                CHECK(strcmp(prosody_column_name(sets, c), prosody_column_name(sets, d)) != 0, "columns %zu and %zu", c, d);
        }
        CHECK(prosody_column_name(sets, prosody_columns(sets)) == NULL && prosody_column_unit(sets, SIZE_MAX) == NULL, "past the end");
    }
    CHECK(prosody_columns(EVERY_SET) == prosody_columns(PROSODY_SET_SIGNALS) + PROSODY_EGEMAPS_COLUMNS, "a row holds one set after the other");
    CHECK(prosody_columns(0) == 0 && prosody_column_name(0, 0) == NULL, "no set");
    sets = PROSODY_SET_SIGNALS;
    for (int code = PROSODY_ERR_ROW; code <= 0; code++)
        CHECK(strcmp(prosody_strerror(code), prosody_strerror(-99)) != 0, "error %d has no text", code);
    CHECK(prosody_simd_name(99) == NULL && prosody_simd_available("portable"), "levels");
    CHECK(prosody_version()[0] != '\0', "version");
}

/* What a server pays for each channel. */
static void test_size(void) {
    for (sets = PROSODY_SET_SIGNALS; sets <= EVERY_SET; sets++)
        for (int32_t rate_hz = 8000; rate_hz <= 16000; rate_hz += 8000) {
            prosody_state *state = open_state(rate_hz, NULL);
            CHECK(prosody_state_bytes(state) <= 64 * 1024, "a state holds %zu bytes", prosody_state_bytes(state));
            prosody_destroy(state);
        }
    sets = PROSODY_SET_SIGNALS;
}

int main(void) {
    uint64_t random = check_start("contract");
    test_errors();
    test_names();
    test_size();
    test_advance_errors();
    test_queue();
    test_no_backlog();
    test_integers(&random);
    for (size_t i = 0; prosody_simd_name(i) != NULL; i++) {
        if (!prosody_simd_available(prosody_simd_name(i))) {
            printf("%s is not available here\n", prosody_simd_name(i));
            continue;
        }
        test_refusal(prosody_simd_name(i));
        for (sets = PROSODY_SET_SIGNALS; sets <= EVERY_SET; sets++)
            for (int32_t rate_hz = 8000; rate_hz <= 16000; rate_hz += 8000) {
                test_chunking(rate_hz, prosody_simd_name(i), &random);
                test_advance(rate_hz, prosody_simd_name(i), &random);
            }
        sets = PROSODY_SET_SIGNALS;
    }
    return check_end();
}
