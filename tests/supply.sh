#!/usr/bin/env bash
# Licences, sources and doubled versions of dependencies, as deny.toml has them. Without cargo-deny it is installed; where that cannot
# be, this says so and fails nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo deny --version >/dev/null 2>&1; then
    echo "installing cargo-deny"
    cargo install --locked --quiet cargo-deny || true
fi
if ! cargo deny --version >/dev/null 2>&1; then
    echo "not checked: dependencies, as cargo-deny could not be installed" >&2
    exit 0
fi
# Offline needs what dependencies there are for other systems too.
if ! cargo fetch --locked --quiet; then
    echo "not checked: dependencies, as they could not be fetched" >&2
    exit 0
fi
cargo deny --offline check bans licenses sources
