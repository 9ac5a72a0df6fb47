#!/usr/bin/env bash
# Data that do not fit the memory given are read while others are trained on: weights and losses are
# those of data in memory, on any number of ranks, and what cannot be read ends the run as it should.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
failed=0

"$AEDIST_PYTHON" - <<'END' || exit 1
import h5py
import numpy

random = numpy.random.default_rng(1)
values = random.random((1600, 6, 1)) * random.random((1600, 1, 6))
with h5py.File("data.h5", "w") as file:
    file.create_dataset("bytes", data=(255 * values).astype("u1"), chunks=(16, 6, 6),
                        compression="gzip", fletcher32=True)
    file["floats"] = (10 * values - 3).astype("f8")
    file["labels"] = numpy.arange(1600) % 5
    file["test"] = (255 * values[::-3]).astype("u1")
    file["test_labels"] = numpy.arange(1600)[::-3] % 5

# One packed chunk with a byte changed.
with h5py.File("data.h5", "r") as file, open("damaged.h5", "wb") as damaged:
    with open("data.h5", "rb") as whole:
        content = bytearray(whole.read())
    content[file["bytes"].id.get_chunk_info(50).byte_offset + 100] ^= 1
    damaged.write(content)
END

cat >config.yaml <<'END'
data: {source: hdf5, path: "data.h5:/bytes", labels: /labels, test: /test, test_labels: /test_labels}
model:
  encoder: [flatten, {linear: 5}]
  decoder: [{linear: 36}, {unflatten: [1, 6, 6]}]
train:
  loss: {reconstruction: {mse: 1.0}, code: {cross_entropy: 0.1}}
  optimizer: {sgd: {lr: 0.1}}
  batch: 100
  epochs: 2
  tile: 16
  leaf: 32
evaluate:
  test: {split: test}
END
floats=(data.path=data.h5:/floats data.test=null data.test_labels=null data.holdout=0.25
    data.scale=batch_max 'evaluate=null')

# losses NAME RANKS ARG...: trains, and writes weights and losses, without times, to the file NAME.
losses() {
    local name=$1 ranks=$2
    shift 2
    if ! timeout 60 mpirun -q -np "$ranks" "$AEDIST" config.yaml "$@" --output "out-$name" \
        >stdout 2>stderr </dev/null; then
        echo "FAILED: training $name: $(head -3 stderr)"
        failed=1
    fi
    grep -E '^seed=' stdout | sed -E 's/ +[0-9.]+ s( |$)/ /' >"$name"
    if ! grep -q 'weights [0-9a-f]' "$name"; then
        echo "FAILED: no losses of $name in: $(cat stdout)"
        failed=1
    fi
}

same() {
    if ! cmp -s "$1" "$2"; then
        echo "FAILED: $2 is not $1:"
        cat "$2" "$1"
        failed=1
    fi
}

losses bytes 1
losses floats 1 "${floats[@]}"
for ranks in 1 3; do
    # GiB: less than a tile of bytes, and more than all bytes of an epoch's two leaves.
    for memory in 1.0e-6 2.0e-5; do
        losses bytes-$ranks-$memory $ranks data.memory=$memory
        same bytes bytes-$ranks-$memory
    done
    losses floats-$ranks $ranks "${floats[@]}" data.memory=2.0e-5
    same floats floats-$ranks
done

for ranks in 1 2; do
    timeout 60 mpirun -q -np $ranks "$AEDIST" config.yaml data.path=damaged.h5:/bytes \
        data.labels=data.h5:/labels data.test=data.h5:/test data.memory=2.0e-5 \
        --output out-damaged-$ranks >stdout 2>stderr </dev/null
    status=$?
    if [ $status -ne 3 ] || [ "$(grep -c '^aedist: ' stderr)" -ne 1 ] ||
        ! grep -qE '^aedist: .*damaged.h5:/bytes: cannot read samples' stderr; then
        echo "FAILED: damaged file on $ranks ranks: exit $status and:"
        head -5 stderr
        failed=1
    fi
done
exit $failed
