#!/usr/bin/env bash
# What --sbatch prints is a job that runs as it stands, is queued again when it is stopped, and ends with the
# results of the local run.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$AEDIST_SOURCE/tests/slurm/common.sh"
start_cluster 2

sweep=(data.samples=2048 train.epochs=30000 metrics.every=1000 'sweep.seed=[1,2]')
"$AEDIST" "$AEDIST_SOURCE/configs/bezier.yaml" "${sweep[@]}" --nodes 2 --output printed --sbatch >job.sh
job=$(cd / && sbatch --parsable --output "$AEDIST_SCRATCH/printed.log" "$AEDIST_SCRATCH/job.sh")
await 30 trains printed
[ "$(job_field "$job" NumNodes)" = 2 ] || fail "not on two nodes: $(scontrol show job "$job")"
scancel --batch --signal USR1 "$job"
mpirun -np 2 "$AEDIST" "$AEDIST_SOURCE/configs/bezier.yaml" "${sweep[@]}" --output local >local.txt 2>&1 \
    </dev/null
expect_done "$job" printed 100 1 local
