#!/usr/bin/env bash
# docs/sweeps.md tells the truth: each of its examples makes as many trials as it says, and each of
# its commands is taken.
set -uo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
page=$AEDIST_SOURCE/docs/sweeps.md
failed=0

# example-1.yaml, example-2.yaml ... and commands.sh out of the page's fences.
awk '/^```/ { kind = kind == "" ? substr($0, 4) : ""; number += kind == "yaml"; next }
     kind == "yaml" { print > ("example-" number ".yaml") }
     kind == "sh" { print > "commands.sh" }' "$page"

mv example-1.yaml my.yaml
for example in my.yaml example-*.yaml; do
    wanted=$(sed -n '1s/^# \([0-9]*\) trials\{0,1\}$/\1/p' "$example")
    if [ "$example" = my.yaml ]; then cp my.yaml whole.yaml; else cat my.yaml "$example" >whole.yaml; fi
    "$AEDIST" whole.yaml --dry-run >stdout 2>stderr
    status=$?
    if [ -z "$wanted" ] || [ $status -ne 0 ] || ! grep -qx "trials    $wanted" stdout; then
        echo "FAILED: $example should make '$wanted' trials; exit $status"
        grep '^trials' stdout
        head -3 stderr
        failed=1
    fi
done
examples=(example-*.yaml)
[ ${#examples[@]} -ge 8 ] || { echo "FAILED: examples are missing"; failed=1; }

while read -r line; do
    # shellcheck disable=SC2317  # the line calls it
    if ! (aedist() { "$AEDIST" "$@"; }; eval "$line") >stdout 2>stderr; then
        echo "FAILED: $line"
        head -3 stderr
        failed=1
    fi
done <commands.sh
[ -s commands.sh ] || { echo "FAILED: commands are missing"; failed=1; }

# Of many trials the first and the last are shown.
"$AEDIST" my.yaml 'sweep.seed={range: [1, 101]}' --dry-run >stdout
for line in '  t[0-9a-f]{12}  seed=1' '  t[0-9a-f]{12}  seed=20' '  \.\.\. 76 more \.\.\.' \
    '  t[0-9a-f]{12}  seed=97' '  t[0-9a-f]{12}  seed=101' 'sweep     seed \(101\)'; do
    grep -qxE "$line" stdout || { echo "FAILED: no line '$line' in --dry-run"; failed=1; }
done
[ "$(grep -cE '^  t[0-9a-f]{12} ' stdout)" = 25 ] || { echo "FAILED: not 25 trials shown"; failed=1; }

# A run's columns, and its config.yaml, which makes the same trials again.
cat >>my.yaml <<'EOF'
variants: {plain: {}, wide: {model.encoder.hidden.out: 4, data.scale: l2}}
sweep:
  variant: [plain, wide]
  zip: [{noise_scale: [0, 1, 1], model.code.noise: [0.1, 0.1, [0.1, 0.2, 0.3]]}]
  exclude: [{variant: wide, model.code.noise: [[0.1, 0.2, 0.3]]}]
EOF
"$AEDIST" my.yaml train.epochs=2 data.samples=256 --output out >stdout 2>stderr || { cat stderr; exit 1; }
"$AEDIST_PYTHON" - <<'EOF' || failed=1
import h5py
run = h5py.File("out/results.h5")
summary = {name: [x.decode() if isinstance(x, bytes) else float(x) for x in run["summary"][name][()]]
           for name in ("variant", "noise_scale", "model.code.noise", "status", "weights_hash")}
assert summary["variant"] == ["plain", "plain", "plain", "wide", "wide"], summary
assert summary["noise_scale"] == [0, 1, 1, 0, 1], summary
assert summary["model.code.noise"] == ["0.1", "0.1", "[0.1, 0.2, 0.3]", "0.1", "0.1"], summary
assert summary["status"] == ["done"] * 5, summary
assert len(set(summary["weights_hash"])) == 5, summary
assert list(run["sweep/variant"].asstr()) == ["plain", "wide"]
EOF
ids() { "$AEDIST" "$@" --dry-run | grep -oE '^  t[0-9a-f]{12} '; }
ids my.yaml train.epochs=2 data.samples=256 >first
ids out/config.yaml >second
{ [ "$(wc -l <first)" = 5 ] && cmp first second; } || { echo "FAILED: config.yaml makes other trials"; failed=1; }
exit $failed
