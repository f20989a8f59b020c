#!/bin/sh
# Fuzzes the C core under AddressSanitizer and UndefinedBehaviorSanitizer (built by sanitizers.sh), from the seeds in service/core/fuzz/corpus, all harnesses side by
# side. Usage: fuzz.sh SECONDS [RUNS]. With RUNS it ends after so many at the latest, the same ones each time: the checks judge a change by what it changed.
# What breaks is left in build/sanitize/, with the command that repeats it.
set -eu
seconds=$1
runs=${2:-}
build=build/sanitize
harnesses="functionals stream"
if ! [ -x "$build/service/core/fuzz/fuzz_stream" ]; then
    echo "SKIPPED: the fuzz harnesses need clang with its runtime; on Debian or Ubuntu: apt-get install clang (and remove $build)"
    exit 0
fi

# New inputs go to the first folder, seeds come from both: runs that are to be the same begin with an empty one.
fuzz() {
    name=$1
    program=$build/service/core/fuzz/fuzz_$name
    found=$build/found_$name
    [ -z "$runs" ] || rm -rf "$found"
    mkdir -p "$found"
    log=$build/fuzz_$name.log
    if ! "$program" "$found" "service/core/fuzz/corpus/$name" -artifact_prefix="$build/${name}_" -max_total_time="$seconds" -max_len=512 \
        ${runs:+-runs="$runs" -seed=1} -timeout=120 -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1; then
        tail -40 "$log"
        echo "fuzz_$name failed; repeat it with: $program $(ls -t "$build/${name}_"* | head -1)"
        return 1
    fi
    echo "fuzz_$name: $(grep -m1 'INITED' "$log" | sed 's/.*cov/cov/; s/ exec.*//') at the seeds, $(grep 'DONE' "$log" | sed 's/.*cov/cov/; s/ lim.*//') after $(sed -n 's/.*number_of_executed_units: *//p' "$log") runs"
}

running=""
for name in $harnesses; do
    fuzz "$name" &
    running="$running $!"
done
failed=0
for pid in $running; do
    wait "$pid" || failed=1
done
exit "$failed"
