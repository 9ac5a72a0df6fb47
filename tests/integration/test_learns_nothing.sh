#!/usr/bin/env bash
# Trainings that learn nothing, with the checks of set-ups off: they really do not, and that is said, once
# on stderr, in the log, at the end and with the trial; the same on any number of ranks and after a stop.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
failed=0
off='{reach: none, loss_targets: none, loss_outputs: none}'

fail() {
    echo "FAILED: $1"
    sed 's/^/    /' stderr | head -9
    failed=1
}

# run RANKS CONFIG OUTPUT ARG...: must be done; leaves stdout and stderr.
run() {
    local ranks=$1 config=$2 output=$3 launcher=()
    shift 3
    [ "$ranks" -eq 1 ] || launcher=(mpirun -q -np "$ranks")
    timeout 100 "${launcher[@]}" "$AEDIST" "$config" --output "$output" checks="$off" "$@" \
        >stdout 2>stderr </dev/null || fail "$output: exit $?"
}

# lines FILE COUNT TEXT: so many lines of the file have TEXT.
lines() {
    [ "$(grep -c "$3" "$1")" -eq "$2" ] || fail "not $2 lines of $1 have '$3'"
}

# The relu at the end of a model of signals of both signs, with the mse and with the bce.
signal=$AEDIST_SOURCE/configs/signal.yaml
for loss in mse bce; do
    run 1 "$signal" "$loss" model.decoder.+=relu train.loss=$loss train.epochs=40 seed=3
    at=$([ $loss = mse ] && echo 0.0833 || echo 0.0559)
    text="every output 0 since epoch [0-9]*; loss $at = predicting zero (the rule watch.output)"
    lines stderr 1 "^aedist: warning: $text\$"
    lines stdout 1 "^warning   seed=3: $text\$"
    lines $loss/log.jsonl 1 "\"event\": \"warning\".*\"symptom\": \"output\".*$text"
done

# The classifier of tutorials: sigmoid behind a relu, on inputs scaled to a mean of 0.
cat >classifier.yaml <<'END'
data: {source: glyphs, samples: 100, test_samples: 40, scale: {mean: 0.1307, std: 0.3081}}
model:
  encoder:
    - conv2d: {out: 4, kernel: 5, stride: 2}
    - dropout2d: 0.2
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
train: {loss: mse, optimizer: {sgd: {lr: 0.01, momentum: 0.5}}, batch: 32, epochs: 50}
metrics: {skill: true, code_dimension: true, layer_norms: true}
END
run 1 classifier.yaml whole
lines stderr 1 'warning: no better than the mean since epoch 1: mse 1.2[0-9]*, predicting the mean sample gives 0.6'
run 1 classifier.yaml quiet 'watch={skill: none, output: none, still: none, dead: none}'
lines stderr 0 warning
lines stdout 0 '^warning'
run 1 classifier.yaml ended watch='{after: 4, output: stop}'

# The same on several ranks; and in pieces, as the time grows that a job has.
for ranks in 2 3; do run $ranks classifier.yaml "ranks$ranks" ranks_per_trial=$ranks; done
: >told
for ((tenths = 2; tenths < 100; tenths += 1 + tenths / 5)); do
    timeout 60 "$AEDIST" classifier.yaml --output pieces checks="$off" time_limit="$((tenths / 10)).$((tenths % 10))s" \
        >stdout 2>stderr </dev/null
    status=$?
    cat stderr >>told
    [ "$status" -eq 75 ] || break
done
[ "$status" -eq 0 ] || fail "pieces: exit $status"
lines told 1 'warning: no better than the mean'
lines pieces/log.jsonl 1 '"symptom": "skill"'

"$AEDIST_PYTHON" - <<'END' || failed=1
import h5py, sys
def trial(run):
    with h5py.File(f"{run}/results.h5") as file:
        group, = file["trials"].values()
        metrics = {name: data[()].tobytes() for name, data in group["metrics"].items() if name != "time_s"}
        return dict(group.attrs), dict(group["analysis"].attrs), metrics, group["metrics/epoch"][-1]
def check(right, text):
    if not right:
        print("FAILED:", text)
        sys.exit(1)
for loss in "mse", "bce":
    check("every output 0 since" in trial(loss)[0]["warnings"], f"{loss}: no warning")
whole, analysis, metrics, last = trial("whole")
check(whole["warnings"].startswith("no better than the mean since epoch 1: "), whole["warnings"])
check(whole["reason"] == "" and whole["status"] == "done" and last == 50, "not done")
check(analysis["skill"] < 0, "a skill")
check("stopped_early" not in analysis, "stopped early")
check(metrics.keys() >= {"skill", "code_dimension", "grad_norm.encoder.0"}, str(list(metrics)))
for run in "ranks2", "ranks3", "pieces":
    other = trial(run)
    check(other[0]["warnings"] == whole["warnings"], f"{run}: {other[0]['warnings']}")
    check(other[2] == metrics, f"{run}: other metrics")
check("warnings" not in trial("quiet")[0], "a warning though nothing is watched")
check(trial("quiet")[0]["weights_hash"] == whole["weights_hash"], "watching changes the weights")
ended, analysis, _, last = trial("ended")
check(ended["status"] == "done" and last == 4 and analysis["stopped_early"] == 1, f"ended at {last}")
check("every output the same for all samples since epoch 1" in ended["warnings"], ended["warnings"])
END
exit $failed
