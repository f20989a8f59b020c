#!/bin/sh
# The figures of README.md and docs/, each with its own table. Takes about half an hour. Usage: bench.sh PYTHON
set -eu
python=$1
for bench in speed ceiling streams pitch speech_activity validation signals habits routing ranking_load ranking_threads egemaps_table egemaps_truth egemaps_scale egemaps_transfer server exchange outage; do
    [ -f "bench/$bench.py" ] || continue
    echo
    echo "== python -m bench.$bench"
    "$python" -m "bench.$bench"
done
