#!/bin/sh
# Builds the core as on a processor that has no kernels of its own, plain C alone, and runs its C tests and the Python tests of the core on it.
# Usage: portable_test.sh PYTHON
set -eu
python=$1
build=build/portable
package=$build/package
[ -d "$build" ] || meson setup "$build" -Dsimd=portable --werror >/dev/null
ninja -C "$build" all meson-test-prereq >/dev/null || { ninja -C "$build" all meson-test-prereq; exit 1; }
meson test -C "$build" --no-rebuild --timeout-multiplier 10 --print-errorlogs

rm -rf "$package"
mkdir "$package"
cp -r service/simpatico "$package/simpatico"
rm -f "$package"/simpatico/_core*.so
cp "$build"/service/_core*.so "$package/simpatico/"
levels=$(PYTHONPATH=$package "$python" -c 'from simpatico import core; assert core.__file__.find("portable") > 0, core.__file__; print(*core.simd_levels())')
[ "$levels" = portable ] || { echo "portable test: the build has the SIMD levels $levels"; exit 1; }
PYTHONPATH=$package "$python" -m pytest -q -n 2 --dist loadfile -p no:cacheprovider tests/core
