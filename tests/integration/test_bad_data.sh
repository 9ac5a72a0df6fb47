#!/usr/bin/env bash
# IDX files that are missing, damaged or do not belong together: one line on stderr with file and
# reason, exit 3, on one rank and on two, and little memory whatever a header claims. Good ones train,
# the same on both.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
number=0

"$AEDIST_PYTHON" - <<'END' || exit 1
import gzip, math, os, random, struct

random.seed(1)

def idx(type, sizes, payload):
    return struct.pack(">BBBB", 0, 0, type, len(sizes)) + struct.pack(f">{len(sizes)}I", *sizes) + payload

def write(path, content):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)

images = idx(8, (100, 4, 4), random.randbytes(1600))
tests = idx(8, (40, 4, 4), random.randbytes(640))
labels = idx(8, (100,), bytes(i % 10 for i in range(100)))
zipped = gzip.compress(images)

for folder in "good", "cut", "damaged", "few", "ten", "bare", "single":
    write(f"{folder}/train-images-idx3-ubyte.gz", zipped)
    write(f"{folder}/train-labels-idx1-ubyte", labels)
    write(f"{folder}/t10k-images.idx3-ubyte", tests)
    write(f"{folder}/t10k-labels-idx1-ubyte.gz", gzip.compress(labels[:4] + struct.pack(">I", 40) + labels[8:48]))
