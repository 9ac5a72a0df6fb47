#!/usr/bin/env bash
# A sweep that loses a host in mid-run goes on without it, and one whose node loses its slurmd goes on, too;
# both end in the same bits.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$AEDIST_SOURCE/tests/slurm/common.sh"
only_in_full
sbatch_options=(--nodes 2 --ntasks-per-node 1 --exclusive)
start_cluster 9

# Some seconds of training: each trial on one host, or shared by both. And, at a quarter of the speed, twice
# the half minute until Slurm finds that a slurmd does not answer; each trial on one host, as two that are stopped
# at times of their own can hardly work together.
make_slow_program
apart=(data.samples=2048 train.epochs=60000 metrics.every=1000 'sweep.seed=[1,2]' checkpoint.every=50epochs)
shared=(data.samples=2048 train.epochs=3000 metrics.every=100 sweep=null ranks_per_trial=2)
long=(data.samples=2048 train.epochs="$(epochs_of_seconds 5)" metrics.every=1000 'sweep.seed={range: [1, 5]}'
      ranks_per_trial=1)
export AEDIST_CONFIG=$AEDIST_SOURCE/configs/bezier.yaml
declare -A jobs

begin() {
    local name=$1 launcher=$2
    shift 2
    submit "$name" "$launcher" sweep "$@"
    jobs[$name]=$job
}

# Waits until the sweep $1 trains, and sets `node`, the one without the job's script.
find_node() {
    await 60 trains "$1"
    node=$(scontrol show hostnames "$(job_field "${jobs[$1]}" NodeList)" | tail --lines 1)
}

# All are begun before any is struck, so that none begins on a host that is dead.
begin host-srun srun "${apart[@]}"
begin host-mpirun mpirun "${apart[@]}"
begin host-shared srun "${shared[@]}"
AEDIST=$PWD/slow begin daemon srun "${long[@]}"
for name in "${!jobs[@]}"; do
    await 60 has_state "${jobs[$name]}" RUNNING
done
for name in host-srun host-mpirun host-shared; do
    find_node $name
    "$cluster" off "$node" "$cluster_folder"
done
find_node daemon
pkill --signal KILL --full "^slurmd -N $node -f $cluster_folder/"

mpirun -np 2 "$AEDIST" "$AEDIST_CONFIG" "${apart[@]}" --output apart >apart.txt 2>&1 </dev/null
"$AEDIST" "$AEDIST_CONFIG" "${shared[@]}" --output shared >shared.txt
mpirun -np 2 "$AEDIST" "$AEDIST_CONFIG" "${long[@]}" --output long >long.txt 2>&1 </dev/null
for launcher in srun mpirun; do
    expect_done "${jobs[host-$launcher]}" "host-$launcher" 300 1 apart
done
expect_done "${jobs[host-shared]}" host-shared 300 1 shared
expect_done "${jobs[daemon]}" daemon 300 1 long
