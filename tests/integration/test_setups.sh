#!/usr/bin/env bash
# What the checks of set-ups do: an error ends the run, a warning is told once, a note in --dry-run only,
# `none` trains. Image recipes are sound with files too.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
failed=0

# try CODE ARG...: runs aedist, which must exit with CODE; leaves stdout and stderr.
try() {
    local code=$1 status
    shift
    timeout 60 "$AEDIST" "$@" >stdout 2>stderr </dev/null
    status=$?
    if [ $status -ne "$code" ]; then
        echo "FAILED: aedist $*: exit $status, not $code"
        sed 's/^/    /' stderr | head -5
        failed=1
    fi
}

# says FILE TEXT: the file is exactly TEXT.
says() {
    if [ "$(cat "$1")" != "$2" ]; then
        echo "FAILED: $1 is not '$2' but"
        sed 's/^/    /' "$1" | head -5
        failed=1
    fi
}

# lines FILE COUNT TEXT: so many lines of the file have TEXT.
lines() {
    if [ "$(grep -c "$3" "$1")" -ne "$2" ]; then
        echo "FAILED: not $2 lines of $1 have '$3':"
        sed 's/^/    /' "$1" | head -9
        failed=1
    fi
}

# A classifier of images as tutorials have it: relu, then sigmoid, at the end, on scaled inputs.
cat >classifier.yaml <<'END'
data: {source: glyphs, samples: 500, test_samples: 100, scale: {mean: 0.1307, std: 0.3081}}
model:
  encoder:
    - conv2d: {out: 4, kernel: 5}
    - dropout2d: 0.2
    - relu
    - conv2d: {out: 8, kernel: 5}
    - relu
    - flatten
    - linear: 10
    - relu
    - softmax
  decoder:
    - linear: 400
    - unflatten: [1, 20, 20]
    - dropout2d: 0.2
    - conv_transpose2d: {out: 10, kernel: 5}
    - relu
    - conv_transpose2d: {out: 1, kernel: 5}
    - relu
    - sigmoid
train: {loss: mse, optimizer: {sgd: {lr: 0.01, momentum: 0.5}}, batch: 64, epochs: 1}
END
try 2 classifier.yaml --output refused
says stderr "aedist: classifier.yaml:21:7: decoder.7 (sigmoid) gives [0.5, 1) and cannot reach targets in \
[-0.4242, 2.821]: outputs in [0.5, 1) cannot get below MSE 1.04 on this data; predicting the mean \
reaches 0.698; leave out both it and decoder.6 (relu) before it (the rule checks.reach)"
[ ! -e refused ] || { echo "FAILED: a refused config left an output"; failed=1; }
try 0 classifier.yaml checks.reach=none --dry-run
says stderr ""
lines stdout 1 '^note .*:16:7: decoder.2 (dropout2d) has one channel .*(the rule checks.one_channel)$'

# A model of signals of both signs that ends with a relu.
cat >signal.yaml <<'END'
data: {source: signal, samples: 64, fresh: true, functions: [cos(x), sin(x)], intervals: 2, interval_points: 4,
       start: [0, 10], normalize: l2}
model:
  encoder: [{conv1d: {out: 1, kernel: 1}}]
  decoder: [{conv_transpose1d: {out: 2, kernel: 1}}, relu]
train: {loss: mse, optimizer: {adam: {lr: 0.01}}, batch: 64, epochs: 2}
END
try 2 signal.yaml train.loss=bce
lines stderr 1 'bce is defined for targets in \[0, 1\].*(the rule checks.loss_targets)$'
try 2 signal.yaml
lines stderr 1 'decoder.1 (relu) gives \[0, inf) and cannot reach .*(the rule checks.reach)$'
try 0 signal.yaml checks.reach=none --output none
says stderr ""
try 0 signal.yaml checks.reach=note --output note
says stderr ""
lines stdout 0 'decoder.1 (relu) gives'

# The same message for two of four trials: once, on two ranks too.
timeout 60 mpirun -q -np 2 "$AEDIST" signal.yaml checks.reach=warn 'sweep.seed=[1,2]' \
    'sweep.model.decoder.1=[relu,tanh]' --output warn >stdout 2>stderr </dev/null ||
    { echo "FAILED: a warning ended the run"; failed=1; }
lines stderr 1 'warning: .*decoder.1 (relu) .*(the rule checks.reach; 2 of 4 trials, the first: seed=1 model.decoder.1=relu)$'

# Files of pixels are as good as glyphs.
"$AEDIST_PYTHON" - <<'END'
import random, struct
random.seed(1)
def write(name, sizes, payload):
    with open(name, "wb") as file:
        file.write(struct.pack(f">HBB{len(sizes)}I", 0, 8, len(sizes), *sizes) + payload)
write("images", (64, 28, 28), random.randbytes(64 * 784))
write("labels", (64,), bytes(i % 10 for i in range(64)))
END
for recipe in classify conv deep denoise fc32 smallconv upsample; do
    try 0 "$AEDIST_SOURCE/configs/$recipe.yaml" data.source=idx data.path=images data.labels=labels evaluate=null \
        --dry-run
    says stderr ""
done
exit $failed
