#!/usr/bin/env bash
# snapshots.print: true shows what results.h5 holds of the first samples at every epoch of a snapshot,
# whichever group of ranks trains the trial; and it changes neither ids nor numbers.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"

# train RUN RANKS RECIPE ARG...
train() {
    mpirun -np "$2" "$AEDIST" "$AEDIST_SOURCE/configs/$3.yaml" "${@:4}" --output "$1" >"$1.txt" \
        2>&1 </dev/null || fail "$1: $(<"$1.txt")"
}
bezier=(data.samples=300 train.epochs=5 'sweep.seed=[1,2,3]' ranks_per_trial=1)
train quiet 1 bezier "${bezier[@]}" 'snapshots={every: 2, samples: 6}'
train bezier 2 bezier "${bezier[@]}" 'snapshots={every: 2, samples: 6, print: true}'
train signal 1 signal train.epochs=2 'snapshots={every: 1, samples: [7], print: true}'
train fc32 1 fc32 data.samples=100 data.test_samples=20 train.epochs=1 \
    'snapshots={every: 1, samples: 1, corrupt: [], print: true}'
grep -q '^snapshot' quiet.txt && fail "snapshots are printed unasked"
grep -q 'print: true' bezier/config.yaml || fail "the resolved config lacks it"

"$AEDIST_PYTHON" - <<'END' || exit 1
import re
import h5py
import numpy


def printed(run):
    """{(epoch, label, sample, name): rows}"""
    found, head, sample, name = {}, None, None, None
    for line in open(f"{run}.txt"):
        if match := re.fullmatch(r"snapshot  epoch (\d+) of (seed=\d+)(?:, the first .*)?\n", line):
            head = int(match[1]), match[2]
        elif match := re.fullmatch(r"  sample (\d+)\n", line):
            sample = int(match[1])
        elif head and line.startswith("    ") and "rows in all" not in line:
            name = line[4:12].strip() or name
            numbers = [float(word) for word in line[12:].split() if word != "..."]
            found.setdefault((*head, sample, name), []).append(numbers)
        else:
            head = None if not line.startswith("    ") else head
    return found


def check(run, epochs, samples, names, rows, numbers):
    found = printed(run)
    with h5py.File(f"{run}/results.h5") as file:
        trials = list(file["trials"].values())
        assert len(found) == len(trials) * len(epochs) * len(samples) * len(names), len(found)
        for trial in trials:
            shots = trial["snapshots"]
            places = list(shots["sample"])
            for at, epoch in enumerate(shots["epoch"]):
                for sample in samples:
                    for name in names:
                        value = shots["output"][at] if name == "output" else \
                            shots["input" if name == "noisy" else name]
                        value = value[places.index(sample)]
                        value = value.reshape(-1, value.shape[-1])[:rows, :numbers]
                        text = found[epoch, f"seed={trial.attrs['seed']}", sample, name]
                        assert numpy.allclose(text, value, rtol=6e-3), (run, epoch, sample, name)
    return trials


check("bezier", [0, 2, 4, 5], range(4), ["clean", "noisy", "output"], 1, 7)
check("signal", [0, 1, 2], [7], ["clean", "noisy", "output"], 4, 12)
check("fc32", [0, 1], [0], ["clean", "output"], 4, 12)
assert "the first 4 of 6 samples" in open("bezier.txt").read()
assert "... 28 rows in all" in open("fc32.txt").read()
with h5py.File("quiet/results.h5") as quiet, h5py.File("bezier/results.h5") as loud:
    for column in "trial", "weights_hash":
        assert (quiet["summary"][column][:] == loud["summary"][column][:]).all(), column
END
echo "what is printed is what is stored"
