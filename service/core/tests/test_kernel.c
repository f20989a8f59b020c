/* test_kernel.c - the kernels of one SIMD level take up to KERNEL_MAX_LANES jobs, in as many groups as their vectors need: what comes of a job is, to the bit, what comes of
 * it alone. Compiled once per level; its main is in test_level_main.c. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "kernel.h"
#include "levels.h"

#define JOBS KERNEL_MAX_LANES
#define RATE 8000
#define HOP 80
#define SAMPLES (HOP * (JOBS + 12))

static float samples[SAMPLES];

/* A voice whose F0 glides, with noise; from `silent` on nothing for a while. */
static void make_voice(uint64_t *random, size_t silent) {
    double phase = 0;
    for (size_t n = 0; n < SAMPLES; n++) {
        phase += (110.0 + 60.0 * (double)n / SAMPLES) / RATE;
        double x = 0.02 * (double)random_sample(random);
        for (int h = 1; h <= 12; h++)
            x += 0.3 / h * sin(6.283185307179586 * h * phase);
        samples[n] = n >= silent && n < silent + 6 * HOP ? 0.0f : (float)x;
    }
}

static int same_candidates(const pitch_frame *a, const pitch_frame *b) {
    const size_t held = (size_t)a->count * sizeof(float);
    return a->count == b->count && memcmp(&a->level_db, &b->level_db, 3 * sizeof(float)) == 0 && memcmp(a->log2_f0, b->log2_f0, held) == 0 &&
           memcmp(a->strength, b->strength, held) == 0 && memcmp(a->harmonicity, b->harmonicity, held) == 0;
}

static void test_pitch(const prosody_kernel *kernel, int harmonicity) {
    pitch_range range;
    pitch_frame alone[JOBS], together[JOBS];
    pitch_job jobs[JOBS];
    pitch_range_init(&range, 60.0f, 500.0f);
    for (size_t i = 0; i < JOBS; i++) {
        const pitch_job job = {samples + HOP * i, alone + i};
        kernel->pitch(&range, harmonicity, &job, 1);
        jobs[i] = (pitch_job){job.window, together + i};
        for (int c = 1; c < alone[i].count; c++)
            CHECK(alone[i].strength[c] <= alone[i].strength[c - 1], "candidate %d of frame %zu is stronger than the one before", c, i);
    }
    CHECK(alone[0].count > 0 && alone[0].count <= PITCH_CANDIDATES && alone[0].level_db > -60.0f, "%d candidates of a voice", alone[0].count);
    for (size_t count = 1; count <= JOBS; count++) {
        memset(together, 0, sizeof together);
        kernel->pitch(&range, harmonicity, jobs, count);
        for (size_t i = 0; i < count; i++)
            CHECK(same_candidates(&alone[i], &together[i]), "frame %zu of %zu is another than alone", i, count);
    }
}

/* Flux goes from each job to the next, across groups too. */
static void test_short(const prosody_kernel *kernel) {
    static float alone[JOBS][EGEMAPS_COUNT], together[JOBS][EGEMAPS_COUNT];
    float before[EGEMAPS_FLUX_BINS] = {0.25f}, after[EGEMAPS_FLUX_BINS], passed[EGEMAPS_FLUX_BINS];
    memcpy(passed, before, sizeof passed);
    for (size_t i = 0; i < JOBS; i++) {
        const egemaps_job job = {samples + HOP * i, passed, passed, alone[i]};
        kernel->egemaps_short(RATE, &job, 1);
    }
    for (size_t count = 1; count <= JOBS; count++) {
        egemaps_job jobs[JOBS];
        for (size_t i = 0; i < count; i++)
            jobs[i] = (egemaps_job){samples + HOP * i, i == 0 ? before : NULL, i + 1 == count ? after : NULL, together[i]};
        kernel->egemaps_short(RATE, jobs, count);
        for (size_t i = 0; i < count; i++)
            for (int c = 0; c < EGEMAPS_SHORT_COUNT; c++)
                CHECK(memcmp(&alone[i][c], &together[i][c], sizeof(float)) == 0, "column %d of frame %zu of %zu: %g, alone %g", c, i, count, (double)together[i][c], (double)alone[i][c]);
    }
    CHECK(memcmp(after, passed, 129 * sizeof(float)) == 0, "the last magnitudes are others");
}

/* Two streams, whose formant tracks go on from group to group. */
static void test_long(const prosody_kernel *kernel) {
    static float alone[JOBS][EGEMAPS_COUNT], together[JOBS][EGEMAPS_COUNT];
    formant_track tracks[2], tracks_alone[2];
    voiced_job jobs[JOBS];
    memset(tracks, 0, sizeof tracks);
    tracks[0].next = tracks[1].next = -1;
    memcpy(tracks_alone, tracks, sizeof tracks);
    for (size_t i = 0; i < JOBS; i++) {
        jobs[i] = (voiced_job){samples + HOP * i, 110.0f + 3.0f * (float)i, (int64_t)i, &tracks[i >= 7], together[i]};
        voiced_job job = jobs[i];
        job.track = &tracks_alone[i >= 7];
        job.row = alone[i];
        kernel->egemaps_long(RATE, &job, 1);
    }
    kernel->egemaps_long(RATE, jobs, JOBS);
    for (size_t i = 0; i < JOBS; i++)
        for (int c = EGEMAPS_HNR; c < EGEMAPS_MEAN_SQUARE; c++)
            CHECK(memcmp(&alone[i][c], &together[i][c], sizeof(float)) == 0, "column %d of row %zu: %g, alone %g", c, i, (double)together[i][c], (double)alone[i][c]);
    CHECK(memcmp(tracks, tracks_alone, sizeof tracks) == 0, "the tracks are others");
}

/* Called by main once the machine is known to have the level. */
int test_level(void);

int test_level(void) {
    uint64_t random = check_start("kernel " PROSODY_LEVEL_STRING);
    const prosody_kernel *kernel = prosody_kernel_find(PROSODY_LEVEL_STRING);
    CHECK(kernel != NULL, "no kernel for " PROSODY_LEVEL_STRING);
    const size_t silent[] = {SAMPLES, 0, 9 * HOP};
    for (size_t i = 0; kernel != NULL && i < sizeof silent / sizeof *silent; i++) {
        make_voice(&random, silent[i]);
        if (silent[i] > 0)
            test_pitch(kernel, 0);
        if (silent[i] > 0)
            test_pitch(kernel, 1);
        test_short(kernel);
        test_long(kernel);
    }
    return check_end();
}
