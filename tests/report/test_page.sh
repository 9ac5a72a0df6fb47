#!/usr/bin/env bash
# The report of real runs, with analyses that are made up, in a browser: nothing is said in the console,
# nothing is asked of the network, every figure is there, and tabs, slider and tables do what they say
# by mouse and by keyboard, wide and narrow, light and dark.
set -uo pipefail
# shellcheck source=tests/report/common.sh
. "$AEDIST_SOURCE/tests/report/common.sh"
need h5py,matplotlib,jinja2,websocket
if ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then
    echo "skipped: there is no chromium; 'scripts/setup --tests' installs it"
    exit 77
fi

# Curves, in a sweep over noise of which one trial fails; images with classes; vectors of two numbers.
train 5 bezier bezier train.epochs=60 'sweep.seed=[1,2,3]' 'sweep.noise_scale=[0,1]' \
    'variants={good: {}, wild: {train.optimizer: {sgd: {lr: 1.0e+30}}}}' 'sweep.variant=[good,wild]' \
    'sweep.exclude=[{variant: wild, seed: [1, 2]}, {variant: wild, noise_scale: 1}]' \
    snapshots.every=10 snapshots.samples=8
train 0 classify classify data.samples=400 data.test_samples=100 train.epochs=2 'sweep.seed=[1,2]' \
    snapshots.every=1 snapshots.samples=6
train 0 linear linear2 train.epochs=200 snapshots.every=50
forge bezier
forge classify
for run in bezier classify linear; do
    report "$run" >stdout || fail "report $run"
    grep -q "^$run/report.html: " stdout || fail "$(<stdout)"
done
grep -q 'wild.*failed' bezier/report.html || fail "the failed trial is not told"
grep -q 'diverged at step' bezier/report.html || fail "why a trial failed is not told"
grep -q 'no better than' linear/report.html || fail "a training that learned nothing is not told"
report bezier --compare classify --output both.html >stdout || fail "--compare"
grep -q '^+data: {source: glyphs' both.html || fail "how the configs differ is not told"
"$AEDIST_PYTHON" - bezier/report classify/report linear/report <<'END' || fail "the figures' files"
import pathlib, sys
import xml.etree.ElementTree
for folder in map(pathlib.Path, sys.argv[1:]):
    files = list(folder.iterdir())
    assert len(files) > 3 and {file.suffix for file in files} >= {".svg", ".apng"}, files
    for file in files:
        if file.suffix == ".svg":
            assert "var(" not in file.read_text(), file
            xml.etree.ElementTree.parse(file)
        else:
            assert file.read_bytes().startswith(b"\x89PNG"), file
END
"$AEDIST_PYTHON" "$AEDIST_SOURCE/tests/report/check_page.py" bezier/report.html classify/report.html \
    linear/report.html both.html || fail "in the browser"
echo "the pages are as they should be"
