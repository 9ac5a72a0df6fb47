#!/usr/bin/env bash
# A sweep that is stopped, queued again, or loses a rank goes on by itself and ends in the same bits; one
# that is cancelled stays so.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$AEDIST_SOURCE/tests/slurm/common.sh"
sbatch_options=(--nodes 2 --ntasks-per-node 1)
start_cluster 4

# Some seconds of training.
sweep=(data.samples=2048 train.epochs=30000 metrics.every=1000 'sweep.seed=[1,2]')
export AEDIST_CONFIG=$AEDIST_SOURCE/configs/bezier.yaml

# Submits a sweep and waits until it trains.
begin() {
    submit "$1" "$2" sweep "${sweep[@]}"
    await 30 trains "$1"
}

# The newest rank of the sweep $1.
find_rank() {
    pgrep --newest --full "^$AEDIST .*--output $AEDIST_SCRATCH/$1\$"
}

declare -A jobs
cancelled=()
for launcher in srun mpirun; do
    begin "stopped-$launcher" $launcher
    jobs[stopped-$launcher]=$job
    scancel --batch --signal USR1 "$job"
    begin "queued-$launcher" $launcher
    jobs[queued-$launcher]=$job
    scontrol requeue "$job"
    begin "killed-$launcher" $launcher
    jobs[killed-$launcher]=$job
    kill -KILL "$(find_rank "killed-$launcher")"
    begin "cancelled-$launcher" $launcher
    scancel "$job"
    cancelled+=("$job")
    await 30 has_state "$job" CANCELLED
done
begin steps-srun srun
jobs[steps-srun]=$job
scancel --signal USR1 "$job"
mpirun -np 2 "$AEDIST" "$AEDIST_CONFIG" "${sweep[@]}" --output local >local.txt 2>&1 </dev/null

for name in "${!jobs[@]}"; do
    expect_done "${jobs[$name]}" "$name" 120 1 local
done
for job in "${cancelled[@]}"; do
    has_state "$job" CANCELLED || fail "a job came back: $(tail ./cancelled-*.log)"
done
for launcher in srun mpirun; do
    [ ! -e "killed-$launcher.attempts" ] || fail "the list of attempts stays behind a good end"
done

# One that crashes at every start gives up.
printf "as if it had crashed\n%.0s" {1..4} >hopeless.attempts
printf '#!/usr/bin/env bash\nexit 1\n' >crash
chmod +x crash
AEDIST=$PWD/crash submit hopeless srun sweep
await 30 has_state "$job" FAILED
grep --quiet 'the fifth in vain' hopeless.log || fail "$(<hopeless.log)"
