/* levels.c - see levels.h. */
#include "levels.h"

#include <string.h>

#include "prosody.h"

#ifdef PROSODY_X86_LEVELS
extern const prosody_kernel prosody_kernel_v2, prosody_kernel_v3, prosody_kernel_v4;
#endif
extern const prosody_kernel prosody_kernel_portable;

static const char *const names[] = {"x86-64-v4", "x86-64-v3", "x86-64-v2", "portable"};
#define LEVEL_COUNT (sizeof names / sizeof names[0])

static const prosody_kernel *kernel_at(size_t index) {
#ifdef PROSODY_X86_LEVELS
    /* The features by name and not the level by name, which compilers know only since 2022. What the kernels use of each level is AVX-512 F/BW/DQ/VL, AVX2 with
     * FMA and BMI, SSE4.2; the rest of each level came with them in every processor. */
    __builtin_cpu_init();
    const int v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("ssse3");
    const int v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    const int v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
    switch (index) {
    case 0: return v4 ? &prosody_kernel_v4 : NULL;
    case 1: return v3 ? &prosody_kernel_v3 : NULL;
    case 2: return v2 ? &prosody_kernel_v2 : NULL;
    default: break;
    }
#endif
    return index == LEVEL_COUNT - 1 ? &prosody_kernel_portable : NULL;
}

const prosody_kernel *prosody_kernel_find(const char *level) {
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (level != NULL && strcmp(level, names[i]) != 0)
            continue;
        const prosody_kernel *kernel = kernel_at(i);
        if (kernel != NULL || level != NULL)
            return kernel;
    }
    return NULL;
}

const char *prosody_simd_name(size_t index) {
    return index < LEVEL_COUNT ? names[index] : NULL;
}

int prosody_simd_available(const char *level) {
    return level != NULL && prosody_kernel_find(level) != NULL;
}
