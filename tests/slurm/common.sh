# Shared by the tests of this folder, which source it. They run on a Slurm of their own, which needs its
# packages and root: else they are skipped (exit code 77), and the reason is told.
# shellcheck shell=bash disable=SC2034

cluster=$AEDIST_SOURCE/scripts/slurm-cluster
compare=$AEDIST_SOURCE/tests/support/compare_runs.py
sbatch_options=() # of all submissions of a test

skip() {
    echo "skipped: $*"
    exit 77
}

[ "$(id -u)" -eq 0 ] || skip "a Slurm on this machine needs root"
for needed in munged slurmctld slurmd sbatch; do
    command -v $needed >/dev/null || skip "$needed is missing (scripts/setup --tests)"
done
unshare --uts --mount --pid --fork true 2>/dev/null || skip "no namespaces are allowed here"

# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"

# For tests that wait for Slurm's own slow clocks.
only_in_full() {
    [ -n "${AEDIST_FULL_TESTS:-}" ] || skip "takes a minute or two; set AEDIST_FULL_TESTS=1"
}

# Brings up a cluster of $1 nodes for this test, which ends with it; in a folder of its own, as Slurm's
# files must have no blanks in their names.
start_cluster() {
    cluster_folder=$(mktemp --directory /tmp/aedist-slurm.XXXXXX)
    trap '"$cluster" down "$cluster_folder"; rm -rf "$cluster_folder"' EXIT
    "$cluster" up "$1" "$cluster_folder" >cluster.txt 2>&1 || fail "$(<cluster.txt)"
    # shellcheck source=/dev/null
    . "$cluster_folder/env"
}

# Submits the job script slurm/$3.sbatch with the launcher $2 and what follows, the output in the folder $1
# and the log beside it; sets `job`.
submit() {
    local name=$1 launcher=$2 script=$3
    shift 3
    job=$(AEDIST_OUTPUT=$AEDIST_SCRATCH/$name AEDIST_LAUNCHER=$launcher sbatch --parsable \
        --output "$name.log" "${sbatch_options[@]}" "$AEDIST_SOURCE/slurm/$script.sbatch" "$@")
}

# Waits at most $1 seconds until the rest succeeds.
await() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || fail "in vain: $*; $(squeue); $(tail --lines 30 ./*.log)"
        sleep 0.2
    done
}

# Makes ./slow, the program at a quarter of its speed: it stands still for most of the time, and leaves the
# core to others. What Slurm signals to all processes of the job is for the program alone.
make_slow_program() {
    cat >slow <<SCRIPT
#!/usr/bin/env bash
(trap '' USR1 USR2 TERM; while kill -STOP \$\$; do sleep 0.3; kill -CONT \$\$; sleep 0.1; done) >/dev/null 2>&1 </dev/null &
exec "$AEDIST" "\$@"
SCRIPT
    chmod +x slow
}

# Prints the epochs of a trial of bezier with 2,048 samples that take one rank $1 seconds at full speed,
# whatever the machine and what else it does.
epochs_of_seconds() {
    local TIMEFORMAT=%U
    { time "$AEDIST" "$AEDIST_SOURCE/configs/bezier.yaml" data.samples=2048 metrics.every=1000 \
        train.epochs=20000 'sweep.seed=[1]' --output measured >measured.txt 2>&1; } 2>seconds
    awk -v wanted="$1" '{ print 1000 * int(20 * wanted / $1 + 1) }' seconds
}

# Whether the output in folder $1 has begun with a trial.
trains() {
    grep --quiet trial_start "$1/log.jsonl" 2>/dev/null
}

job_field() {
    scontrol show job "$1" | sed -n "s/.*\b$2=\([^ ]*\).*/\1/p"
}

has_state() {
    [ "$(job_field "$1" JobState)" = "$2" ]
}

looks_ended() {
    [[ $(job_field "$1" JobState) =~ ^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL)$ ]]
}

# Whether job $1 has ended, for good: one that is queued again looks like it for a moment.
has_ended() {
    looks_ended "$1" && sleep 1 && looks_ended "$1"
}

# The job $1 with output $2 ends as done within $3 seconds, after at least $4 restarts, with the results of
# the local run $5.
expect_done() {
    await "$3" has_ended "$1"
    has_state "$1" COMPLETED || fail "$2 ended as $(job_field "$1" JobState): $(tail "$2.log")"
    [ "$(job_field "$1" Restarts)" -ge "$4" ] || fail "$2 was not restarted: $(tail "$2.log")"
    "$AEDIST_PYTHON" "$compare" "$5" "$2" || fail "$2: other results than those of the local run"
}
