#!/usr/bin/env bash
# The recipes reach the losses that they are known for, over their whole length and all seeds.
set -euo pipefail
rm -rf "$AEDIST_SCRATCH"
mkdir -p "$AEDIST_SCRATCH"
configs=$AEDIST_SOURCE/configs

# train NAME RECIPE OVERRIDE...
train() {
    local name=$1 recipe=$2
    shift 2
    "$AEDIST" "$configs/$recipe.yaml" "$@" --output "$AEDIST_SCRATCH/$name" \
        >"$AEDIST_SCRATCH/$name.txt" </dev/null
}

train clean bezier model.code.noise=0 train.input_noise=0 &
train code bezier train.input_noise=0
wait $!
train both bezier &
train signal signal 'sweep.seed=[1,2,3]'
train linear2 linear2 train.epochs=20000 'sweep.seed=[1,2,3]'
train linear4 linear4 train.epochs=20000 'sweep.seed=[1,2,3]'
wait $!
"$AEDIST_PYTHON" "$AEDIST_SOURCE/tests/support/check_losses.py" "$AEDIST_SCRATCH"
