/* main.c - times the stages over a recording. Usage: ceiling RATE LEVEL ROUNDS FILE [STAGE], FILE of float32 samples. `python -m bench.ceiling` runs it and makes the
 * table; with a STAGE only that one is run, for a profiler.
 *
 * Prints "frames N voiced V", then a line for each stage: kind, unit, name, and its CPU nanoseconds over the whole recording in each round, separated by tabs. Every round
 * runs all stages, so that ratios within a round hold on a machine that slows down.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "egemaps_columns.h"
#include "prosody.h"
#include "stages.h"

#define MAX_ROUNDS 200
#define MAX_STAGES 32
#define AT_LEAST_NS 20e6            /* a stage is repeated to fill this */

float run_core(const recording *r, uint32_t sets, float *out, size_t most);
extern const level_stages *const ceiling_levels[];

static volatile float sink;

static double cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double time_stage(const stage *s, const recording *r) {
    const double start = cpu_ns();
    int runs = 0;
    double spent;
    do {
        sink += s->run(r);
        runs++;
        spent = cpu_ns() - start;
    } while (spent < AT_LEAST_NS);
    return spent / runs;
}

static void *memory(size_t count, size_t size) {
    void *p = NULL;
    if (posix_memalign(&p, 64, count * size + 64) != 0) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    return memset(p, 0, count * size);
}

/* Samples between PAD zeros. */
static float *load(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    *count = (size_t)ftell(file) / sizeof(float);
    rewind(file);
    float *samples = (float *)memory(*count + 2 * PAD, sizeof(float)) + PAD;
    if (fread(samples, sizeof(float), *count, file) != *count) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return samples;
}

/* The rows of the core, for voicing and functionals, and the lags of its formants. */
static void prepare(recording *r) {
    float *finished = memory(r->frames, EGEMAPS_COUNT * sizeof(float)), *f0_hz = memory(r->frames + KERNEL_MAX_LANES, sizeof(float));
    size_t *voiced = memory(r->frames, sizeof(size_t));
    run_core(r, PROSODY_SET_EGEMAPS, finished, r->frames);
    for (size_t i = 0; i < r->frames; i++) {
        const float semitones = finished[i * EGEMAPS_COUNT + EGEMAPS_F0_SEMITONE];
        f0_hz[i] = semitones > 0.0f ? 27.5f * exp2f(semitones / 12.0f) : 0.0f;
        if (f0_hz[i] > 0.0f)
            voiced[r->voiced_count++] = i;
    }
    r->finished = finished;
    r->f0_hz = f0_hz;
    r->voiced = voiced;
    r->rows = memory(r->frames + KERNEL_MAX_LANES, ROW_FLOATS * sizeof(float));
    r->candidates = memory(r->frames + KERNEL_MAX_LANES, sizeof(pitch_frame));
    if (r->rate_hz != 8000) {
        float *low = (float *)memory(r->frames * 80 + 2 * PAD, sizeof(float)) + PAD;
        r->kernel->decimate(r->samples - 23 - 1000, low - 500, r->frames * 80 + 1000);
        r->low = low;
    }
    for (const stage *s = core_stages; s->name != NULL; s++)
        if (s->kind == KERNEL)
            sink += s->run(r); /* fills rows and candidates */
    r->lags = memory((r->voiced_count + KERNEL_MAX_LANES) * FORMANT_LAGS_MAX, sizeof(float));
    for (const level_stages *const *level = ceiling_levels; *level != NULL; level++)
        if (strcmp((*level)->level, r->kernel->level) == 0)
            (*level)->find_lags(r);
}

static void print_stage(const stage *s, const double *ns, int rounds) {
    static const char *const kinds[] = {"unavoidable", "kernel", "whole"}, *const units[] = {"frame", "voiced"};
    printf("%s\t%s\t%s", kinds[s->kind], units[s->unit], s->name);
    for (int i = 0; i < rounds; i++)
        printf("\t%.0f", ns[i]);
    printf("\n");
}

int main(int argc, char **argv) {
    static double ns[MAX_STAGES][MAX_ROUNDS];
    recording r = {0};
    pitch_range range;
    const stage *stages[MAX_STAGES];
    size_t samples;
    int count = 0;
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: ceiling RATE LEVEL ROUNDS FILE [STAGE]\n");
        return 2;
    }
    const int rounds = atoi(argv[3]) < MAX_ROUNDS ? atoi(argv[3]) : MAX_ROUNDS;
    r.rate_hz = atoi(argv[1]);
    r.hop = r.rate_hz / 100;
    r.kernel = prosody_kernel_find(argv[2]);
    if (r.kernel == NULL || !pitch_range_init(&range, 60, 500) || (r.rate_hz != 8000 && r.rate_hz != 16000)) {
        fprintf(stderr, "no such rate or SIMD level here: %s %s\n", argv[1], argv[2]);
        return 2;
    }
    r.range = &range;
    r.samples = r.low = load(argv[4], &samples);
    r.frames = samples / (size_t)r.hop;
    prepare(&r);
    for (const stage *s = core_stages; s->name != NULL; s++)
        stages[count++] = s;
    for (const level_stages *const *level = ceiling_levels; *level != NULL; level++)
        if (strcmp((*level)->level, argv[2]) == 0)
            for (const stage *s = (*level)->stages; s->name != NULL; s++)
                stages[count++] = s;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < count; i++)
            if (argc == 5 || strcmp(argv[5], stages[i]->name) == 0)
                ns[i][round] = time_stage(stages[i], &r);
    printf("frames\t%zu\tvoiced\t%zu\n", r.frames, r.voiced_count);
    for (int i = 0; i < count; i++)
        print_stage(stages[i], ns[i], rounds);
    return 0;
}
