#!/usr/bin/env bash
# Analyses with the training and afterwards: what NumPy finds from the same weights and samples, the same
# bits on any number of ranks, and what does not fit refused before any training.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"

# run NAME RANKS ARG...
run() {
    mpirun -np "$2" "$AEDIST" "${@:3}" >"$1.txt" 2>&1 </dev/null || fail "$1: $(<"$1.txt")"
}

compare() {
    "$AEDIST_PYTHON" "$AEDIST_SOURCE/tests/support/compare_runs.py" "$@" || fail "$* differ"
}

bezier=("$AEDIST_SOURCE/configs/bezier.yaml" data.samples=1000 train.epochs=30 metrics.every=5
    'sweep.seed=[1,2]')
bezier_analyses=(analysis.ablation=true 'analysis.assemble={border: 3, count: 1000}'
    'analysis.decode={vectors: [[0,0.1,0.2],[0.1,0.1,0]], one_hot: true, range: [-1,1], steps: 5}'
    analysis.encode.count=100 'analysis.epochs_to=[0.08,1.0e-9]' analysis.filters=true
    analysis.pca=5 analysis.products=3 analysis.reconstruct.count=1000
    'analysis.robustness=[0,0.01,0.1]' analysis.shared_point=3 analysis.worst=5
    analysis.stride_power=true)
run bezier1 1 "${bezier[@]}" "${bezier_analyses[@]}" --output bezier1
for ranks in 2 3; do
    run bezier$ranks $ranks "${bezier[@]}" "${bezier_analyses[@]}" ranks_per_trial=$ranks \
        --output bezier$ranks
    compare bezier1 bezier$ranks
done
run plain 2 "${bezier[@]}" --output plain
run plain-analyzed 3 analyze plain "${bezier_analyses[@]}"
compare bezier1 plain
# Once more, into what is there; and one trial alone keeps what the other has.
run again 1 analyze plain analysis.ablation=true analysis.filters=true
trial=$("$AEDIST" eval plain --json | head -n 1 | grep -o 't[0-9a-f]\{12\}')
run one 1 analyze plain "$trial" analysis.filters=true analysis.worst=5
compare bezier1 plain

glyphs=("$AEDIST_SOURCE/configs/conv.yaml" data.samples=600 data.test_samples=150 train.epochs=1)
glyph_analyses=(analysis.code_confusion=true analysis.probe=true analysis.encode.count=150
    'analysis.robustness=[0,0.5]' analysis.ablation.split=test analysis.worst.corrupt=train
    analysis.stride_power=true 'analysis.reconstruct={samples: [3, 77], split: train}')
run glyphs1 1 "${glyphs[@]}" "${glyph_analyses[@]}" --output glyphs1
run glyphs2 2 "${glyphs[@]}" --output glyphs2
run glyphs2-analyzed 2 analyze glyphs2 "${glyph_analyses[@]}"
compare glyphs1 glyphs2
# Beside the confusion matrix that a loss on labels leaves in any case.
run classify 2 "$AEDIST_SOURCE/configs/classify.yaml" data.samples=200 data.test_samples=50 \
    train.epochs=1 analysis.decode.one_hot=true analysis.code_confusion=true \
    'analysis.ablation.corrupt=train' --output classify
run logits 1 analyze classify 'analysis.decode={tap: logits, one_hot: true, range: [0, 1], steps: 3}'
"$AEDIST_PYTHON" "$AEDIST_SOURCE/tests/support/check_analysis.py" bezier1 glyphs1 classify ||
    fail "analyses are not what NumPy finds"

# refuse CODE MESSAGE ARG...
refuse() {
    local code=0
    "$AEDIST" "${@:3}" --output refused >refused.txt 2>&1 </dev/null || code=$?
    [ "$code" -eq "$1" ] || fail "${*:3}: exit $code, wanted $1: $(<refused.txt)"
    grep --quiet --fixed-strings -- "$2" refused.txt || fail "${*:3}: $(<refused.txt)"
    [ ! -e refused ] || fail "${*:3} began something"
}

refuse 2 "did you mean 'ablation'" "${bezier[@]}" analysis.ablatoin=true
refuse 2 'the tap code has 3 channels' "${bezier[@]}" 'analysis.decode.vectors=[[1,2]]'
refuse 2 'needs labels' "${bezier[@]}" analysis.probe=true
refuse 2 'are not cut into windows' "${bezier[@]}" data.window=null analysis.assemble=true
refuse 2 'is no metric' "${bezier[@]}" 'analysis.epochs_to={levels: 0.1, metric: val_los}'
refuse 2 'has 1000 samples' "${bezier[@]}" 'analysis.reconstruct.samples=[1000]'
refuse 2 'there is no point 7' "${bezier[@]}" analysis.shared_point=7
refuse 2 "unknown key" "${bezier[@]}" analysis.worst.cuont=2
refuse 2 'train the same' "${bezier[@]}" 'sweep.analysis.worst=[1,2]'
wide=("${glyphs[@]}" 'model.decoder=[{linear: 784},{unflatten: [1,28,28]}]')
refuse 2 'is too wide' "${wide[@]}" 'model.encoder=[flatten,{linear: 5000}]' \
    analysis.code_confusion=true
refuse 2 'at most 4096 channels' "${wide[@]}" 'model.encoder=[flatten,{linear: 5000}]' \
    analysis.products=true
refuse 2 'more than 2^31 - 1 numbers' "${wide[@]}" 'model.encoder=[flatten,{linear: 500}]' \
    'analysis.decode={range: [0,1], steps: 10001}'
refuse 2 'more than 2^31 - 1 numbers' "${wide[@]}" 'model.encoder=[flatten,{linear: 64}]' \
    data.samples=50000 'analysis.reconstruct={split: train, count: 60000}'

# told CODE MESSAGE ARG...
told() {
    local code=0
    "$AEDIST" analyze "${@:3}" >told.txt 2>&1 </dev/null || code=$?
    [ "$code" -eq "$1" ] || fail "analyze ${*:3}: exit $code, wanted $1: $(<told.txt)"
    grep --quiet --fixed-strings -- "$2" told.txt || fail "analyze ${*:3}: $(<told.txt)"
}

told 2 'which analyses?' glyphs2
told 2 'the models are trained' plain train.epochs=3
told 2 'needs labels' plain analysis.code_confusion=true
told 3 'config.yaml' nowhere analysis.ablation=true
