/* fuzz_input.h - what the harnesses share: bytes of the fuzzer as numbers, random numbers seeded from them, and a check that ends the run.
 *
 * A harness reads its input as a programme of calls. Past the end every number is 0, so that any prefix of an input is an input.
 */
#ifndef PROSODY_FUZZ_INPUT_H
#define PROSODY_FUZZ_INPUT_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Unlike assert, it stays in release builds and says more. */
#define REQUIRE(condition, ...)                                                      \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "%s:%d: %s is false: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__);                                            \
            fprintf(stderr, "\n");                                                   \
            abort();                                                                 \
        }                                                                            \
    } while (0)

typedef struct fuzz_input {
    const uint8_t *at, *end;
} fuzz_input;

static inline uint32_t take(fuzz_input *in, int bytes) {
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint32_t)(in->at < in->end ? *in->at++ : 0) << (8 * i);
    return value;
}

/* splitmix64, Steele et al. 2014 */
static inline uint64_t random_bits(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline size_t random_below(uint64_t *state, size_t limit) {
    return (size_t)(random_bits(state) % limit);
}

/* Uniform in [-1, 1). */
static inline float random_sample(uint64_t *state) {
    return (float)(int32_t)(uint32_t)random_bits(state) * (1.0f / 2147483648.0f);
}

/* A float of one or five bytes: often one that has broken analysers before, sometimes any bit pattern. */
static inline float take_float(fuzz_input *in) {
    static const float named[] = {0.0f, -0.0f, 1.0f, -1.0f, 256.0f, -256.0f, 256.5f, 1e-40f, -1e-44f, 1e-19f, 1e19f, 1e-38f, 3.4e38f, -3.4e38f, 0.5f, NAN, INFINITY, -INFINITY};
    enum { NAMED = sizeof named / sizeof named[0] };
    const uint32_t kind = take(in, 1);
    if (kind < NAMED)
        return named[kind];
    if (kind >= 200)
        return (float)(kind - 228) * 0.04f;
    const uint32_t bits = take(in, 4);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
