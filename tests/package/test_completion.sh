#!/usr/bin/env bash
# Completion in bash and zsh, each by the shell itself: commands, options, keys, values, files, trials of a run.
set -euo pipefail
rm -rf "$AEDIST_SCRATCH"
mkdir -p "$AEDIST_SCRATCH/bin"
cd "$AEDIST_SCRATCH"
ln -s "$AEDIST" bin/aedist
export PATH=$AEDIST_SCRATCH/bin:$PATH
cp "$AEDIST_SOURCE/configs/bezier.yaml" my.yaml
aedist my.yaml 'sweep.seed=[1]' train.epochs=1 data.samples=200 --output run >run.txt
trial=$(aedist info run | sed -n 's|.*\(t[0-9a-f]\{12\}\).*|\1|p')
failed=0

# What bash makes of the line $1, against $2.
# shellcheck source=scripts/package/aedist.bash
. "$AEDIST_SOURCE/scripts/package/aedist.bash"
in_bash() {
    COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
    _aedist
    if [ "${COMPREPLY[*]}" != "$2" ]; then
        echo "bash: '$1' gave '${COMPREPLY[*]}', not '$2'"
        failed=1
    fi
}
in_bash "aedist ex" "export"
in_bash "aedist my" "my.yaml"
in_bash "aedist --ou" "--output"
in_bash "aedist my.yaml --dr" "--dry-run"
in_bash "aedist my.yaml train.ba" "train.batch="
in_bash "aedist my.yaml train.keep=" "last best mean"
in_bash "aedist my.yaml train.keep=b" "best"
in_bash "aedist my.yaml data.wi" "data.window="
in_bash "aedist my.yaml model.encoder.0.ker" "model.encoder.0.kernel="
in_bash "aedist my.yaml sweep.train.optimizer.adam.l" "sweep.train.optimizer.adam.lr="
in_bash "aedist my.yaml --output ru" "run run.txt"
in_bash "aedist eval ru" "run run.txt"
in_bash "aedist eval run ${trial:0:2}" "$trial"
in_bash "aedist eval run tr" "train."
in_bash "aedist export run ${trial:0:4}" "$trial"
in_bash "aedist export run $trial --to s" "safetensors"
in_bash "aedist export --to csv run ${trial:0:4}" "$trial"
in_bash "aedist nothing.yaml train.ba" "train.batch="
in_bash "aedist eval nowhere tr" "train."
# The shell finds the function by the program's name.
complete -p aedist | grep -- '-F _aedist aedist' >/dev/null

# The same typed into a zsh, which has no MPI to wait for: a key, a value, a trial.
if command -v zsh >/dev/null; then
    mkdir functions
    cp "$AEDIST_SOURCE/scripts/package/aedist.zsh" functions/_aedist
    zsh "$AEDIST_SOURCE/tests/support/complete.zsh" functions \
        "aedist my.yaml train.ba" "aedist my.yaml train.keep=b" "aedist export run ${trial:0:4}" \
        >zsh.txt
    for wanted in "aedist my.yaml train.batch=" "aedist my.yaml train.keep=best" \
        "aedist export run $trial"; do
        if ! grep -qF "$wanted" zsh.txt; then
            echo "zsh: no '$wanted' in:"
            cat zsh.txt
            failed=1
        fi
    done
fi
exit $failed
