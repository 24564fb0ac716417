#!/usr/bin/env bash
# The decoder's tests with libjpeg-turbo, which is built from source: needs cmake and a C compiler, and on x86 nasm. On Debian and
# Ubuntu they are installed first where they are missing; where that cannot be, this says so and fails nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

tools() { command -v cmake >/dev/null && command -v cc >/dev/null && { [ "$(uname -m)" != x86_64 ] || command -v nasm >/dev/null; }; }

if ! tools && command -v apt-get >/dev/null; then
    sudo=""
    if [ "$(id -u)" -ne 0 ]; then sudo="sudo"; fi
    { $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq cmake gcc nasm >/dev/null; } || true
fi
if ! tools; then
    echo "not tested: the feature libjpeg-turbo, as there is no cmake, C compiler or nasm" >&2
    exit 0
fi
cargo test --features libjpeg-turbo --lib decode
