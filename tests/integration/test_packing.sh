#!/usr/bin/env bash
# A sweep packed into groups of ranks gives every trial the bits that it has alone, whatever the number
# of ranks and the size of the groups; and with an exit code it says what became of it.
set -euo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
compare=$AEDIST_SOURCE/tests/support/compare_runs.py
config=$AEDIST_SOURCE/configs/bezier.yaml
# Eight leaves a batch, so that every group has work for all its ranks.
base=(train.epochs=30 data.samples=2048 train.batch=512 train.tile=16 train.leaf=64 snapshots.every=20)
sweep=(sweep.seed='[1,2]' sweep.noise_scale='[0,1,2]' sweep.input_noise='[0,0.01]')

# Each of the twelve alone, all into one folder.
for seed in 1 2; do
    for scale in 0 1 2; do
        for noise in 0 0.01; do
            "$AEDIST" "$config" "${base[@]}" "sweep.seed=[$seed]" "sweep.noise_scale=[$scale]" \
                "sweep.input_noise=[$noise]" --output alone >alone.txt
        done
    done
done

for how in '1 auto' '2 auto' '2 2' '3 2' '4 auto' '4 1' '7 auto' '7 3'; do
    read -r ranks each <<<"$how"
    mpirun -np "$ranks" "$AEDIST" "$config" "${base[@]}" "${sweep[@]}" ranks_per_trial="$each" \
        --output "packed-$ranks-$each" >packed.txt 2>&1 </dev/null || fail "$(<packed.txt)"
    "$AEDIST_PYTHON" "$compare" alone "packed-$ranks-$each" ||
        fail "$ranks ranks, $each a trial: other results"
done
grep -q '^placement 2 groups of 3 or 4 ranks: ranks_per_trial is 3' packed.txt ||
    fail "no placement: $(<packed.txt)"

# Three trials on two ranks: when the first two have ended, the third may go on with both ranks.
images=(data.samples=1500 train.batch=64 train.epochs=6 'sweep.seed=[1,2,3]')
"$AEDIST" "$AEDIST_SOURCE/configs/conv.yaml" "${images[@]}" --output images >images.txt
mpirun -np 2 "$AEDIST" "$AEDIST_SOURCE/configs/conv.yaml" "${images[@]}" --output moved >moved.txt \
    2>&1 </dev/null || fail "$(<moved.txt)"
"$AEDIST_PYTHON" "$compare" images moved || fail "moved to more ranks: other results"

# A time limit that is over before anything has begun; then some that may or may not stop the run: it ends
# in the same results.
status=0
"$AEDIST" "$config" "${base[@]}" "${sweep[@]}" train.epochs=200 time_limit=0.001s --output limited \
    >limited.txt 2>&1 || status=$?
[ "$status" -eq 75 ] || fail "a time limit of a millisecond: exit $status, $(<limited.txt)"
grep -q 'stopped on the time limit: 0 of 12 trials ended' limited.txt || fail "$(<limited.txt)"
for limit in 0.6 0.8 1 2 none; do
    [ $limit = none ] || limit=${limit}s
    status=0
    mpirun -np 2 "$AEDIST" "$config" "${base[@]}" "${sweep[@]}" train.epochs=200 \
        time_limit=$limit --output limited >limited.txt 2>&1 </dev/null || status=$?
    [ "$status" -eq 75 ] || break
done
[ "$status" -eq 0 ] || fail "with a time limit: exit $status, $(<limited.txt)"
"$AEDIST" "$config" "${base[@]}" "${sweep[@]}" train.epochs=200 --output unlimited >unlimited.txt
"$AEDIST_PYTHON" "$compare" unlimited limited || fail "stopped by time limits: other results"
