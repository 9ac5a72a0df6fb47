#!/usr/bin/env bash
# docs/results-format.md names everything that results.h5 holds, and nothing that it does not: the page is
# held against runs of curves and of labelled images with all analyses and metrics.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"

# train CODE RUN RECIPE ARG...: exits with CODE.
train() {
    local status
    "$AEDIST" "$AEDIST_SOURCE/configs/$3.yaml" "${@:4}" --output "$2" >"$2.txt" 2>&1 </dev/null
    status=$?
    [ $status -eq "$1" ] && return
    echo "FAILED: $2: exit $status: $(<"$2.txt")"
    exit 1
}

train 5 curves bezier data.samples=256 train.epochs=20 'sweep.seed=[1,2]' 'sweep.noise_scale=[0,1]' \
    'variants={good: {}, wild: {train.optimizer: {sgd: {lr: 1.0e+30}}}}' 'sweep.variant=[good,wild]' \
    train.ema=0.9 train.keep=best train.early_stopping.patience=15 snapshots.every=10 \
    'metrics={every: 5, norms: true, layer_norms: true, skill: true, code_dimension: true}' \
    'analysis={ablation: true, assemble: true, epochs_to: [0.01], filters: true, pca: true,
        decode: {vectors: [[0, 0, 0]], one_hot: true, range: [-1, 1]}, products: true, reconstruct: 4,
        robustness: [0, 0.1], shared_point: true, stride_power: true, worst: 3}'
train 0 images classify data.samples=100 data.test_samples=50 train.epochs=2 metrics.dead_units=true \
    'evaluate.noisy={split: test, corrupt: [{gaussian: 0.5}]}' \
    'analysis={code_confusion: true, encode: true, probe: true}'
train 0 still linear2 train.epochs=50 metrics.every=1 train.optimizer.sgd.lr=1.0e-20
"$AEDIST_PYTHON" "$AEDIST_SOURCE/tests/support/check_results_format.py" \
    "$AEDIST_SOURCE/docs/results-format.md" ./*/results.h5
