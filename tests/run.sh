#!/usr/bin/env bash
# Runs every test, the GPU ones required. On Debian and Ubuntu, Mesa's software Vulkan driver is installed first if
# there is no adapter. Arguments go to cargo test, for example: tests/run.sh -- gpu::scores
set -euo pipefail
cd "$(dirname "$0")/.."

adapter() { cargo run --quiet -- devices --json 2>/dev/null | grep -q '"device": "gpu:0"'; }

cargo build --quiet
if ! adapter; then
    if command -v apt-get >/dev/null; then
        echo "no GPU adapter: installing Mesa's software Vulkan driver"
        sudo=""
        if [ "$(id -u)" -ne 0 ]; then sudo="sudo"; fi
        { $sudo apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq mesa-vulkan-drivers >/dev/null; } || true
    fi
    if ! adapter; then
        cat >&2 <<'EOF'
There is no GPU adapter, and the tests need one; a software driver is enough. Install one and run this again:
    Debian, Ubuntu   apt-get install mesa-vulkan-drivers
    Fedora           dnf install mesa-vulkan-drivers
    Arch             pacman -S vulkan-swrast
    Alpine           apk add mesa-vulkan-swrast vulkan-loader
    Windows          WARP comes with it; macOS: Metal comes with it
Without one, `cargo test` runs everything else and shows the GPU tests as ignored.
EOF
        exit 1
    fi
fi
HUEMAX_REQUIRE_GPU=1 exec cargo test "$@"
