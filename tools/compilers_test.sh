#!/bin/sh
# Builds the core and its tests with gcc and with clang, warnings as errors, and runs the tests. A compiler that is not installed is named and left out.
set -eu
for compiler in gcc clang; do
    if ! command -v "$compiler" >/dev/null 2>&1; then
        echo "SKIPPED: $compiler is not installed; on Debian or Ubuntu: apt-get install $compiler"
        continue
    fi
    build=build/$compiler
    [ -d "$build" ] || CC=$compiler meson setup "$build" --werror >/dev/null
    ninja -C "$build" all meson-test-prereq >/dev/null || { ninja -C "$build" all meson-test-prereq; exit 1; }
    meson test -C "$build" --no-rebuild --timeout-multiplier 10 --print-errorlogs
done
