#!/bin/sh
# Builds the C core's unit tests and fuzz harnesses with AddressSanitizer and UndefinedBehaviorSanitizer into build/sanitize: by clang, which takes a third of the
# time that gcc does for the kernels, or by gcc, without the harnesses, where there is no clang with its runtime.
set -eu
build=build/sanitize
flags="-Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false"
harness='#include <stddef.h>
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t count) { return count > 9 && data[0] > 1; }'

clang_can_fuzz() {
    try=$(mktemp)
    printf '%s\n' "$harness" | clang -x c -fsanitize=fuzzer,address,undefined -o "$try" - 2>/dev/null || { rm -f "$try"; return 1; }
    rm -f "$try"
}

if [ ! -d "$build" ]; then
    # shellcheck disable=SC2086  # several flags
    if clang_can_fuzz; then
        CC=clang meson setup "$build" $flags -Dfuzz=true -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all' >/dev/null
    else
        meson setup "$build" $flags -Dc_args=-fno-sanitize-recover=all >/dev/null
    fi
fi
harnesses=$(ninja -C "$build" -t targets all | sed -n 's/^\([^ :]*fuzz_[a-z]*\): c_LINKER$/\1/p')
# shellcheck disable=SC2086  # several targets
ninja -C "$build" meson-test-prereq $harnesses >"$build/ninja.log" || { cat "$build/ninja.log"; exit 1; }
