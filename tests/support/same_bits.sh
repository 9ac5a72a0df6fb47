# shellcheck shell=bash disable=SC2034
# Sourced by the tests of the same bits: check() runs a config on several numbers of ranks and with every
# kernel set, and compares weights and metrics. Ends with `exit $failed`.
set -euo pipefail
rm -rf "$AEDIST_SCRATCH"
mkdir -p "$AEDIST_SCRATCH"
compare=$AEDIST_SOURCE/tests/support/compare_runs.py
failed=0

# check NAME LEAVES CONFIG OVERRIDE...: LEAVES is the least number of leaves that a batch must have.
check() {
    local name=$1 leaves=$2 config=$AEDIST_SOURCE/configs/$3 have ranks set
    local out=$AEDIST_SCRATCH/$name runs=()
    shift 3
    have=$("$AEDIST" "$config" "$@" --dry-run | sed -n 's/.* in \([0-9]*\) leaves of .*/\1/p')
    if [ "$have" -lt "$leaves" ]; then
        echo "$name: a batch has $have leaves, not $leaves"
        failed=1
    fi
    for ranks in 1 2 3 4 5 7 8; do
        if ! mpirun -np $ranks "$AEDIST" "$config" "$@" --output "$out-np$ranks" \
            >"$out-np$ranks.txt" 2>&1 </dev/null; then
            echo "$name: $ranks ranks failed"
            cat "$out-np$ranks.txt"
            failed=1
        fi
        runs+=("$out-np$ranks")
    done
    for set in avx512 avx2 plain; do
        # A set that this processor lacks is refused with exit code 2 before any work.
        if AEDIST_SIMD=$set "$AEDIST" "$config" "$@" --output "$out-$set" >"$out-$set.txt" 2>&1; then
            runs+=("$out-$set")
        elif ! grep -q 'no such kernel set' "$out-$set.txt"; then
            echo "$name: kernel set $set failed"
            cat "$out-$set.txt"
            failed=1
        fi
    done
    if "$AEDIST_PYTHON" "$compare" "${runs[@]}"; then
        echo "$name: same bits in ${#runs[@]} runs, $have leaves a batch"
    else
        failed=1
    fi
}
