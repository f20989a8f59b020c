#!/bin/sh
# Says, before anything is built, what is missing on this machine and the one command that installs it.
set -u
python=$1
missing=""

if [ -z "$python" ]; then
    echo "simpatico: no Python 3.11 or later found. Install one, or name it: make PYTHON=/path/to/python3.11" >&2
    exit 1
fi
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
header=$("$python" -c 'import os, sysconfig; print(os.path.join(sysconfig.get_path("include"), "Python.h"))')
[ -f "$header" ] || missing="$missing python3-dev"
command -v "${CC:-cc}" >/dev/null 2>&1 || missing="$missing gcc"
printf '#include <math.h>\nint main(void) { return 0; }\n' | "${CC:-cc}" -x c -fsyntax-only - 2>/dev/null || missing="$missing libc6-dev"

if [ -n "$missing" ]; then
    echo "simpatico: this machine lacks:$missing" >&2
    echo "On Debian or Ubuntu:  sudo apt-get install -y$missing" >&2
    exit 1
fi
