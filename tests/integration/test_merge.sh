#!/usr/bin/env bash
# A sweep trained in parts by jobs of their own and merged: the same run as of one job; and whatever does
# not belong together, or is not what it says, is refused before anything is written.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"

support=$AEDIST_SOURCE/tests/support
sweep=("$AEDIST_SOURCE/configs/bezier.yaml" data.samples=300 train.epochs=2 'sweep.seed=[1,2,3]'
    'sweep.noise_scale=[0.5,1]' 'sweep.train.batch=[64,128]')

# train RUN ARG...
train() {
    "${program:-$AEDIST}" "${@:2}" --output "$1" >"$1.txt" 2>&1 </dev/null || fail "$1: $(<"$1.txt")"
}

# merge CODE TEXT ARG...: that exit code, and output that has TEXT.
merge() {
    local code=$1 wanted=$2 status
    shift 2
    "$AEDIST" merge "$@" >output 2>&1 </dev/null
    status=$?
    if [ $status -ne "$code" ] || ! grep -qF -- "$wanted" output; then
        fail "merge $*: exit $status instead of $code, '$wanted' not in: $(<output)"
    fi
}

same() {
    "$AEDIST_PYTHON" "$support/compare_runs.py" "$@" || fail "$*: other results"
}

# summary RUN: the trials in their order, and what became of them.
summary() {
    "$AEDIST_PYTHON" -c '
import h5py, sys
with h5py.File(sys.argv[1] + "/results.h5") as file:
    summary = file["summary"]
    for row in zip(*(summary[name][()] for name in ("trial", "seed", "noise_scale", "status"))):
        print(*row)' "$1"
}

# ---- The parts make the whole ----
train whole "${sweep[@]}"
for k in 1 2 3; do
    train part$k "${sweep[@]}" --part $k/3
    grep -q "^trials    4 of the sweep's 12: part $k of 3$" part$k.txt || fail "$(<part$k.txt)"
    cmp whole/config.yaml part$k/config.yaml || fail "part $k does not keep the sweep's config"
