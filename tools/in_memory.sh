#!/bin/sh
# Runs a command whose temporary files lie in memory, where there is room for them: databases of tests wait for the disk at every commit. Usage: in_memory.sh COMMAND...
set -eu
NEEDED_MB=3000
free_mb() {
    df -Pm /dev/shm 2>/dev/null | awk 'NR == 2 {print $4}'
    awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo 2>/dev/null
}
least=$(free_mb | sort -n | head -1)
if [ "$(free_mb | wc -l)" -lt 2 ] || [ "$least" -lt "$NEEDED_MB" ] || ! [ -w /dev/shm ]; then
    exec "$@"
fi
folder=$(mktemp -d /dev/shm/simpatico-XXXXXX)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 711 "$folder"  # PostgreSQL runs as somebody else when tests are run by root
printf '#!/bin/sh\n' >"$folder/program"
chmod +x "$folder/program"
if ! "$folder/program" 2>/dev/null; then  # mounted so that nothing can be run there
    rm -rf "$folder"
    exec "$@"
fi
TMPDIR=$folder "$@"
