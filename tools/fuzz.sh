#!/bin/sh
# Fuzzes the C core under AddressSanitizer and UndefinedBehaviorSanitizer for a bounded time, from the seeds in service/core/fuzz/corpus. Usage: fuzz.sh [SECONDS]
# What breaks is left in build/fuzz/, with the command that repeats it.
set -eu
seconds=${1:-60}
build=build/fuzz
harnesses="functionals stream"
if ! command -v clang >/dev/null 2>&1; then
    echo "SKIPPED: the fuzz harnesses need clang; on Debian or Ubuntu: apt-get install clang"
    exit 0
fi
[ -d "$build" ] || CC=clang meson setup "$build" -Dfuzz=true -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
    -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all' >/dev/null
each=$((seconds / $(echo $harnesses | wc -w)))
for name in $harnesses; do
    meson compile -C "$build" "fuzz_$name" >/dev/null || { meson compile -C "$build" "fuzz_$name"; exit 1; }
    program=$(find "$build" -name "fuzz_$name" -type f)
    mkdir -p "$build/found_$name"
    # New inputs go to the first folder, seeds come from both.
    log=$build/fuzz_$name.log
    if ! "$program" "$build/found_$name" "service/core/fuzz/corpus/$name" -artifact_prefix="$build/${name}_" -max_total_time="$each" -max_len=512 \
        -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1; then
        tail -40 "$log"
        echo "fuzz_$name failed; repeat it with: $program $(ls -t "$build/${name}_"* | head -1)"
        exit 1
    fi
    echo "fuzz_$name: $(grep -m1 'INITED' "$log" | sed 's/.*cov/cov/; s/ exec.*//') at the seeds, $(grep 'DONE' "$log" | sed 's/.*cov/cov/; s/ lim.*//') after $(sed -n 's/.*number_of_executed_units: *//p' "$log") runs in $each s"
done
