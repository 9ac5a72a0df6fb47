#!/usr/bin/env bash
# Stored models evaluated again: the recorded metrics, bit for bit, on any number of ranks and with every
# kernel set; on other data and noise what PyTorch finds (where AEDIST_TORCH_PYTHON, else python3, has
# it); and what does not fit is told in one line.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"

python=${AEDIST_TORCH_PYTHON:-python3}
torch=true
if ! "$python" -c 'import h5py, torch' 2>/dev/null; then
    python=$AEDIST_PYTHON
    torch=false
fi

"$python" - <<'END' || exit 1
import os, random, struct

random.seed(1)
for folder, seed in ("images", 1), ("others", 2):
    os.mkdir(folder)
    random.seed(seed)
    for name, count in ("train", 160), ("t10k", 70):
        with open(f"{folder}/{name}-images-idx3-ubyte", "wb") as file:
            file.write(struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28))
            file.write(random.randbytes(count * 784))
        with open(f"{folder}/{name}-labels-idx1-ubyte", "wb") as file:
            file.write(struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(i % 10 for i in range(count)))
END

# train RUN RECIPE ARG...
train() {
    "$AEDIST" "$AEDIST_SOURCE/configs/$2.yaml" "${@:3}" --output "$1" >"$1.txt" </dev/null ||
        fail "$1: $(<"$1.txt")"
}
train bezier bezier data.samples=700 train.epochs=3 'sweep.seed=[1,18446744073709551615]' \
    'sweep.noise_scale=[0.5,1]'
train kept bezier data.samples=700 train.epochs=3 'sweep.seed=[1]' 'sweep.train.keep=[best,mean]' \
    train.ema=0.9 train.optimizer.adam.lr=0.5 metrics.every=1
train classify classify data.source=idx data.path=images train.epochs=1 data.holdout=30
train denoise denoise data.source=idx data.path=images train.epochs=1
train deep deep data.source=idx data.path=images train.epochs=1 data.memory=1.0e-6

# same RUN METRIC...: the recorded metrics, and beside them METRICs.
same() {
    local run=$1 set
    "$AEDIST" eval "$run" --json >"$run.json" 2>stderr </dev/null || fail "$run: $(<stderr)"
    [ -s stderr ] && fail "$run: $(<stderr)"
    "$python" "$AEDIST_SOURCE/tests/support/check_eval.py" "$run" "$run.json" "${@:2}" || fail "$run"
    mpirun -np 3 "$AEDIST" eval "$run" --json >ranks.json 2>stderr </dev/null ||
        fail "$run on 3 ranks: $(<stderr)"
    cmp "$run.json" ranks.json || fail "$run on 3 ranks"
    for set in avx512 avx2 plain; do
        if AEDIST_SIMD=$set "$AEDIST" eval "$run" --json >set.json 2>stderr; then
            cmp "$run.json" set.json || fail "$run with $set"
        elif ! grep -q 'no such kernel set' stderr; then
            fail "$run with $set: $(<stderr)"
        fi
    done
}
before=$(sha256sum ./*/*)
same bezier
same kept
same classify test_loss test_mse test_cross_entropy test_accuracy
same denoise
same deep

# value FILE METRIC
value() {
    "$python" -c 'import json, sys; print(json.loads(open(sys.argv[1]).readline())["metrics"][sys.argv[2]])' "$@"
}
for recipe in denoise deep; do
    "$AEDIST" eval $recipe t data.path=others --json >others.json || fail "$recipe on other data"
    other=$(value others.json val_loss)
    [ "$other" != "$(value $recipe.json val_loss)" ] || fail "$recipe: other data, the same loss"
    if $torch; then
        "$AEDIST" export $recipe t --to safetensors --output $recipe.safetensors >stdout || exit 1
        "$python" - "$AEDIST_SOURCE" $recipe "$other" <<'END' || exit 1
import sys
sys.path.insert(0, sys.argv[1] + "/tests/support")
from check_export import torch_loss
loss, other = torch_loss(sys.argv[2] + ".safetensors", sys.argv[2], "others"), float(sys.argv[3])
sys.exit(None if abs(other / loss - 1) < 1e-5 else f"FAILED: {other}, PyTorch finds {loss}")
END
    fi
done
# The same noise under another name draws other numbers, so the loss is close and not equal.
"$AEDIST" eval denoise 'evaluate.again={split: test, corrupt: train}' --json >again.json ||
    fail "another evaluation"
"$python" - <<'END' || exit 1
import json
metrics = json.loads(open("again.json").readline())["metrics"]
ratio = metrics["again_loss"] / metrics["noisy_loss"]
assert ratio != 1 and abs(ratio - 1) < 0.01, metrics
END
"$AEDIST" eval bezier >table.txt || fail "a table"
[ "$(wc -l <table.txt)" = 5 ] || fail "$(<table.txt)"
grep -q '^trial .* val_loss$' table.txt || fail "$(<table.txt)"

# refuse CODE TEXT ARG...: that exit code, and one line that holds TEXT.
refuse() {
    local code=$1 text=$2 status
    shift 2
    "$AEDIST" eval "$@" >stdout 2>stderr </dev/null
    status=$?
    if [ $status -ne "$code" ] || [ -s stdout ] || [ "$(wc -l <stderr)" -ne 1 ] ||
        ! grep -qF -- "$text" stderr; then
        fail "eval $*: exit $status, $(<stdout) $(<stderr)"
    fi
}
refuse 2 'nothing is named'
refuse 3 'is no run' images
refuse 2 "begins with 'x'; there are t" bezier x
refuse 2 'may be any of 4 trials' bezier t
refuse 2 "did you mean '--json'" bezier --jsno
refuse 2 'its decoder.0.weight is 64x32, that of this model is 65x32' deep t \
    model.decoder.0.linear.out=65 model.decoder.2.linear.out=255
refuse 2 'it has no parameter decoder.8.weight' denoise t 'model.decoder.+={conv2d: {out: 1, kernel: 1}}'
refuse 2 'parameter tensors, this model has' denoise t model.decoder.6.conv2d.bias=false
refuse 2 'makes a sweep of it' bezier 'sweep.seed=[1,2]'
refuse 2 "did you mean 'source'" deep t data.sourc=x
refuse 3 'nowhere' denoise t data.path=nowhere
mpirun -np 2 "$AEDIST" eval deep t model.decoder.0.linear.out=65 >stdout 2>stderr </dev/null &&
    fail "another shape on two ranks"
grep -q '^aedist: ' stderr || fail "$(<stderr)"
[ "$before" = "$(sha256sum ./*/*)" ] || fail "an evaluation changed a run"

# Data that have changed since show.
cp others/* images/
"$AEDIST" eval denoise >stdout 2>stderr || fail "$(<stderr)"
grep -q 'at the end of its training' stderr || fail "changed data are not told: $(<stderr)"
echo "stored models are what they were"
