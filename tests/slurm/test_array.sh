#!/usr/bin/env bash
# A sweep split over an array ends as one run with the results of the whole sweep, though one task is stopped
# and another one fails and is submitted again.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$AEDIST_SOURCE/tests/slurm/common.sh"
sbatch_options=(--nodes 1 --ntasks-per-node 1)
start_cluster 2

sweep=(data.samples=2048 train.epochs=5000 metrics.every=1000 'sweep.seed={range: [1, 8]}')
export AEDIST_CONFIG=$AEDIST_SOURCE/configs/bezier.yaml

# Where the output of the fourth part would go lies a file.
touch array-4
submit array srun array "${sweep[@]}"
await 30 trains array-2
scancel --batch --signal USR1 "${job}_2"
"$AEDIST" "$AEDIST_CONFIG" "${sweep[@]}" --output local >local.txt
for task in 1 2 3; do
    await 100 has_ended "${job}_$task"
    has_state "${job}_$task" COMPLETED || fail "task $task: $(job_field "${job}_$task" JobState)"
done
await 30 has_state "${job}_4" FAILED
[ "$(job_field "${job}_2" Restarts)" -eq 1 ] || fail "task 2 was not stopped"
"$AEDIST" info array >info.txt
grep --quiet '6 done' info.txt || fail "before the fourth part: $(<info.txt)"

rm array-4
sbatch_options+=(--array 4)
submit array srun array "${sweep[@]}"
expect_done "${job}_4" array 100 0 local
