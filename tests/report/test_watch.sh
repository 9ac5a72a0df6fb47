#!/usr/bin/env bash
# --watch makes the page of a run that goes on, with the epochs that only the log has yet, and ends with
# the run: the last page does not load itself again. A page is there whole or not at all.
set -uo pipefail
# shellcheck source=tests/report/common.sh
. "$AEDIST_SOURCE/tests/report/common.sh"
need h5py,matplotlib,jinja2

# A training that cannot end before it is stopped.
"$AEDIST" "$AEDIST_SOURCE/configs/bezier.yaml" train.epochs=100000000 'sweep.seed=[1]' metrics.every=50 \
    --output run >run.txt 2>&1 </dev/null &
trainer=$!
"$AEDIST_PYTHON" "$AEDIST_SOURCE/scripts/aedist-report" run --watch --interval 0.2 >stdout 2>stderr &
watcher=$!
# shellcheck disable=SC2064
trap "kill $trainer $watcher 2>/dev/null" EXIT

# until CONDITION...: waits for it, for a minute.
until_true() {
    for _ in $(seq 600); do
        "$@" && return
        kill -0 $watcher 2>/dev/null || fail "the watcher ended: $(<stderr)"
        sleep 0.1
    done
    fail "never: $*; $(<stdout) $(<stderr)"
}
until_true grep -qs 'data-refresh=' run/report.html
until_true grep -qs 'Validation loss by epoch' run/report.html
grep -q '</html>' run/report.html || fail "half a page"
grep -q '<b>1</b> running' run/report.html || fail "the trial does not run"
first=$(stat -c %i run/report.html)
another() { [ "$(stat -c %i run/report.html)" != "$first" ]; }
until_true another

kill -USR1 $trainer
wait $trainer
[ $? -eq 75 ] || fail "the training did not stop: $(<run.txt)"
wait $watcher || fail "the watcher: $(<stderr)"
[ ! -s stderr ] || grep -q '^waiting: ' stderr || fail "$(<stderr)"
grep -q 'the run has ended' stdout || fail "$(<stdout)"
grep -q 'data-refresh=' run/report.html && fail "the last page loads itself again"
grep -q 'Validation loss by epoch' run/report.html || fail "the last page has no curves"
[ -z "$(find run -name '.report-*')" ] || fail "a temporary file is left"
echo "the page follows the run"
