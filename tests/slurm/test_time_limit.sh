#!/usr/bin/env bash
# A sweep too long for the job's time limit is saved, queued again and ends in the same bits: on Slurm's
# warning before the limit, and by the program's own look at the end of the job.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$AEDIST_SOURCE/tests/slurm/common.sh"
only_in_full
start_cluster 2

export AEDIST_CONFIG=$AEDIST_SOURCE/configs/bezier.yaml
make_slow_program
# A minute on one rank at that speed: twice as long as until the warning.
sweep=(data.samples=2048 metrics.every=1000 train.epochs="$(epochs_of_seconds 5)" 'sweep.seed=[1,2,3]')
limit=(--time 1 --nodes 1 --ntasks-per-node 1)

# Slurm warns half a minute after the start, when it looks at the limits next.
sbatch_options=("${limit[@]}")
AEDIST=$PWD/slow submit warned srun sweep "${sweep[@]}"
warned=$job

# Slurm warns in vain, and most of the minute is slept away: the program has to end before the limit.
cat >late <<SCRIPT
#!/usr/bin/env bash
[ -e late-once ] || { touch late-once; sleep 40; }
exec "$PWD/slow" "\$@"
SCRIPT
chmod +x late
sbatch_options=("${limit[@]}" --signal B:CONT@1)
AEDIST=$PWD/late submit unwarned mpirun sweep "${sweep[@]}"
unwarned=$job

"$AEDIST" "$AEDIST_CONFIG" "${sweep[@]}" --output local >local.txt
expect_done "$warned" warned 420 1 local
expect_done "$unwarned" unwarned 420 1 local
grep --quiet 'stopped on the time limit' unwarned.log || fail "$(<unwarned.log)"
