#!/usr/bin/env bash
# scripts/slurm-cluster: a cluster that runs jobs, whose nodes die and return, and of which nothing is
# left running, be it taken down or failed at its start.
set -euo pipefail
# shellcheck source=tests/slurm/common.sh
. "$AEDIST_SOURCE/tests/slurm/common.sh"
folder=$(mktemp --directory)
trap '"$cluster" down "$folder"; rm -rf "$folder"' EXIT

# All processes of the machine that have the folder among their words.
processes() {
    pgrep --full "$folder" || true
}

expect_failure() {
    local expected=$1 message=$2 status=0
    shift 2
    "$cluster" "$@" >failure.txt 2>&1 || status=$?
    { [ $status -eq "$expected" ] && grep --quiet --fixed-strings "$message" failure.txt; } ||
        fail "slurm-cluster $*: exit $status, $(<failure.txt)"
}

expect_failure 2 "is no number of nodes" up none "$folder"
expect_failure 2 "choose a path without blanks" up 2 "$folder/a b"
expect_failure 2 "choose a path of at most" up 2 "$folder/$(printf 'x%.0s' {1..90})"
expect_failure 2 "is not understood" up "$folder"

mkdir broken
ln -s "$(type -P false)" broken/slurmctld
PATH=$PWD/broken:$PATH expect_failure 1 "slurmctld does not start" up 2 "$folder"
[ -z "$(processes)" ] || fail "a failed start leaves $(processes | xargs ps)"

"$cluster" up 2 "$folder" >up.txt || fail "$(<up.txt)"
"$cluster" up 2 "$folder" >again.txt
grep --quiet 'runs already' again.txt || fail "up twice: $(<again.txt)"
expect_failure 1 "another cluster runs" up 3 "$folder"
expect_failure 2 "no node 'n3'" off n3 "$folder"
expect_failure 1 "node n1 is on" on n1 "$folder"

# shellcheck source=/dev/null
. "$folder/env"
timeout 20 srun --nodes 2 hostname >hosts.txt || fail "srun: $?"
[ "$(sort hosts.txt)" = $'n1\nn2' ] || fail "other hosts: $(<hosts.txt)"
"$cluster" off n2 "$folder"
"$cluster" on n2 "$folder"
timeout 20 srun --nodelist n2 hostname >hosts.txt || fail "srun on a node that is back: $?"

# A job whose processes have the folder among their words, too.
sbatch --quiet --output /dev/null --wrap "touch running; bash -c 'sleep 1000; :' '$folder'"
for _ in {1..100}; do
    [ ! -e running ] || break
    sleep 0.1
done
[ -e running ] || fail "a job does not start: $(squeue)"
"$cluster" down "$folder"
[ -z "$(processes)" ] || fail "down leaves $(processes | xargs ps)"
! grep --fixed-strings "$folder" /proc/mounts || fail "down leaves mounts"
"$cluster" down "$folder" || fail "down of nothing: $?"
