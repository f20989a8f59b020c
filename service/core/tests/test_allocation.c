/* test_allocation.c - memory is allocated in create only, its failure is reported, and all of it is given back. Linked with malloc and its kin wrapped. */
#include <string.h>

#include "check.h"
#include "prosody.h"

static size_t allocations, releases;
static int fail_from = -1; /* allocations from this one on fail; -1: none */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *memory);

static int fails(void) {
    return fail_from >= 0 && allocations >= (size_t)fail_from;
}

void *__wrap_malloc(size_t size) {
    const int refuse = fails();
    allocations++;
    return refuse ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    const int refuse = fails();
    allocations++;
    return refuse ? NULL : __real_calloc(count, size);
}

/* Nothing here may use these. */
void *__wrap_realloc(void *memory, size_t size) {
    (void)memory, (void)size;
    abort();
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
    (void)memory, (void)alignment, (void)size;
    abort();
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    (void)alignment, (void)size;
    abort();
}

void __wrap_free(void *memory) {
    releases += memory != NULL;
    __real_free(memory);
}

static void test_state(const float *x, size_t count) {
    static float rows[200 * 64];
    prosody_config config;
    prosody_state *state = NULL;
    prosody_config_init(&config, 16000);
    config.sets = PROSODY_SET_SIGNALS | PROSODY_SET_EGEMAPS;
    config.reserve_frames = 40;
    CHECK(prosody_create(&config, &state) == PROSODY_OK, "create");
    const size_t needed = allocations;
    CHECK(needed > 0, "the wrapper sees allocations");
    for (int round = 0; round < 3; round++) {
        for (size_t done = 0; done < count;) {
            const float *chunk = x + done;
            size_t taken = count - done;
            if (round == 2)
                CHECK(prosody_advance(&state, &chunk, &taken, 1, NULL) == PROSODY_OK, "advance");
            else
                taken = (size_t)prosody_accept(state, chunk, taken);
            const ptrdiff_t got = prosody_read(state, rows, 200);
            CHECK(taken <= count - done && got >= 0, "round %d", round);
            done += taken;
        }
        prosody_finish(state);
        prosody_read(state, rows, 200);
        prosody_reset(state);
    }
    CHECK(allocations == needed, "%zu allocations after create", allocations - needed);
    prosody_destroy(state);
    CHECK(releases == needed, "%zu of %zu given back", releases, needed);

    for (size_t at = 0; at < needed; at++) {
        allocations = releases = 0;
        fail_from = (int)at;
        state = (prosody_state *)rows;
        CHECK(prosody_create(&config, &state) == PROSODY_ERR_MEMORY, "allocation %zu fails", at);
        CHECK(state == NULL, "no state is given out");
        CHECK(releases == at, "%zu of %zu given back after failure", releases, at);
    }
}

/* Samples stand in for rows. */
static void test_functionals(const float *x, size_t count) {
    static float figures[88], lld[100 * PROSODY_EGEMAPS_COLUMNS];
    prosody_functionals *f = NULL;
    allocations = releases = 0;
    fail_from = -1;
    CHECK(prosody_functionals_create(PROSODY_FUNCTIONALS_MIN_EXACT, &f) == PROSODY_OK, "create");
    const size_t needed = allocations;
    for (int round = 0; round < 3; round++) {
        CHECK(prosody_functionals_add(f, x, PROSODY_EGEMAPS_COLUMNS, count / PROSODY_EGEMAPS_COLUMNS) == PROSODY_OK, "round %d", round);
        CHECK(prosody_functionals_read(f, figures) == PROSODY_OK, "round %d", round);
        CHECK(prosody_lld_smooth(x, PROSODY_EGEMAPS_COLUMNS, 100, lld) == PROSODY_OK, "round %d", round);
        prosody_functionals_reset(f);
    }
    CHECK(allocations == needed, "%zu allocations after create", allocations - needed);
    prosody_functionals_destroy(f);
    CHECK(releases == needed, "%zu of %zu given back", releases, needed);

    for (size_t at = 0; at < needed; at++) {
        allocations = releases = 0;
        fail_from = (int)at;
        f = (prosody_functionals *)figures;
        CHECK(prosody_functionals_create(PROSODY_FUNCTIONALS_MIN_EXACT, &f) == PROSODY_ERR_MEMORY, "allocation %zu fails", at);
        CHECK(f == NULL && releases == at, "%zu of %zu given back after failure", releases, at);
    }
}

int main(void) {
    uint64_t random = check_start("allocation");
    static float x[16000];
    for (size_t n = 0; n < 16000; n++)
        x[n] = random_sample(&random);
    test_state(x, 16000);
    test_functionals(x, 16000);
    return check_end();
}
