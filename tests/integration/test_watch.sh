#!/usr/bin/env bash
# scripts/watch shows a run's trials from log.jsonl alone: ended, running, half a line, no line at all.
set -euo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
watch=$AEDIST_SOURCE/scripts/watch

"$AEDIST" "$AEDIST_SOURCE/configs/bezier.yaml" data.samples=500 train.epochs=3 \
    'sweep={seed: [1,2], train.optimizer.adam.lr: [1.0e-3, 1.0e+30]}' --output run >run.txt || true
"$watch" run --all >all.txt
grep -q '^2 done, 2 failed, 0 running of 4 trials; the run has ended: done; best val_loss 0.0' all.txt ||
    fail "an ended run: $(<all.txt)"
[ "$(grep -c ' done .* 3/3 ' all.txt)" -eq 2 ] || fail "rows: $(<all.txt)"
[ "$("$watch" run | wc -l)" -eq 2 ] || fail "only trials that run have rows: $("$watch" run)"

# As a reader finds it in the middle: a trial on its way, the next line half written.
grep -v -e trial_end -e run_end run/log.jsonl | head -4 >lines
mkdir half
head -c -20 lines >half/log.jsonl
"$watch" half --once >half.txt
grep -q '0 done, 0 failed, 1 running of 4 trials' half.txt || fail "half a log: $(<half.txt)"
: >half/log.jsonl
"$watch" half --once >half.txt || fail "an empty log"

status=0
"$watch" nothing 2>nothing.txt || status=$?
[ $status -eq 3 ] || fail "no run: $status $(<nothing.txt)"
grep -q 'nothing/log.jsonl' nothing.txt || fail "no file named"
"$watch" --help >help.txt
grep -q '^Usage: scripts/watch' help.txt || fail "no help"
