#!/usr/bin/env bash
# The job scripts train to the same bits as the program alone, on several nodes and with either launcher.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$AEDIST_SOURCE/tests/slurm/common.sh"
sbatch_options=(--nodes 2 --ntasks-per-node 2)
start_cluster 2

# Eight leaves a batch, so that every rank of both nodes has work.
export AEDIST_CONFIG=$AEDIST_SOURCE/configs/bezier.yaml
one=(data.samples=2048 train.epochs=30 train.batch=512 train.tile=16 train.leaf=64 sweep=null
    ranks_per_trial=4)
many=(data.samples=2048 train.epochs=30 'sweep.seed={range: [1, 12]}')
"$AEDIST" "$AEDIST_CONFIG" "${one[@]}" --output one >one.txt
"$AEDIST" "$AEDIST_CONFIG" "${many[@]}" --output many >many.txt
for launcher in srun mpirun; do
    submit "train-$launcher" $launcher train "${one[@]}"
    expect_done "$job" "train-$launcher" 60 0 one
    grep --quiet '^aedist .* 4 ranks' "train-$launcher.log" || fail "$(<"train-$launcher.log")"
    submit "sweep-$launcher" $launcher sweep "${many[@]}"
    expect_done "$job" "sweep-$launcher" 60 0 many
done

# A mistake ends the job at once, with the program's own code.
submit mistake srun train train.epoch=3
await 30 has_state "$job" FAILED
[ "$(job_field "$job" ExitCode)" = 2:0 ] || fail "a mistake: $(<mistake.log)"
submit launcher ssh train
await 30 has_state "$job" FAILED
grep --quiet "choose srun or mpirun" launcher.log || fail "$(<launcher.log)"
AEDIST=$PWD/aedist submit program srun train
await 30 has_state "$job" FAILED
grep --quiet "no such program" program.log || fail "$(<program.log)"
