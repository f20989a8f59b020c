#!/bin/sh
# Builds the C core's unit tests and fuzz harnesses with AddressSanitizer and UndefinedBehaviorSanitizer into build/sanitize: by clang, which takes a third of the
# time that gcc does for the kernels, or by gcc, without the harnesses, where there is no clang.
set -eu
build=build/sanitize
if [ ! -d "$build" ]; then
    flags="-Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false"
    if command -v clang >/dev/null 2>&1; then
        # shellcheck disable=SC2086  # several flags
        CC=clang meson setup "$build" $flags -Dfuzz=true -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all' >/dev/null
    else
        # shellcheck disable=SC2086
        meson setup "$build" $flags -Dc_args=-fno-sanitize-recover=all >/dev/null
    fi
fi
ninja -C "$build" meson-test-prereq $(ninja -C "$build" -t targets all | sed -n 's/^\([^ :]*fuzz_[a-z]*\): c_LINKER$/\1/p') >"$build/ninja.log" || { cat "$build/ninja.log"; exit 1; }
