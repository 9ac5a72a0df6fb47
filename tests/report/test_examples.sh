#!/usr/bin/env bash
# The example scripts, each on a short run of its recipe: they print what they promise, and it is what
# results.h5 holds where that can be said in a line. Each is at most 40 lines long.
set -uo pipefail
# shellcheck source=tests/report/common.sh
. "$AEDIST_SOURCE/tests/report/common.sh"
need h5py,matplotlib,pandas,xarray

# show SCRIPT ARG...: its output is in `text`.
show() {
    local script="$AEDIST_SOURCE/examples/show_$1.py"
    [ "$(wc -l <"$script")" -le 40 ] || fail "$script has more than 40 lines"
    text=$("$AEDIST_PYTHON" -B "$script" "${@:2}" 2>stderr) || fail "$script: $(<stderr)"
    [ ! -s stderr ] || fail "$script: $(<stderr)"
}

# holds PATTERN: the output has a line that matches.
holds() {
    grep -qE -- "$1" <<<"$text" || fail "no '$1' in: $text"
}

train 0 bezier bezier data.samples=500 train.epochs=5 'sweep.seed=[1,2]' 'sweep.noise_scale=[0,1]' \
    'sweep.input_noise=[0,0.01]' analysis.ablation=true analysis.filters=true analysis.assemble=true
show bezier bezier
[ "$(grep -cE '^  noise_scale [01]  input_noise 0(.01)?  seed [12]:( +[0-9.e-]+){3}$' <<<"$text")" = 8 ] ||
    fail "$text"
[ "$(grep -cE '^  (en|de)coder.0  noise_scale .*: mean 0\.[0-9]+, worst 0\.[0-9]+$' <<<"$text")" = 8 ] ||
    fail "$text"

train 0 signal signal 'sweep.seed=[1,2]' 'snapshots={every: 50, samples: 1}'
show signal signal
holds '^Mean of the last ten training losses: seed 1: 0\.038[0-9], seed 2: 0\.038[0-9]$'
holds '^Predicting zero gives 0\.0833 '
[ "$(grep -cE '^  (clean|noisy|output) +\[' <<<"$text")" = 16 ] || fail "$text"

train 0 linear2 linear2 train.epochs=20000 'sweep.seed=[1,2]' analysis.pca=true
show linear linear2
[ "$(grep -cE 'loss over floor 1\.00[0-9]+; .* at most 0\.[0-9]+ degrees$' <<<"$text")" = 2 ] ||
    fail "$text"
train 0 linear4 linear4 analysis.pca=true
show linear linear4
holds 'wide enough for a loss of 0$'

images=(data.samples=200 data.test_samples=50 train.epochs=2 'snapshots={every: 1, samples: 4}')
for recipe in fc32 conv denoise deep; do
    train 0 $recipe $recipe "${images[@]}" 'sweep.seed=[1,2]'
    show images $recipe $recipe.png
    holds '^val_loss_final: [0-9.]+, standard deviation [0-9.]+, of 2 trials$'
    head -c 4 $recipe.png | grep -q PNG || fail "$recipe.png"
done

train 0 classify classify "${images[@]}" 'sweep.seed=[1,2]' analysis.decode.one_hot=true
show classify classify classify.png
holds '^accuracy 0\.[0-9]+, '
holds '^Most often [0-9] is taken for [0-9], [0-9]+ times\.$'
head -c 4 classify.png | grep -q PNG || fail "classify.png"
echo "the examples show what they promise"