write("cut/train-images-idx3-ubyte.gz", zipped[:len(zipped) // 2])
write("damaged/train-images-idx3-ubyte.gz", zipped[:700] + bytes([zipped[700] ^ 1]) + zipped[701:])
write("few/train-labels-idx1-ubyte", labels[:4] + struct.pack(">I", 99) + labels[8:107])
os.remove("bare/t10k-labels-idx1-ubyte.gz")
os.remove("single/train-images-idx3-ubyte.gz")
os.makedirs("empty")

write("images", images)
write("labels", labels)
write("short", images[:-1])
write("long", images + b"?")
write("long.gz", gzip.compress(images + b"?"))
write("rest.gz", zipped + b"rest behind it")
write("head", images[:9])
write("nothing", b"")
write("text", b"0.5, 0.25\n0.1, 0.7\n")
write("type", idx(7, (100, 4, 4), images[16:]))
write("rank", idx(8, (1,) * 9, b"1"))
write("zero", idx(8, (0, 4, 4), b""))
write("huge", idx(14, (4294967295, 2147483647), images))
write("huge.gz", gzip.compress(idx(14, (4294967295, 2147483647), images)))
write("wide", idx(8, (2, 65535, 65535), images))
# As much as that many bytes of gzip could hold, and do not: more than a run may take here.
write("claim.gz", gzip.compress(idx(8, (4200, 1000, 1000), random.randbytes(4200000))))
write("nan", idx(13, (100, 16), struct.pack(">1600f", *([0.5] * 1599 + [math.nan]))))
write("infinite", idx(14, (100, 16), struct.pack(">1600d", *([0.5] * 800 + [math.inf] * 800))))
write("too-large", idx(14, (100, 16), struct.pack(">1600d", *([1e300] * 1600))))
write("negative", idx(9, (100,), bytes([255] * 100)))
write("nested", idx(8, (100, 1), bytes(100)))
write("other", idx(8, (40, 4, 5), bytes(800)))
END
mkfifo pipe

cat >config.yaml <<'END'
data: {source: idx, path: good}
model:
  encoder: [flatten, {linear: 2}]
  decoder: [{linear: 16}, sigmoid, {unflatten: [1, 4, 4]}]
train: {loss: mse, optimizer: {sgd: {lr: 0.1}}, batch: 32, epochs: 2, tile: 16, leaf: 16}
checks: {reach: none} # some scalings leave the sigmoid's interval
END

# The sanitizers reserve far more than they use.
limit() {
    if ! grep -qa __asan_init "$AEDIST"; then ulimit -v $((3 << 20)); fi
}

# run NAME RANKS ARG...: the program on so many ranks, none of which may take more than 3 GiB of
# addresses; leaves NAME.out and NAME.err. A run that ends removes folders of Open MPI that another
# one that begins has just found: each gets its own.
run() {
    local name=$1 ranks=$2 command=("$AEDIST" config.yaml) folder status
    shift 2
    folder=$(mktemp -d)
    [ "$ranks" = 1 ] || command=(mpirun -q -np "$ranks" "${command[@]}")
    (limit; TMPDIR=$folder exec timeout 60 "${command[@]}" "$@" --output "$name") \
        >"$name.out" 2>"$name.err" </dev/null
    status=$?
    rm -rf "$folder"
    return $status
}

# expect_on RANKS NAME CODE TEXT ARG...: must exit with CODE and say TEXT in one line.
expect_on() {
    local ranks=$1 name=$2 code=$3 text=$4 status lines
    shift 4
    run "$name" "$ranks" "$@"
    status=$?
    lines=$(grep -c '^aedist: ' "$name.err")
    if [ $status -ne "$code" ] || [ "$lines" -ne 1 ] || ! grep -qE "^aedist: .*$text" "$name.err"; then
        echo "FAILED on $ranks ranks: aedist $*"
        echo "  wanted exit $code and one line with: $text"
        echo "  got exit $status and:"
        sed 's/^/    /' "$name.err" | head -5
        : >failed
    fi
}

# A run that fails at once spends its time waiting for its start and its end: several go together.
expect() {
    local ranks
    number=$((number + 1))
    for ranks in 1 2; do
        while [ "$(jobs -rp | wc -l)" -ge 6 ]; do wait -n; done
        expect_on $ranks out-$number-$ranks "$@" &
    done
}

expect 3 'nowhere: cannot be opened: No such file' data.path=nowhere
expect 3 'empty: holds no train-images-idx3-ubyte.*scripts/fetch-mnist' data.path=empty
expect 3 'single: holds no train-images-idx3-ubyte' data.path=single
expect 3 'cut/train-images-idx3-ubyte.gz: the gzip data is truncated' data.path=cut
expect 3 'damaged/train-images-idx3-ubyte.gz: .*(corrupt|ends before)' data.path=damaged
expect 3 'few/train-labels-idx1-ubyte: has 99 labels, but there are 100 samples' data.path=few
expect 3 'bare: there are labels for the training samples only' data.path=bare
expect 3 'short: ends before the 100 samples of 16 numbers' data.path=short
expect 3 'long: has 1 bytes behind the 100 samples' data.path=long
expect 3 'long.gz: has bytes behind the 100 samples' data.path=long.gz
expect 3 'rest.gz: the gzip data is corrupt' data.path=rest.gz
expect 3 'head: ends within its header' data.path=head
expect 3 'nothing: is no IDX file \(it is empty\)' data.path=nothing
expect 3 'text: is no IDX file' data.path=text
expect 3 'type: is no IDX file' data.path=type
expect 3 'rank: its numbers have 9 sizes' data.path=rank
expect 3 'zero: .*size 1 of 3 is 0' data.path=zero
expect 3 'huge: ends before the 4294967295 samples' data.path=huge
expect 3 'huge.gz: ends before the 4294967295 samples' data.path=huge.gz
expect 3 'wide: .*more than 2\^31 - 1 numbers' data.path=wide
expect 3 'claim.gz: (ends before the 4200 samples of 1000000 numbers|4200 samples .* need 3.9 GiB)' data.path=claim.gz
expect 3 'nan: a value of sample 99 is nan' data.path=nan
expect 3 'infinite: a value of sample 50 is inf' data.path=infinite
expect 3 'too-large: a value of sample 0 is 1e\+300' data.path=too-large
expect 3 'pipe: is no regular file' data.path=pipe
expect 3 'good: is a folder' data.path=images data.labels=good
expect 3 'negative: label -1 of sample 0 is not one of 0 ... 65535' data.path=images data.labels=negative
expect 3 'labels: label 3 of sample 3 is not one of 0 ... 2' data.path=images data.labels=labels data.classes=3
expect 3 'nested: holds no labels' data.path=images data.labels=nested
expect 3 'other: its samples are 1x4x5 bytes, but those for training 1x4x4' data.path=images data.test=other
expect 3 'has 100 samples, but .samples. asks for 101' data.samples=101
expect 2 'missing key .path. in idx' 'data={source: idx}'
expect 2 'labels. goes with a single file' data.labels=labels
expect 2 'holdout 1000: 1000 of 100 samples' data.holdout=1000
if [ "$(id -u)" -ne 0 ]; then
    chmod a-r short
    expect 3 'short: cannot be opened: Permission denied' data.path=short
fi

wait

# What is good trains, with the same weights on one rank and on two.
weights() { grep -oE 'weights [0-9a-f]+' "$1.out" | head -1; }
for settings in '' data.samples=33 data.holdout=0.2 data.scale=l2 'data.scale={mean: 0.5, std: 0.3}' \
    data.scale=batch_max data.scale=none 'data={source: idx, path: images, labels: labels}'; do
    number=$((number + 1))
    for ranks in 1 2; do
        if ! run out-$number-$ranks $ranks ${settings:+"$settings"}; then
            echo "FAILED on $ranks ranks: aedist config.yaml $settings"
            sed 's/^/    /' out-$number-$ranks.err | head -5
            : >failed
        fi
    done
    if [ -z "$(weights out-$number-1)" ] || [ "$(weights out-$number-1)" != "$(weights out-$number-2)" ]; then
        echo "FAILED: $settings: other weights on one rank and on two"
        : >failed
    fi
done
[ ! -e failed ]
