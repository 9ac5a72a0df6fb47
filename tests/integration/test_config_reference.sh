#!/usr/bin/env bash
# docs/config.md is what the program says of its config.
set -euo pipefail
mkdir -p "$AEDIST_SCRATCH"
"$AEDIST" --help-config=markdown >"$AEDIST_SCRATCH/config.md"
if ! diff -u "$AEDIST_SOURCE/docs/config.md" "$AEDIST_SCRATCH/config.md"; then
    echo "docs/config.md is not of this source; run: cmake --build --preset release --target reference"
    exit 1
fi
