#!/usr/bin/env bash
# Fuzzes every kind of file that huemax reads, each for so many seconds: tests/fuzz.sh [SECONDS] [TARGET...]
# Begins with real files (those of tests/damaged) and goes on with what earlier runs found in fuzz/corpus. A finding ends the run
# with an error, and lies in fuzz/artifacts. Without cargo-fuzz it is installed; where that cannot be, this says so and fails nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
targets=("${@:2}")
if [ ${#targets[@]} -eq 0 ]; then
    for target in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$target" .rs)"); done
fi

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "installing cargo-fuzz"
    cargo install --locked --quiet cargo-fuzz || true
fi
if ! cargo fuzz --version >/dev/null 2>&1 || ! command -v c++ >/dev/null; then
    echo "not fuzzed: there is no cargo-fuzz, or no C++ compiler to build its library with" >&2
    exit 0
fi
HUEMAX_SEEDS=fuzz/corpus cargo test --quiet --test damaged
# Without the sanitizers: they need a nightly compiler, and what is unsafe here is small. Memory is counted by the targets.
cargo fuzz build --sanitizer none
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "${targets[@]}"; do
    echo "== $target"
    status=0
    cargo fuzz run --sanitizer none "$target" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
        -print_final_stats=1 -verbosity=0 >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        cat "$log"
        echo "$target: see fuzz/artifacts/$target" >&2
        exit "$status"
    fi
    grep -E '^stat::(number_of_executed_units|peak_rss_mb|slowest_unit_time_sec)|^Done' "$log" || true
done
