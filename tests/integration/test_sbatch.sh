#!/usr/bin/env bash
# --sbatch prints a script that the shell and Slurm read as meant, whatever is in the names; how it runs is
# shown by tests/slurm.
set -euo pipefail
rm -rf "$AEDIST_SCRATCH"
mkdir -p "$AEDIST_SCRATCH/a folder's"
cd "$AEDIST_SCRATCH/a folder's"
config=$AEDIST_SOURCE/configs/bezier.yaml

fail() {
    echo "FAILED: $*"
    exit 1
}

# A program that tells its words, in the place of srun.
printf '#!/usr/bin/env bash\nprintf "%%s\\n" "$@"\n' >srun
chmod +x srun
# shellcheck disable=SC2016  # nobody is to expand it
output='out "$(touch bad)"'
cp "$config" "it's \$HOME.yaml"
"$AEDIST" "it's \$HOME.yaml" "name=a b'c" 'sweep.seed={range: [1, 12]}' train.epochs=2 --part 2/3 \
    --nodes 2 --ranks=4 --time 1-02:03:04 --output "$output" --sbatch >job.sh
bash -n job.sh
for line in '--job-name=a-b-c' '--nodes=2' '--ntasks=4' '--time=1-02:03:04' '--requeue' \
    '--open-mode=append'; do
    grep --quiet --line-regexp --fixed-strings -e "#SBATCH $line" job.sh || fail "no $line: $(<job.sh)"
done
(cd / && SLURM_JOB_ID=1 SLURM_JOB_NODELIST=n1 PATH="$OLDPWD:$PATH" bash "$OLDPWD/job.sh") >words.txt 2>&1 ||
    fail "$(<words.txt)"
printf '%s\n' "$AEDIST" "it's \$HOME.yaml" "name=a b'c" 'sweep.seed={range: [1, 12]}' train.epochs=2 \
    --part 2/3 --output "$output" >expected.txt
tail --lines 9 words.txt | diff - expected.txt || fail "other words"
[ ! -e bad ] || fail "a name was run"

# As many ranks as trials; of one trial, not more than leaves; nodes without ranks are left out.
"$AEDIST" "$config" train.epochs=2 --nodes 9 --sbatch >job.sh
grep --quiet -e '^#SBATCH --ntasks=5$' job.sh || fail "$(<job.sh)"
grep --quiet -e '^#SBATCH --nodes=5$' job.sh || fail "$(<job.sh)"
"$AEDIST" "$config" train.epochs=2 sweep=null train.batch=64 --nodes 9 --sbatch >job.sh
grep --quiet -e '^#SBATCH --ntasks=1$' job.sh || fail "$(<job.sh)"
# 100,000 times as many epochs do not fit into the longest limit.
"$AEDIST" "$config" train.epochs=100000000 --sbatch >job.sh
grep --quiet -e '^#SBATCH --time=24:00:00$' job.sh || fail "$(<job.sh)"

for words in '--sbatch --nodes 0' '--sbatch --ranks=x' '--sbatch --time=soon' '--time=10' '--sbatch --time'; do
    status=0
    # shellcheck disable=SC2086  # several words
    "$AEDIST" "$config" $words >out.txt 2>&1 || status=$?
    [ $status -eq 2 ] || fail "$words: exit $status, $(<out.txt)"
    [ "$(wc -l <out.txt)" -eq 1 ] || fail "$words: $(<out.txt)"
done
