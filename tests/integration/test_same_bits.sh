#!/usr/bin/env bash
# The promise: weights and metrics have the same bits on any number of ranks and with any kernel set.
# Every recipe, as it stands and in a variant with at least 8 leaves a batch (an idle rank proves
# nothing), shortened. Those on images are in test_same_bits_images.sh.
source "$AEDIST_SOURCE/tests/support/same_bits.sh"

check bezier 2 bezier.yaml 'sweep.seed=[11,22]' train.epochs=3 data.samples=2000
check bezier-leaves 8 bezier.yaml 'sweep.seed=[11]' train.epochs=3 data.samples=2000 train.tile=16 \
    train.leaf=16 train.clip_norm=0.5
check signal 8 signal.yaml train.epochs=4
check linear2 2 linear2.yaml train.epochs=300
check linear2-leaves 8 linear2.yaml train.epochs=300 data.samples=203 train.tile=16 train.leaf=16
check linear4 2 linear4.yaml train.epochs=300
check linear4-leaves 8 linear4.yaml train.epochs=100 data.samples=203 train.batch=150 train.tile=16 \
    train.leaf=16
exit $failed
