/* check.h - what the unit tests share: a check that counts failures, and seeded random numbers.
 *
 * A test program prints its seed, goes on after a failed check, and returns 1 if any failed. PROSODY_TEST_SEED repeats a run.
 */
#ifndef PROSODY_CHECK_H
#define PROSODY_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int check_failures;
static uint64_t check_seed;

#define CHECK(condition, ...)                                                              \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            if (check_failures++ < 20) {                                                   \
                fprintf(stderr, "%s:%d: %s is false: ", __FILE__, __LINE__, #condition);   \
                fprintf(stderr, __VA_ARGS__);                                              \
                fprintf(stderr, " (seed %llu)\n", (unsigned long long)check_seed);         \
            }                                                                              \
        }                                                                                  \
    } while (0)

static inline uint64_t random_bits(uint64_t *state) { /* splitmix64, Steele et al. 2014 */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Uniform in [-1, 1). */
static inline float random_sample(uint64_t *state) {
    return (float)(int32_t)(uint32_t)random_bits(state) * (1.0f / 2147483648.0f);
}

static inline size_t random_below(uint64_t *state, size_t limit) {
    return (size_t)(random_bits(state) % limit);
}

static inline uint64_t check_start(const char *name) {
    const char *text = getenv("PROSODY_TEST_SEED");
    check_seed = text == NULL ? 20261122u : strtoull(text, NULL, 10);
    printf("%s: seed %llu\n", name, (unsigned long long)check_seed);
    return check_seed;
}

static inline int check_end(void) {
    printf(check_failures == 0 ? "passed\n" : "%d checks failed\n", check_failures);
    return check_failures != 0;
}

#endif
