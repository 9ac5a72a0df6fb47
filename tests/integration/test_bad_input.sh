#!/usr/bin/env bash
# Wrong inputs: one clear line on stderr, the documented exit code, on one rank and on three, and no
# results that look whole.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
failed=0
number=0

no_trial_done='
import h5py, sys
sys.exit(b"done" in h5py.File(sys.argv[1])["summary/status"][()])'

# expect CODE TEXT CONFIG ARG...: the run must exit with CODE and say TEXT (a regular expression) in
# the one line that it writes to stderr; nothing must be left in its output folder.
expect() {
    local code=$1 text=$2 ranks status out lines
    shift 2
    number=$((number + 1))
    for ranks in 1 3; do
        out=out-$number-$ranks
        if [ $ranks = 1 ]; then
            timeout 60 "$AEDIST" "$@" --output "$out" >stdout 2>stderr </dev/null
        else
            timeout 60 mpirun -q -np $ranks "$AEDIST" "$@" --output "$out" >stdout 2>stderr </dev/null
        fi
        status=$?
        lines=$(grep -c '^aedist: ' stderr)
        if [ $status -ne "$code" ] || [ "$lines" -ne 1 ] || ! grep -qE "^aedist: .*$text" stderr; then
            echo "FAILED on $ranks ranks: aedist $*"
            echo "  wanted exit $code and one line with: $text"
            echo "  got exit $status and:"
            sed 's/^/    /' stderr | head -5
            failed=1
        fi
        # A run that failed in training may leave results, but none that say that a trial is done.
        if [ -e "$out/results.h5" ] && ! "$AEDIST_PYTHON" -c "$no_trial_done" "$out/results.h5"; then
            echo "FAILED on $ranks ranks: aedist $* left a trial as done in $out/results.h5"
            failed=1
        fi
    done
}

good=$AEDIST_SOURCE/configs/bezier.yaml
short=(train.epochs=2 data.samples=256 'sweep.seed=[1]')

sed 's/conv1d: {out: 3, kernel:/conv1d: {out: 3, kernal:/' "$good" >typo.yaml
expect 2 "typo.yaml:[0-9]+:[0-9]+: unknown key 'kernal'.*did you mean 'kernel'" typo.yaml
expect 2 "train.bathc=64: unknown key.*did you mean 'batch'" "$good" train.bathc=64
expect 2 "train.batch=many: " "$good" train.batch=many
expect 2 "train.epochs=0: " "$good" train.epochs=0
expect 2 "data.samples=0: " "$good" data.samples=0
expect 2 "spans 70 points" "$good" model.encoder.0.conv1d.kernel=70
expect 2 "in the trial seed=1 model.encoder.0.kernel=9" "$good" 'sweep.seed=[1,2]' \
    'sweep.model.encoder.0.kernel=[7,9]'
expect 2 "output is 1x11, but a sample is 1x7" "$good" model.decoder.0.conv_transpose1d.kernel=11
expect 2 "2 values for 3 channels" "$good" 'model.code.noise=[0.1,0.2]'
expect 2 "bce is defined for targets in \[0, 1\], but the data lies in" "$good" train.loss=bce
expect 2 "bce is defined for outputs in \[0, 1\], but those of decoder.0" \
    "$AEDIST_SOURCE/configs/linear4.yaml" train.loss=bce
expect 2 "unknown option '--dryrun'.*did you mean '--dry-run'" "$good" --dryrun
expect 3 "no-such.yaml: " no-such.yaml
head -c 4000 /dev/urandom >random.yaml
expect 2 "random.yaml" random.yaml
: >empty.yaml
expect 2 "empty.yaml" empty.yaml
expect 2 "functions.*cos\(x" "$AEDIST_SOURCE/configs/signal.yaml" 'data.functions=["cos(x"]'
expect 2 "nosuch" "$AEDIST_SOURCE/configs/signal.yaml" 'data.functions=["nosuch(x)"]'
# Finite at the points tried when the config is read, not for every start: found in training.
expect 3 "not (finite|a number)|NaN|nan" "$AEDIST_SOURCE/configs/signal.yaml" \
    'data.functions=["log(x+4000)","x","x","x"]'

# An output that cannot be written: a file where the folder should be.
: >file
for ranks in 1 3; do
    mpirun -q -np $ranks "$AEDIST" "$good" "${short[@]}" --output file/run >stdout 2>stderr </dev/null
    status=$?
    if [ $status -ne 3 ] || [ "$(grep -c '^aedist: .*file' stderr)" -ne 1 ]; then
        echo "FAILED on $ranks ranks: an output below a file: exit $status"
        cat stderr
        failed=1
    fi
done

# Diverging: exit 4, the step and the layer, on any number of ranks alike.
for ranks in 1 3; do
    mpirun -q -np $ranks "$AEDIST" "$good" "${short[@]}" train.optimizer.adam.lr=1.0e+30 \
        --output diverged-$ranks >stdout 2>stderr </dev/null
    status=$?
    if [ $status -ne 4 ] || ! grep -qE 'diverged at step 2 \(epoch 1\): .*decoder.0' stdout; then
        echo "FAILED on $ranks ranks: diverging: exit $status"
        cat stdout stderr
        failed=1
    fi
done
# One trial of two diverges: the other is done, exit 5; a rerun says so and trains nothing.
mixed=("$good" train.epochs=2 data.samples=256 'sweep.seed=[1]'
    'sweep.train.optimizer.adam.lr=[1.0e-3,1.0e+30]' --output mixed)
for run in first again; do
    "$AEDIST" "${mixed[@]}" >stdout 2>stderr </dev/null
    status=$?
    if [ $status -ne 5 ] || { [ $run = again ] && ! grep -q '^resume ' stdout; }; then
        echo "FAILED: one trial of two diverges, $run: exit $status"
        cat stdout stderr
        failed=1
    fi
done
# The second trial's data fails: the first is done, exit 5.
mpirun -q -np 2 "$AEDIST" "$AEDIST_SOURCE/configs/signal.yaml" train.epochs=2 \
    'data.functions=["sqrt(x+4000)","x","x","x"]' 'sweep.data.start=[[0,1],[-5000,5000]]' \
    --output half >stdout 2>stderr </dev/null
status=$?
if [ $status -ne 5 ] || ! grep -q 'failed: .*sqrt' stdout ||
    ! "$AEDIST_PYTHON" -c "
import h5py
assert list(h5py.File('half/results.h5')['summary/status']) == [b'done', b'failed']"; then
    echo "FAILED: the data of the second of two trials: exit $status"
    cat stdout stderr
    failed=1
fi
# The data of all trials fail: exit 3, and so says a rerun, which trains nothing.
for run in first again; do
    "$AEDIST" "$AEDIST_SOURCE/configs/signal.yaml" train.epochs=2 \
        'data.functions=["sqrt(x+4000)","x","x","x"]' 'sweep.data.start=[[-6000,1],[-5000,5000]]' \
        --output none >stdout 2>stderr </dev/null
    status=$?
    if [ $status -ne 3 ] || { [ $run = again ] && ! grep -q '^resume ' stdout; }; then
        echo "FAILED: the data of all trials, $run: exit $status"
        cat stdout stderr
        failed=1
    fi
done
[ $failed = 0 ] && echo "$number wrong inputs refused as documented"
exit $failed
