/* bench_kernels.c - what formants and periods cost at one SIMD level, in nanoseconds and beside the short transform that every frame pays for. Compiled for its level
 * together with the sources that it times; run by `meson test --benchmark -v`.
 *
 * The sound is a voice of four formants that move, from 90 to 190 Hz, with noise 40 dB below. Each figure is the least CPU time of 41 passes over it.
 */
#include "fft.c"
#include "formants.c"
#include "periods.c"
#include "voice_lags.c"

#include <stdio.h>
#include <time.h>

#include "egemaps_tables.h"
#include "prosody.h"

#define SECONDS 4
#define ROWS (SECONDS * 100 - 6)
#define GROUPS (ROWS / LANES)
#define PASSES 41
#define RESONANCES 4

static float samples[16000 * SECONDS], f0_hz[ROWS];
static vf short_power[FFT_HALF_MAX + 1], power[GROUPS][FFT_HALF_MAX + 1], lags[GROUPS][FORMANT_LAGS_MAX];
static vf ignored; /* takes results, so that they are worked out */

static void make_voice(int rate_hz) {
    static const float base_hz[RESONANCES] = {500, 1500, 2500, 3400}, swing_hz[RESONANCES] = {250, 500, 300, 100}, width_hz[RESONANCES] = {80, 110, 160, 220};
    double y[RESONANCES][2] = {{0}}, phase = 0;
    uint32_t noise = 1;
    for (int n = 0; n < rate_hz * SECONDS; n++) {
        const double t = (double)n / rate_hz, f0 = 140 + 50 * sin(2.1 * t);
        double x = 0;
        phase += f0 / rate_hz;
        if (phase >= 1)
            phase -= 1, x = 1;
        for (int i = 0; i < RESONANCES; i++) {
            const double hz = (double)base_hz[i] + (double)swing_hz[i] * sin((1.3 + i) * t), radius = exp(-3.14159265 * (double)width_hz[i] / rate_hz);
            x += 2 * radius * cos(6.2831853 * hz / rate_hz) * y[i][0] - radius * radius * y[i][1];
            y[i][1] = y[i][0];
            y[i][0] = x;
        }
        noise = noise * 1664525u + 1013904223u;
        samples[n] = (float)(0.02 * x + 1e-3 * ((double)(noise >> 8) / (1 << 23) - 1));
        if (n % (rate_hz / 100) == 0 && n / (rate_hz / 100) < ROWS)
            f0_hz[n / (rate_hz / 100)] = (float)f0;
    }
}

static void transform(int rate_hz) {
    fft_work work;
    const float *frames[LANES];
    const int hop = rate_hz / 100, half = rate_hz == 8000 ? 128 : 256;
    for (int g = 0; g < GROUPS; g++) {
        for (int l = 0; l < LANES; l++)
            frames[l] = samples + (g * LANES + l) * hop;
        fft_power(&work, frames, rate_hz == 8000 ? prosody_short_window8000 : prosody_short_window16000, 2 * hop, half, short_power, NULL);
        ignored += short_power[half / 2];
    }
}

static void long_transform(int rate_hz) {
    fft_work work;
    const float *frames[LANES];
    const int hop = rate_hz / 100, half = rate_hz == 8000 ? 256 : 512;
    for (int g = 0; g < GROUPS; g++) {
        for (int l = 0; l < LANES; l++)
            frames[l] = samples + (g * LANES + l) * hop;
        fft_power(&work, frames, rate_hz == 8000 ? prosody_long_window8000 : prosody_long_window16000, 6 * hop, half, power[g], NULL);
    }
}

static void clean(int rate_hz) {
    static formant_track track;
    static const int begins[LANES];
    voiced_job jobs[LANES];
    fft_work work;
    for (int g = 0; g < GROUPS; g++) {
        for (int l = 0; l < LANES; l++)
            jobs[l] = (voiced_job){.f0_hz = f0_hz[g * LANES + l], .track = &track};
        PROSODY_LEVEL_NAME(voice_lags)(rate_hz, power[g], jobs, begins, LANES, &work, lags[g]);
    }
}

static void predict_all(int rate_hz) {
    vf r[FORMANT_LAGS_MAX], a[FORMANT_LAGS_MAX];
    for (int g = 0; g < GROUPS; g++) {
        for (int i = 0; i < FORMANT_LAGS_MAX; i++)
            r[i] = lags[g][i] / lags[g][0];
        if (rate_hz == 8000)
            predict(ORDER_8000, r, a);
        else
            predict(ORDER_16000, r, a);
        ignored += a[0] + a[7];
    }
}

static void find_formants(int rate_hz) {
    vf frequency[FORMANTS], bandwidth[FORMANTS];
    for (int g = 0; g < GROUPS; g++) {
        PROSODY_LEVEL_NAME(formants)(rate_hz, lags[g], frequency, bandwidth);
        ignored += frequency[0] + bandwidth[2];
    }
}

static void follow(int rate_hz) {
    period_chain chain = {0, 0, 0, 0};
    float jitter, shimmer_db;
    for (int j = 0; j < GROUPS * LANES; j++) {
        PROSODY_LEVEL_NAME(periods)(&chain, rate_hz, samples, 0, rate_hz * SECONDS, j, f0_hz[j], &jitter, &shimmer_db);
        ignored += jitter + shimmer_db;
    }
}

static double nanoseconds(void (*work)(int rate_hz), int rate_hz) {
    double least = INFINITY;
    for (int pass = 0; pass < PASSES; pass++) {
        const clock_t start = clock();
        for (int again = 0; again < 8; again++)
            work(rate_hz);
        const double one = (double)(clock() - start) / CLOCKS_PER_SEC * 1e9 / (8.0 * GROUPS * LANES);
        least = one < least ? one : least;
    }
    return least;
}

int main(void) {
    static const struct {
        const char *name;
        void (*work)(int rate_hz);
    } parts[] = {{"short transform", transform}, {"long transform", long_transform}, {"voice lags", clean}, {"Levinson-Durbin", predict_all}, {"formants, with it", find_formants}, {"periods, per voiced row", follow}};
    if (!prosody_simd_available(PROSODY_LEVEL_STRING))
        return 77;
    for (int rate_hz = 8000; rate_hz <= 16000; rate_hz += 8000) {
        double first = 0;
        make_voice(rate_hz);
        printf("%s, %d Hz%14s%12s\n", PROSODY_LEVEL_STRING, rate_hz, "ns a frame", "transforms");
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            const double ns = nanoseconds(parts[i].work, rate_hz);
            first = i == 0 ? ns : first;
            printf("  %-24s%8.1f%12.2f\n", parts[i].name, ns, ns / first);
        }
    }
    return ignored[0] != ignored[0]; /* a voice gives numbers */
}
