#!/usr/bin/env bash
# Exported parameters are those of results.h5, to the bit, and compute the recorded loss in PyTorch.
# What is asked for wrongly is told in one line, and nothing is written over. The Python of
# AEDIST_TORCH_PYTHON, else python3, is used if it has torch; else the plain one, without that part.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"

python=${AEDIST_TORCH_PYTHON:-python3}
"$python" -c 'import h5py, torch' 2>/dev/null || python=$AEDIST_PYTHON

"$python" - <<'END' || exit 1
import os, random, struct

random.seed(1)
os.mkdir("images")
for name, count in ("train", 160), ("t10k", 70):
    with open(f"images/{name}-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28) + random.randbytes(count * 784))
    with open(f"images/{name}-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(i % 10 for i in range(count)))
END

# check RUN [RECIPE IMAGES]: the run's only trial in both formats.
check() {
    local run=$1 id
    id=$("$python" -c 'import h5py, sys; print(*h5py.File(sys.argv[1])["trials"])' "$run/results.h5")
    [ "$("$AEDIST" export "$run" "${id:0:5}" --to safetensors --output "$run.safetensors")" = \
        "$run.safetensors" ] || fail "$run: the name of the safetensors file"
    "$AEDIST" export "$run" "$id" --to csv --output - >"$run.csv" || fail "$run: to csv"
    "$python" "$AEDIST_SOURCE/tests/support/check_export.py" "$run" "$run.safetensors" "$run.csv" \
        "${@:2}" || fail "$run"
}

for recipe in denoise deep classify; do
    "$AEDIST" "$AEDIST_SOURCE/configs/$recipe.yaml" data.source=idx data.path=images train.epochs=1 \
        --output $recipe >$recipe.txt </dev/null || fail "$recipe: $(<$recipe.txt)"
    check $recipe $recipe images
done
"$AEDIST" "$AEDIST_SOURCE/configs/bezier.yaml" data.samples=500 train.epochs=2 \
    'sweep.seed=[1]' --output bezier >bezier.txt </dev/null || fail "bezier: $(<bezier.txt)"
check bezier

# refuse CODE TEXT ARG...: that exit code, one line that holds TEXT, and the run as it was.
refuse() {
    local code=$1 text=$2 status
    shift 2
    "$AEDIST" export "$@" >stdout 2>stderr </dev/null
    status=$?
    if [ $status -ne "$code" ] || [ -s stdout ] || [ "$(wc -l <stderr)" -ne 1 ] ||
        ! grep -qF -- "$text" stderr; then
        fail "export $*: exit $status, $(<stderr)"
    fi
}
"$AEDIST" export bezier --to csv --output - | cmp - bezier.csv || fail "the only trial needs no name"
"$AEDIST" "$AEDIST_SOURCE/configs/bezier.yaml" data.samples=500 train.epochs=1 'sweep.seed=[1,2]' \
    --output sweep >sweep.txt </dev/null || fail "$(<sweep.txt)"
before=$(sha256sum bezier/*)
refuse 2 'nothing is named' --to csv
refuse 2 'may be any of 2 trials' sweep --to csv
refuse 2 "did you mean '--output'" bezier t --outptu x
refuse 2 "did you mean 'csv'" bezier t --to cvs
refuse 2 '--to safetensors or --to csv is missing' bezier t
refuse 2 "begins with 'x'; there are t" bezier x --to csv
refuse 2 'one word too many' bezier t t --to csv
refuse 3 'is no run' images t --to csv
refuse 3 'which is not overwritten' bezier t --to csv --output bezier/ledger
refuse 3 'which is not overwritten' bezier t --to csv --output bezier/results.h5
refuse 3 'is no plain file' bezier t --to csv --output /dev/null
refuse 3 'is no plain file' bezier t --to csv --output images
refuse 3 'no/such' bezier t --to csv --output no/such/file
[ "$before" = "$(sha256sum bezier/*)" ] || fail "a refused export changed the run"
"$AEDIST" export bezier t --to csv --output - >/dev/full 2>stderr && fail "a full disk"
"$AEDIST" export --help | grep -q '^Usage: aedist export' || fail "export --help"
mpirun -np 2 "$AEDIST" export bezier t --to csv --output two.csv >two.txt 2>&1 </dev/null ||
    fail "on two ranks: $(<two.txt)"
cmp two.csv bezier.csv || fail "two.csv"
[ "$(<two.txt)" = two.csv ] || fail "on two ranks: $(<two.txt)"
echo "exported parameters are those of the run"
