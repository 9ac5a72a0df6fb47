# Sourced by the scripts of tests: they run in an empty folder of their own; `fail` says why and ends them.
# shellcheck shell=bash

rm -rf "$AEDIST_SCRATCH"
mkdir -p "$AEDIST_SCRATCH"
cd "$AEDIST_SCRATCH" || exit 1

fail() {
    echo "FAILED: $*"
    exit 1
}
