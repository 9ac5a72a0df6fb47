#!/bin/bash
# A rank that dies takes the job down within seconds, and stderr tells its rank and host: killed from
# outside (mpirun says it), failed by itself, or in an MPI call (aedist says it).
set -u
program="$(dirname "$AEDIST_SCRATCH")/test_dist"
limit=10 # seconds, start included; mpirun itself needs 1 to 2 after a death
output="$AEDIST_SCRATCH/output"
host="$(hostname)"
mkdir -p "$AEDIST_SCRATCH"
failures=0

complain() {
    echo "FAILED: rank 1 $how: $*" >&2
    sed 's/^/    /' "$output" >&2
    failures=$((failures + 1))
}

# check HOW TEXT ...: the job must end by itself, not well, and its output hold every TEXT.
check() {
    how=$1
    shift
    local begin=$SECONDS status text
    timeout -s KILL 60 mpirun -np 3 "$program" --die "$how" >"$output" 2>&1
    status=$?
    [ $((SECONDS - begin)) -le $limit ] || complain "the job lived for $((SECONDS - begin)) s"
    [ $status -ne 0 ] || complain "mpirun returned 0"
    for text in "$@"; do
        grep -q -- "$text" "$output" || complain "no '$text' in the output"
    done
}

check killed "process rank 1 .* on node ${host%%.*}.* exited on signal 9"
check failed "^aedist: rank 1 on $host: the cause of its failure\$"
check mpi "^aedist: rank 1 on $host: communication: MPI failed: MPI_ERR_RANK"
exit $((failures > 0))
