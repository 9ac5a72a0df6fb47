# Shared by the tests of this folder, which source it. They run on a Slurm of their own, which needs its
# packages and root: else they are skipped (exit code 77), and the reason is told.
# shellcheck shell=bash disable=SC2034

cluster=$AEDIST_SOURCE/scripts/slurm-cluster
compare=$AEDIST_SOURCE/tests/support/compare_runs.py

fail() {
    echo "FAILED: $*"
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 77
}

[ "$(id -u)" -eq 0 ] || skip "a Slurm on this machine needs root"
for needed in munged slurmctld slurmd sbatch; do
    command -v $needed >/dev/null || skip "$needed is missing (scripts/setup --tests)"
done
unshare --uts --mount --pid --fork true 2>/dev/null || skip "no namespaces are allowed here"

rm -rf "$AEDIST_SCRATCH"
mkdir -p "$AEDIST_SCRATCH"
cd "$AEDIST_SCRATCH" || exit
