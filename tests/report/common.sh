# Shared by the tests of the report, which source it: runs to look at, and the tools that it needs.
# shellcheck shell=bash

need() {
    "$AEDIST_PYTHON" -c "import $1" 2>/dev/null && return
    echo "skipped: $AEDIST_PYTHON has no ${1//,/ or no}; 'scripts/setup --tests' installs it"
    exit 77
}

report() {
    "$AEDIST_PYTHON" "$AEDIST_SOURCE/scripts/aedist-report" "$@"
}

# train CODE RUN RECIPE ARG...: exits with CODE.
train() {
    local status
    "$AEDIST" "$AEDIST_SOURCE/configs/$3.yaml" "${@:4}" --output "$2" >"$2.txt" 2>&1 </dev/null
    status=$?
    [ $status -eq "$1" ] || fail "$2: exit $status: $(<"$2.txt")"
}

forge() {
    "$AEDIST_PYTHON" "$AEDIST_SOURCE/tests/support/forge_analysis.py" "$1" || fail "forge_analysis $1"
}

# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"
