/* test_hostile.c - any floats, sizes and orders of calls: no crash, no undefined behaviour (run under sanitizers), only finite frames, no lost samples. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "prosody.h"

#define CHUNK 4096
#define ROWS 64
#define STEPS 4000

typedef struct model {
    uint32_t sets;
    uint64_t taken;     /* samples */
    uint64_t read;      /* frames */
    int finished;
} model;

/* Kinds of signal that have broken analysers before. */
static void make_chunk(float *x, size_t count, uint64_t *random) {
    const int kind = (int)random_below(random, 8);
    for (size_t n = 0; n < count; n++) {
        const uint32_t bits = (uint32_t)random_bits(random);
        switch (kind) {
        case 0: memcpy(x + n, &bits, sizeof bits); break;                              /* any bit pattern */
        case 1: x[n] = 0.0f; break;
        case 2: x[n] = bits & 1 ? PROSODY_MAX_ABS : -PROSODY_MAX_ABS; break;
        case 3: x[n] = bits & 1 ? 1e-40f : -1e-44f; break;                              /* denormal */
        case 4: x[n] = 1.0f; break;                                                     /* mean only */
        case 5: x[n] = n % 80 == 0 ? 256.0f : 0.0f; break;                              /* pulses */
        case 6: x[n] = 1e-19f * random_sample(random); break;                           /* squares underflow */
        default: x[n] = random_sample(random); break;
        }
    }
}

static void check_rows(uint32_t sets, const float *rows, ptrdiff_t count, const char *simd) {
    const size_t columns = prosody_columns(sets);
    for (size_t i = 0; count > 0 && i < (size_t)count * columns; i++)
        CHECK(isfinite(rows[i]), "%s is %g on %s", prosody_column_name(sets, i % columns), (double)rows[i], simd);
}

static void step(prosody_state *state, model *m, uint64_t *random) {
    static float x[CHUNK], rows[ROWS * 64];
    static int16_t integers[CHUNK];
    const size_t size = random_below(random, 4) == 0 ? random_below(random, CHUNK + 1) : random_below(random, 200);
    const int action = (int)random_below(random, 20);
    if (action < 12) {
        ptrdiff_t taken;
        if (action < 9) {
            make_chunk(x, size, random);
            taken = prosody_accept(state, x, size);
        } else {
            for (size_t n = 0; n < size; n++)
                integers[n] = (int16_t)random_bits(random);
            taken = prosody_accept_i16(state, integers, size);
        }
        if (m->finished)
            CHECK(taken == PROSODY_ERR_FINISHED, "%td after finish", taken);
        else if (taken != PROSODY_ERR_SAMPLE)
            CHECK(taken >= 0 && (size_t)taken <= size, "%td of %zu", taken, size);
        m->taken += taken > 0 ? (uint64_t)taken : 0;
    } else if (action < 18) {
        const ptrdiff_t ready = prosody_frames_ready(state), got = prosody_read(state, rows, size % (ROWS + 1));
        CHECK(got >= 0 && got <= ready, "%td of %td", got, ready);
        check_rows(m->sets, rows, got, prosody_simd_level(state));
        m->read += (uint64_t)got;
        CHECK(m->read <= m->taken / prosody_hop(state), "more frames than samples");
    } else if (action == 18) {
        const ptrdiff_t held = prosody_finish(state);
        m->finished = 1;
        CHECK(held >= 0, "finish gave %td", held);
        CHECK(held > 0 || m->read + (uint64_t)prosody_frames_ready(state) == m->taken / prosody_hop(state), "frames are missing at the end");
    } else if (random_below(random, 4) == 0) {
        prosody_reset(state);
        *m = (model){m->sets, 0, 0, 0};
    }
}

int main(void) {
    uint64_t random = check_start("hostile");
    for (size_t i = 0; prosody_simd_name(i) != NULL; i++)
        for (int kind = 0; kind < 6; kind++) {
            prosody_config config;
            const int32_t rate_hz = kind % 2 ? 16000 : 8000;
            prosody_state *state;
            prosody_config_init(&config, rate_hz);
            config.simd = prosody_simd_name(i);
            config.sets = (uint32_t)(1 + kind / 2);
            if (prosody_create(&config, &state) == PROSODY_ERR_SIMD)
                continue;
            model m = {config.sets, 0, 0, 0};
            for (int n = 0; n < STEPS; n++)
                step(state, &m, &random);
            prosody_destroy(state);
        }
    return check_end();
}
