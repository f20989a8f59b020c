/* test_level_main.c - runs the tests of one SIMD level where the machine has it; 77 tells meson that they were skipped. */
#include <stdio.h>

#include "prosody.h"

int test_level(void);

int main(void) {
    if (!prosody_simd_available(PROSODY_LEVEL_STRING)) {
        printf("%s is not available on this machine\n", PROSODY_LEVEL_STRING);
        return 77;
    }
    return test_level();
}
