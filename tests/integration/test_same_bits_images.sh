#!/usr/bin/env bash
# test_same_bits.sh for the recipes on images. Each is four trials in one run: batches of nine leaves and
# of two tiles, neither of which divides the samples, and fewer samples than ranks.
source "$AEDIST_SOURCE/tests/support/same_bits.sh"

for recipe in fc32 conv upsample denoise deep classify smallconv; do
    check $recipe 8 $recipe.yaml 'sweep.train.batch=[140,20]' 'sweep.data.samples=[150,3]' \
        data.test_samples=20 train.tile=16 train.leaf=16 train.epochs=1
done
exit $failed