done
before=$(sha256sum part?/*)
merge 0 "12 of the sweep's 12 trials: 12 done" out part1 part2 part3
same whole out
cmp whole/config.yaml out/config.yaml || fail "another config.yaml"
[ "$(summary whole)" = "$(summary out)" ] || fail "another summary: $(summary out)"
[ "$before" = "$(sha256sum part?/*)" ] || fail "a merge changed a part"
"$AEDIST" info out >info.txt || fail "info: $(<info.txt)"
grep -q '^results   as the ledger has it' info.txt || fail "$(<info.txt)"

# ---- What is missing is told and trained; what is there already stays ----
merge 5 "missing   4 trials: " some/where/rest/ part3 part1
[ ! -e some/where/rest.merging ] || fail "the folder was not renamed"
"$AEDIST" some/where/rest/config.yaml --output some/where/rest >rest.txt 2>&1 || fail "$(<rest.txt)"
grep -q 'holds 8 of these trials as done' rest.txt || fail "$(<rest.txt)"
same whole some/where/rest
merge 5 "8 of the sweep's 12" again part1 part2
ledger=$(sha256sum again/ledger)
merge 5 "8 of the sweep's 12" again part2
[ "$ledger" = "$(sha256sum again/ledger)" ] || fail "a merge of nothing new changed the ledger"
merge 0 "12 of the sweep's 12" again part3 whole
same whole again

# ---- Killed in between: what is left is used ----
cp -r part1 late.merging
rm late.merging/config.yaml late.merging/results.h5
printf 'AEDR' >>late.merging/ledger
merge 0 "12 of the sweep's 12" late part2 part3
same whole late
[ ! -e late.merging ] || fail "late.merging is still there"

# ---- A trial that failed ----
diverging=("${sweep[@]:0:3}" 'sweep.seed=[1]' 'sweep.train.optimizer.adam.lr=[1.0e-3,1.0e30]')
"$AEDIST" "${diverging[@]}" --part 1/2 --output good >good.txt 2>&1
"$AEDIST" "${diverging[@]}" --part 2/2 --output bad >bad.txt 2>&1
[ $? = 4 ] || fail "the second part does not fail: $(<bad.txt)"
merge 5 "1 done, 1 failed" mixed bad good
merge 5 "0 done, 1 failed" failed bad

# ---- The division ----
# parts N ARG...: the epochs of each part's trials.
parts() {
    local n=$1 k
    shift
    for ((k = 1; k <= n; k++)); do
        "$AEDIST" "$@" --part $k/"$n" --dry-run | grep -o 'epochs=[0-9]*' | tr '\n' ' '
        echo
    done
}
parts 3 "${sweep[0]}" 'sweep.seed=[1]' 'sweep.train.epochs=[1,2,3,4,5,15]' >divided.txt
printf 'epochs=15 \nepochs=1 epochs=2 epochs=5 \nepochs=3 epochs=4 \n' | cmp - divided.txt ||
    fail "the division is not balanced: $(<divided.txt)"
for bad in 0/3 4/3 2 a/b 1/3x -1/3 1/99999999999999999999; do
    "$AEDIST" "${sweep[@]}" --part "$bad" >output 2>&1
    if [ $? != 2 ] || ! grep -q 'write K/N' output; then fail "--part $bad: $(<output)"; fi
done
"$AEDIST" "${sweep[@]}" --part 1/13 >output 2>&1
if [ $? != 2 ] || ! grep -q 'the sweep has 12 trials' output; then fail "13 parts: $(<output)"; fi

# ---- What does not belong together ----
refuse() {
    merge "$@"
    if [ -e none ] || [ -e none.merging ]; then fail "a refused merge left something"; fi
}
# An argument that comes later wins.
train longer "${sweep[@]}" train.epochs=3 --part 2/3
refuse 2 'train.epochs: 2 there, 3 now' none part1 longer
train wider "${sweep[@]}" 'sweep.seed=[1,2,4]' --part 2/3
refuse 2 'wider is of another sweep than part1' none part1 wider
cp "$AEDIST" another
printf 'x' >>another
program=./another train foreign "${sweep[@]}" --part 2/3
refuse 3 'trained by another build of aedist than those of part1' none part1 foreign
refuse 2 'no run is named' none
refuse 3 'absent' none part1 absent
mkdir empty thing
touch thing/file
refuse 3 'empty' none part1 empty
merge 3 'holds something other than a run' thing part1

"$AEDIST_PYTHON" - <<'END' || exit 1
import os, random, struct
os.mkdir("images")
random.seed(1)
for name, count in ("train", 160), ("t10k", 70):
    with open(f"images/{name}-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28) + random.randbytes(count * 784))
    with open(f"images/{name}-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(i % 10 for i in range(count)))
END
idx=("$AEDIST_SOURCE/configs/classify.yaml" data.source=idx data.path=images train.epochs=1
    'sweep.seed=[1,2]')
train images1 "${idx[@]}" --part 1/2
printf '\377' | dd of=images/train-images-idx3-ubyte bs=1 seek=16 conv=notrunc status=none
train images2 "${idx[@]}" --part 2/2
refuse 3 'was trained on other samples' none images1 images2
merge 5 '1 done' changed images2

# ---- What is not what it says ----
forged() {
    rm -rf forged
    cp -r part2 forged
    "$AEDIST_PYTHON" "$support/forge_ledger.py" forged "$@" || fail "forging"
}
for kind in metric weight; do
    forged $kind
    refuse 3 'has different results in part2 and in forged' none part1 part2 forged
    refuse 3 'has different results in forged and in whole' none forged whole
done
forged id part1
refuse 3 'has a config that is not its own' none part1 forged
train fewer "${sweep[@]}" 'sweep.seed=[1,2]'
cp -r whole leftovers
cp fewer/config.yaml leftovers/
merge 0 'leftovers: 4 more are no trials of this sweep' smaller fewer leftovers
same fewer smaller
cp part2/ledger cut
size=$(stat -c %s cut)
rm -rf damaged
cp -r part2 damaged
printf '\0\0\0' | dd of=damaged/ledger bs=1 seek=$((size / 2)) conv=notrunc status=none
refuse 3 'its ledger is damaged at offset' none part1 damaged
truncate -s $((size - 5)) damaged/ledger
cp -r part2 torn
truncate -s $((size - 5)) torn/ledger
merge 5 "7 of the sweep's 12" short part1 torn
rm torn/config.yaml
refuse 3 'config.yaml' none part1 torn
printf 'data: [\n' >torn/config.yaml
refuse 2 'config.yaml' none part1 torn
echo "the parts make the whole"
