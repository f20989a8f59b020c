#!/bin/sh
# Builds the C core with AddressSanitizer and UndefinedBehaviorSanitizer and runs its unit tests; then the test of threads under ThreadSanitizer, which excludes
# the others; what threads could share does not depend on the SIMD level.
set -eu
build=build/sanitize
[ -d "$build" ] && meson setup --reconfigure "$build" >/dev/null || \
    meson setup "$build" -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
meson test -C "$build" --print-errorlogs

build=build/threads
[ -d "$build" ] && meson setup --reconfigure "$build" >/dev/null || \
    meson setup "$build" -Dsimd=portable -Dbuildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false >/dev/null
meson test -C "$build" --print-errorlogs threads
