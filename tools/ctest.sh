#!/bin/sh
# Runs the C core's unit tests under AddressSanitizer and UndefinedBehaviorSanitizer (built by sanitizers.sh), then the test of threads under ThreadSanitizer,
# which excludes the others; what threads could share does not depend on the SIMD level.
set -eu
patience="--timeout-multiplier 10 --print-errorlogs"
# shellcheck disable=SC2086  # several options
meson test -C build/sanitize --no-rebuild $patience

build=build/threads
[ -d "$build" ] || meson setup "$build" -Dsimd=portable -Dbuildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false >/dev/null
# shellcheck disable=SC2086
meson test -C "$build" $patience threads
