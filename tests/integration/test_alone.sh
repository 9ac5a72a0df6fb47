#!/usr/bin/env bash
# A process without a launcher shares no folder of Open MPI's with others that begin and end meanwhile, and
# leaves nothing behind.
set -euo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"

# What such processes would share is a file here, of which none can make use.
mkdir tmp
touch "tmp/ompi.$(hostname --short).$(id -u)"
TMPDIR=$PWD/tmp "$AEDIST" "$AEDIST_SOURCE/configs/linear2.yaml" train.epochs=2 --output run >out.txt 2>&1 ||
    fail "it uses the shared folder: $(<out.txt)"
[ "$(find tmp -mindepth 1 | wc -l)" = 1 ] || fail "left behind: $(find tmp)"

# Whoever names a folder gets that one.
mkdir named
TMPDIR=$PWD/tmp OMPI_MCA_orte_tmpdir_base=$PWD/named "$AEDIST" "$AEDIST_SOURCE/configs/linear2.yaml" \
    train.epochs=2 --output named-run >out.txt 2>&1 || fail "with a folder by name: $(<out.txt)"

# A TMPDIR that does not exist costs nothing but the folder of its own.
TMPDIR=$PWD/missing "$AEDIST" "$AEDIST_SOURCE/configs/linear2.yaml" train.epochs=2 --output no-tmp >out.txt 2>&1 ||
    fail "without TMPDIR's folder: $(<out.txt)"
