#!/usr/bin/env bash
# What info tells of a run: the same of its ledger and its results.h5; torn, damaged, older and missing
# files by name; of a running job, which it does not disturb. It never changes a file.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
config=$AEDIST_SOURCE/configs/bezier.yaml

# info CODE ARG...: the exit code, and no file changed; leaves stdout and stderr.
info() {
    local code=$1 before status
    shift
    before=$(sha256sum ./*/* | sha256sum)
    "$AEDIST" info "$@" >stdout 2>stderr </dev/null
    status=$?
    [ $status -eq "$code" ] || fail "info $*: exit $status, not $code; $(<stdout) $(<stderr)"
    [ "$before" = "$(sha256sum ./*/* | sha256sum)" ] || fail "info $* changed a file"
}
# told TEXT: a line of stdout begins with it (a regular expression).
told() { grep -qE -- "^$1" stdout || fail "no '$1' in $(<stdout)"; }
# complained TEXT: the one line on stderr holds it.
complained() {
    [ "$(wc -l <stderr)" -eq 1 ] || fail "not one line: $(<stderr)"
    grep -qF -- "$1" stderr || fail "no '$1' in $(<stderr)"
}

settings=(train.epochs=30 data.samples=500 'sweep.noise_scale=[0.5,1.0]')
"$AEDIST" "$config" "${settings[@]}" 'sweep.seed=[1]' --output run >train.txt || fail "$(<train.txt)"
cp run/results.h5 older.h5
cp run/ledger older.ledger
"$AEDIST" "$config" "${settings[@]}" 'sweep.seed=[1,2]' --output run >train.txt || fail "$(<train.txt)"

info 0 run
told 'kind      run$'
told 'ledger    whole: 4 records, [0-9]* bytes$'
told 'job       none is running here'
told 'results   as the ledger has it$'
told 'written   by aedist [0-9.]*, schema 1, 1 rank on '
told 'config    bezier$'
told 'trials    4: 4 done$'
told 'sweep     noise_scale: 0.5, 1$'
told '          seed: 1, 2$'
told 'best      t[0-9a-f]{12}  val_loss [0-9.e-]*  noise_scale=[0-9.]* seed=[12]$'
told 'metrics   epoch, grad_norm, lr, time_s, train_loss, val_loss; '
told 'model     46 parameters in 4 tensors$'
told '          encoder.0.weight +3x1x7$'
[ -s stderr ] && fail "$(<stderr)"
sed -n '/^config/,$p' stdout >of_run.txt
for file in ledger results.h5; do
    info 0 run/$file
    sed -n '/^config/,$p' stdout | cmp - of_run.txt || fail "$file tells something else"
done

# A kill in mid-write, a byte that changed, an end that was lost.
cp -r run torn
truncate -s -10 torn/ledger
info 3 torn
complained 'torn/results.h5: has 1 ended trial that the ledger does not have'
cp older.h5 torn/results.h5
info 0 torn
told 'results   older than the ledger, 1 trial behind'
told 'ledger    torn: 3 records, .* from offset [0-9]* on'
cp -r run damaged
printf 'X' | dd of=damaged/ledger bs=1 seek=2500 conv=notrunc status=none
info 3 damaged
told 'ledger    damaged at offset [0-9]*: 3 records'
told 'trials    3: 3 done$'
complained 'damaged: damaged at offset'
info 3 damaged/ledger
complained 'damaged/ledger: damaged at offset'
cp -r run lost
cp older.ledger lost/ledger
info 3 lost
complained 'lost/results.h5: has 2 ended trials that the ledger does not have'

# results.h5 behind, missing, damaged.
cp -r run behind
cp older.h5 behind/results.h5
info 0 behind
told 'results   older than the ledger, 2 trials behind'
rm behind/results.h5
info 0 behind
told 'results   missing'
head -c 5000 older.h5 >behind/results.h5
info 3 behind
told 'results   damaged'
told 'trials    4: 4 done$'
complained 'behind/results.h5: '
info 3 behind/results.h5

# What is none of aedist's; and several at once.
mkdir other
echo text >other/file
printf 'AEDLGR\001\000rubbish, and more than a header of it' >other/rubbish
info 3 other
complained 'other: is no run'
info 3 other/file
complained 'is neither'
info 3 other/none
complained 'cannot be opened'
info 3 other/rubbish
complained 'damaged at offset 8'
info 3 run other/file other/none torn
told 'ledger    torn'
[ "$(wc -l <stderr)" -eq 2 ] || fail "of two files: $(<stderr)"
info 2
complained 'aedist: info: nothing is named'

# Beside a running job, and after its end by a kill.
"$AEDIST" "$config" data.samples=500 train.epochs=100 'sweep.seed=[1]' --output live >live.txt
"$AEDIST" "$config" data.samples=500 'sweep.train.epochs=[100,1000000000]' 'sweep.seed=[1]' \
    --output live >live.txt 2>&1 </dev/null &
job=$!
for _ in $(seq 400); do
    grep -q '"epoch": 1[0-9]' live/log.jsonl 2>/dev/null && grep -c trial_start live/log.jsonl | grep -q 2 && break
    sleep 0.05
done
"$AEDIST" info live >stdout 2>stderr || fail "beside a job: $(<stderr)"
told 'ledger    whole: 1 record,'
told 'job       one is running here$'
told 'to do     1 running, 0 pending'
"$AEDIST" eval live >stdout 2>stderr || fail "eval beside a job: $(<stderr)"
kill -0 $job || fail "the job did not survive being looked at: $(<live.txt)"
kill -KILL $job
wait $job 2>/dev/null
info 0 live
told 'job       none is running here'
told 'to do     1 interrupted, 0 pending'

# Stopped: its checkpoint, whole, with a byte changed, cut off.
"$AEDIST" "$config" data.samples=500 train.epochs=1000000000 'sweep.seed=[1]' 'time_limit=1 s' \
    --output stopped >stopped.txt 2>&1 </dev/null
[ $? -eq 75 ] || fail "a time limit: $(<stopped.txt)"
checkpoint=$(echo stopped/checkpoints/*.h5)
info 0 stopped
told 'saved     1 checkpoint, 0 damaged$'
info 0 "$checkpoint"
told 'kind      checkpoint$'
told 'file      whole'
told 'trial     t[0-9a-f]{12} after [0-9]* whole epochs, [0-9]* steps$'
told 'sweep     seed: 1$'
told 'model     46 parameters in 4 tensors$'
cp "$checkpoint" stopped/any.name
printf 'XY' | dd of="$checkpoint" bs=1 seek=3000 conv=notrunc status=none
info 3 "$checkpoint"
complained "$checkpoint: is damaged"
info 3 stopped
told 'saved     1 checkpoint, 1 damaged$'
complained "$checkpoint: is damaged"
truncate -s 3000 "$checkpoint"
info 3 "$checkpoint"
complained "$checkpoint: is no checkpoint, or cut off"
info 0 stopped/any.name
told 'kind      checkpoint$'
"$AEDIST" ifno run >stdout 2>stderr && fail "a word that is no command"
complained "did you mean 'info'"
"$AEDIST" info --help | grep -q '^Usage: aedist info' || fail "info --help"
echo "a run's files are told as they are"
