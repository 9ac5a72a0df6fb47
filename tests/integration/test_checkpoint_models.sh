#!/usr/bin/env bash
# The models of checkpoints: last and best weights of a trial on its way are evaluated, exported and told
# as those of an ended trial are; when it has ended they are gone, and its result has the best weights.
set -euo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"

# The learning rate is too large: the first epochs are better than many that follow.
config=("$AEDIST_SOURCE/configs/bezier.yaml" data.samples=4096 'sweep.seed=[1]' train.keep=best
    train.optimizer.adam.lr=0.1 checkpoint='{every: 1 epochs, keep: 2}' train.epochs=4000 metrics.every=1)
status=0
timeout 20 "$AEDIST" "${config[@]}" time_limit=0.5s --output run >run.txt 2>&1 </dev/null || status=$?
[ $status -eq 75 ] || fail "exit $status: $(<run.txt)"
files=(run/checkpoints/*)
[ ${#files[@]} -eq 3 ] || fail "not two last and a best one: ${files[*]}"
best=$(echo run/checkpoints/*.best.h5)
last=${files[1]}
[ "$last" != "$best" ] || last=${files[0]}

"$AEDIST" info "$best" >info.txt || fail "info: $(<info.txt)"
grep -q 'its best weights so far: of epoch [1-9]' info.txt || fail "$(<info.txt)"
"$AEDIST" info run >info.txt || fail "info: $(<info.txt)"
grep -q '^saved     3 checkpoints, 0 damaged' info.txt || fail "$(<info.txt)"
for model in best last; do
    "$AEDIST" eval "${!model}" --json >$model.json || fail "eval of $model"
    "$AEDIST" export "${!model}" --to csv --output $model.csv >/dev/null || fail "export of $model"
    "$AEDIST" export "${!model}" t --to csv --output - | cmp - $model.csv || fail "by its id"
done
! cmp -s best.csv last.csv || fail "the best weights are the last ones"

# The best model has the least loss of all that the checkpoint has recorded.
"$AEDIST_PYTHON" - "$best" <<'END' || fail "the best model"
import json, sys
import h5py

(trial,) = h5py.File(sys.argv[1])["trials"].values()
losses = trial["metrics/val_loss"][:]
values = [json.load(open(f"{name}.json"))["metrics"]["val_loss"] for name in ("best", "last")]
assert values[0] == min(losses), (values, min(losses))
assert values[1] != values[0], values
END

"$AEDIST" export "$best" no --to csv 2>stderr && fail "another trial"
grep -q "begins with 'no'" stderr || fail "$(<stderr)"
status=0
"$AEDIST" "${config[@]}" train.epochs=2 --output other model.init_from="{run: $best}" >stdout 2>stderr ||
    status=$?
[ $status -eq 2 ] || fail "begins with a trial on its way: exit $status"
grep -q 'has not ended; use one that is done' stderr || fail "$(<stderr)"

printf x | dd of="$best" bs=1 seek=3000 conv=notrunc status=none
"$AEDIST" eval "$best" 2>stderr >stdout && fail "a damaged one"
grep -q 'is damaged (its checksum is wrong)' stderr || fail "$(<stderr)"

# A resume does not need it.
"$AEDIST" "${config[@]}" --output run >run.txt 2>&1 </dev/null || fail "$(<run.txt)"
[ ! -e run/checkpoints ] || fail "left over: $(ls run/checkpoints)"
"$AEDIST" "${config[@]}" --output whole >whole.txt 2>&1 </dev/null || fail "$(<whole.txt)"
"$AEDIST_PYTHON" "$AEDIST_SOURCE/tests/support/compare_runs.py" whole run || fail "other results"
echo "checkpoints' models are whole models"
