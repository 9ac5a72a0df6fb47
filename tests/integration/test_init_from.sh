#!/usr/bin/env bash
# The bezier2 recipe: parts begin with the parameters of a stored trial, frozen ones keep them to the bit,
# on any number of ranks; the id depends on the weights, not on their folder; misfits are named.
set -euo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
configs=$AEDIST_SOURCE/configs
short=(data.samples=1000 train.optimizer.adam.lr=1.0e-2)

"$AEDIST" "$configs/bezier.yaml" 'sweep.seed=[11]' "${short[@]}" train.epochs=30 \
    --output runs/windows >windows.txt
"$AEDIST" "$configs/bezier2.yaml" "${short[@]}" train.epochs=20 --output one >one.txt
mpirun -np 2 "$AEDIST" "$configs/bezier2.yaml" "${short[@]}" train.epochs=20 --output two >two.txt
mv runs/windows runs/elsewhere
"$AEDIST" "$configs/bezier2.yaml" "${short[@]}" train.epochs=20 \
    model.init_from.run=runs/elsewhere --output moved >moved.txt

"$AEDIST_PYTHON" - <<'END'
import h5py

def read(run):
    with h5py.File(f"{run}/results.h5") as file:
        (name, trial), = file["trials"].items()
        weights = {key: value[()] for key, value in trial["parameters"].items()}
        return name, trial.attrs["weights_hash"], weights, trial["metrics/val_loss"][()]

_, _, stored, _ = read("runs/elsewhere")
name, digest, weights, losses = read("one")
for own, other in ("encoder.0", "encoder.0"), ("decoder.2", "decoder.0"):
    for what in "weight", "bias":
        assert (weights[f"{own}.{what}"] == stored[f"{other}.{what}"]).all(), own
assert losses[-1] < 0.5 * losses[0], losses
assert read("two")[:2] == (name, digest)
assert read("moved")[:2] == (name, digest)
END

# refused MESSAGE OVERRIDE ...
refused() {
    local message=$1 status=0
    shift
    "$AEDIST" "$configs/bezier2.yaml" "${short[@]}" model.init_from.run=runs/elsewhere "$@" \
        --output refused >/dev/null 2>errors.txt || status=$?
    [[ $status == 2 ]] || fail "exit $status: $(cat errors.txt)"
    grep -qF -- "$message" errors.txt || fail "$(cat errors.txt) does not say: $message"
    [[ ! -e refused ]] || fail "a folder was made"
}
refused 'has no encoder.3.weight for encoder.3.weight; name the parts' \
    'model.init_from={run: runs/elsewhere}'
# The second trial of a sweep, before the first is trained.
refused 'has no encoder.3.weight for encoder.3.weight; name the parts' \
    'sweep.model.init_from=[{run: runs/elsewhere, parts: {encoder.0: encoder.0}}, {run: runs/elsewhere}]'
refused 'this model has no parameters in a part' \
    'model.init_from={run: runs/elsewhere, parts: {decoder.7: decoder.0}}'
refused 'encoder.0.weight is 3x1x5, but encoder.0.weight of trial' \
    model.encoder.0.kernel=5 model.encoder.0.padding=1 model.decoder.2.kernel=5 \
    model.decoder.2.output_padding=2
refused "no ended trial's id begins with 'nonsense'" model.init_from.trial=nonsense
refused 'nothing is left to be trained' 'train.freeze=[encoder, decoder]'
