#!/usr/bin/env bash
# A run can be started again from what it leaves, after a kill and with more to do, and ends in the
# same bits.
set -euo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
compare=$AEDIST_SOURCE/tests/support/compare_runs.py
config=$AEDIST_SOURCE/configs/bezier.yaml
settings=(train.epochs=400 data.samples=4000 'sweep.noise_scale=[0,1.0]' 'sweep.seed=[1,2,3]')

# Trials of `killed` that have ended so far.
ended() {
    if [ -e killed/log.jsonl ]; then
        grep -c trial_end killed/log.jsonl || true
    else
        echo 0
    fi
}

"$AEDIST" "$config" "${settings[@]}" --output whole >whole.txt

# The resolved config is the whole job: the same trials, the same bits.
"$AEDIST" whole/config.yaml --output again >again.txt
"$AEDIST_PYTHON" "$compare" whole again || fail "whole/config.yaml gives other results"

# With nothing left to train it still says what was reached.
"$AEDIST" "$config" train.epochs=100 data.samples=4000 'sweep.seed=[1]' --output alone >first.txt
"$AEDIST" "$config" train.epochs=100 data.samples=4000 'sweep.seed=[1]' --output alone >second.txt
if [ "$(grep -A1 '^result' first.txt)" != "$(grep -A1 '^result' second.txt)" ]; then
    fail "the rerun of a finished run: $(<second.txt)"
fi

# A value more in the sweep: only its trials are trained.
"$AEDIST" "$config" train.epochs=400 data.samples=4000 'sweep.noise_scale=[0,1.0]' \
    'sweep.seed=[1,2]' --output grown >grown.txt
"$AEDIST" "$config" "${settings[@]}" --output grown >grown.txt
grep -q 'holds 4 of these trials as done and 0 as failed' grown.txt || fail "grown sweep: $(<grown.txt)"
"$AEDIST_PYTHON" "$compare" whole grown || fail "a grown sweep gives other results"

# A changed setting would leave two kinds of results beside each other: refused, nothing touched.
cp grown/config.yaml before.yaml
status=0
"$AEDIST" "$config" "${settings[@]}" train.batch=64 --output grown >grown.txt 2>&1 || status=$?
[ $status -eq 2 ] || fail "a changed setting returns $status"
grep -q 'train.batch: 128 there, 64 now' grown.txt || fail "a changed setting: $(<grown.txt)"
cmp -s grown/config.yaml before.yaml || fail "a refused run changed config.yaml"

# Killed in the middle, several times, and started again on other numbers of ranks until it is done.
for ranks in 2 3 1; do
    before=$(ended)
    mpirun -np $ranks "$AEDIST" "$config" "${settings[@]}" --output killed >killed.txt 2>&1 </dev/null &
    job=$!
    for _ in $(seq 400); do # until one more trial has ended
        [ "$(ended)" -gt "$before" ] && break
        sleep 0.02
    done
    pkill -KILL -P $job 2>/dev/null || true # a launcher starts its ranks as children
    kill -KILL $job 2>/dev/null || true
    wait $job 2>/dev/null || true
    # Ranks of a killed launcher end by themselves; the next run needs the output free.
    for _ in $(seq 200); do
        flock --nonblock killed/ledger true 2>/dev/null && break
        sleep 0.05
    done
    "$AEDIST_PYTHON" -c 'import h5py; h5py.File("killed/results.h5")' || fail "results.h5 after a kill"
done
mpirun -np 2 "$AEDIST" "$config" "${settings[@]}" --output killed >killed.txt 2>&1 </dev/null ||
    fail "the rerun after the kills: $(<killed.txt)"
"$AEDIST_PYTHON" "$compare" whole killed || fail "killed and resumed gives other results"
echo "started again from its config, with more to do and after kills: same bits"
