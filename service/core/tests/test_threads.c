/* test_threads.c - different states are independent: threads with states of their own, in step and out of step, get what one thread gets. Run under ThreadSanitizer too. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "prosody.h"

#define THREADS 4
#define SECONDS 1
#define EVERY_SET (PROSODY_SET_SIGNALS | PROSODY_SET_EGEMAPS)
#define MAX_COLUMNS 48
#define MAX_FIGURES 128

typedef struct job {
    int32_t rate_hz;
    const char *simd;
    size_t chunk;
    size_t frames;
    float rows[100 * SECONDS * MAX_COLUMNS];
    float figures[MAX_FIGURES];
} job;

static float voice[2][16000 * SECONDS]; /* at 8 and 16 kHz; only read once threads run */

static void make_voice(float *x, int rate_hz, uint64_t *random) {
    for (int n = 0; n < rate_hz * SECONDS; n++) {
        const double t = (double)n / rate_hz;
        double sum = 0.01 * random_sample(random);
        for (int h = 1; h < 12; h++)
            sum += 0.05 * sin(6.283185307 * h * (130 + 20 * t) * t);
        x[n] = (float)sum;
    }
}

/* The whole life of a state and of functionals. */
static void *work(void *argument) {
    job *j = argument;
    prosody_config config;
    prosody_state *state = NULL;
    prosody_functionals *functionals = NULL;
    const float *x = voice[j->rate_hz == 16000];
    const size_t count = (size_t)j->rate_hz * SECONDS, columns = prosody_columns(EVERY_SET), most = 100 * SECONDS;
    prosody_config_init(&config, j->rate_hz);
    config.simd = j->simd;
    config.sets = EVERY_SET;
    j->frames = 0;
    if (prosody_create(&config, &state) != PROSODY_OK || prosody_functionals_create(256, &functionals) != PROSODY_OK)
        return NULL;
    ptrdiff_t held = 1;
    for (size_t done = 0; held > 0 || prosody_frames_ready(state) > 0;) {
        const size_t cut = count - done < j->chunk ? count - done : j->chunk;
        const ptrdiff_t taken = cut > 0 ? prosody_accept(state, x + done, cut) : 0;
        if (taken < 0)
            break;
        done += (size_t)taken;
        if (done == count)
            held = prosody_finish(state);
        j->frames += (size_t)prosody_read(state, j->rows + j->frames * columns, most - j->frames);
    }
    prosody_functionals_add(functionals, j->rows + columns - PROSODY_EGEMAPS_COLUMNS, columns, j->frames);
    prosody_functionals_read(functionals, j->figures);
    prosody_functionals_destroy(functionals);
    prosody_destroy(state);
    return NULL;
}

static void test_level(int32_t rate_hz, const char *simd) {
    static job alone, jobs[THREADS];
    pthread_t threads[THREADS];
    alone = (job){.rate_hz = rate_hz, .simd = simd, .chunk = 800};
    work(&alone);
    CHECK(alone.frames == 100 * SECONDS, "%zu frames alone", alone.frames);
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){.rate_hz = rate_hz, .simd = simd, .chunk = 800 + 173 * (size_t)(i / 2)};
        CHECK(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0, "thread %d", i);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        CHECK(jobs[i].frames == alone.frames, "thread %d got %zu frames, not %zu", i, jobs[i].frames, alone.frames);
        CHECK(memcmp(jobs[i].rows, alone.rows, alone.frames * prosody_columns(EVERY_SET) * sizeof(float)) == 0, "rows of thread %d at %d Hz on %s", i, rate_hz, simd);
        CHECK(memcmp(jobs[i].figures, alone.figures, sizeof alone.figures) == 0, "figures of thread %d at %d Hz on %s", i, rate_hz, simd);
    }
}

int main(void) {
    uint64_t random = check_start("threads");
    make_voice(voice[0], 8000, &random);
    make_voice(voice[1], 16000, &random);
    for (size_t i = 0; prosody_simd_name(i) != NULL; i++)
        if (prosody_simd_available(prosody_simd_name(i))) {
            test_level(8000, prosody_simd_name(i));
            test_level(16000, prosody_simd_name(i));
        }
    return check_end();
}
