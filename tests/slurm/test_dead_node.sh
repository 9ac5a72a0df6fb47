#!/usr/bin/env bash
# A sweep that loses a host in mid-run goes on without it, and one whose node loses its slurmd goes on, too;
# both end in the same bits.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$AEDIST_SOURCE/tests/slurm/common.sh"
only_in_full
sbatch_options=(--nodes 2 --ntasks-per-node 1 --exclusive)
start_cluster 9

# Some seconds of training: each trial on one host; or shared by both. And more than the half minute until
# Slurm finds that a slurmd does not answer.
apart=(data.samples=2048 train.epochs=15000 metrics.every=1000 'sweep.seed=[1,2]' checkpoint.every=50epochs)
shared=(data.samples=2048 train.epochs=2000 metrics.every=100 sweep=null ranks_per_trial=2)
long=(data.samples=2048 train.epochs=60000 metrics.every=1000 'sweep.seed={range: [1, 5]}')
export AEDIST_CONFIG=$AEDIST_SOURCE/configs/bezier.yaml

# Submits the sweep $1 and waits until it trains; sets `node`, the one without the job's script.
begin() {
    local name=$1 launcher=$2
    shift 2
    submit "$name" "$launcher" sweep "$@"
    await 30 trains "$name"
    node=$(scontrol show hostnames "$(job_field "$job" NodeList)" | tail --lines 1)
}

kill_daemon() {
    pkill --signal KILL --full "^slurmd -N $1 -f $AEDIST_SCRATCH/cluster/"
}

declare -A jobs
dying=()
for launcher in srun mpirun; do
    begin "host-$launcher" $launcher "${apart[@]}"
    jobs[host-$launcher]=$job
    dying+=("$node")
done
begin host-shared srun "${shared[@]}"
shared_job=$job
shared_node=$node
begin daemon srun "${long[@]}"
daemon_job=$job
kill_daemon "$node"
for node in "${dying[@]}" "$shared_node"; do
    "$cluster" off "$node" "$AEDIST_SCRATCH/cluster"
done

mpirun -np 2 "$AEDIST" "$AEDIST_CONFIG" "${apart[@]}" --output apart >apart.txt 2>&1 </dev/null
"$AEDIST" "$AEDIST_CONFIG" "${shared[@]}" --output shared >shared.txt
mpirun -np 2 "$AEDIST" "$AEDIST_CONFIG" "${long[@]}" --output long >long.txt 2>&1 </dev/null
for name in "${!jobs[@]}"; do
    expect_done "${jobs[$name]}" "$name" 150 1 apart
done
expect_done "$shared_job" host-shared 150 1 shared
expect_done "$daemon_job" daemon 200 1 long
