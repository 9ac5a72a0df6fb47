#!/usr/bin/env bash
# Three hosts, which are network namespaces, with nothing but TCP between them: the same bits as on one
# host; a rank that stands still for long is waited for; a host that is cut off ends the job within 15
# seconds, by its name, and the job goes on without it to the same bits.
set -uo pipefail
# shellcheck source=tests/support/hosts.sh
. "$AEDIST_SOURCE/tests/support/hosts.sh"

if ! reason=$(hosts_can); then
    echo "skipped: $reason"
    exit 77
fi
prefix=aed$(tr 0-9 a-j <<<$$)
tools=$(mktemp --directory /tmp/aedist-hosts.XXXXXX) # mpirun's agent must have no blanks in its name
trap 'hosts_down "$prefix"; rm -rf "$tools"' EXIT
trap 'exit 1' INT TERM
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"

hosts_up "$prefix" 3 || fail "no namespaces"
hosts_agent "$tools/agent" "$prefix"
export OMPI_MCA_plm_rsh_agent=$tools/agent OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=eth0 \
    OMPI_MCA_oob_tcp_if_include=eth0
# MPI believes that each host has all of this machine's cores to itself.
export OMPI_MCA_mpi_yield_when_idle=1
config=("$AEDIST_SOURCE/configs/bezier.yaml" 'sweep.seed=[1]' data.samples=1500 train.epochs=400
    train.tile=16 train.leaf=16 ranks_per_trial=3 'checkpoint.every=10 epochs')

# train RUN HOST...: one rank on each of the hosts, by number; mpirun is on the first one.
train() {
    local run=$1 list=() host
    shift
    for host; do list+=("10.77.0.$host:1"); done
    hosts_on "$prefix$1" timeout -k 5 150 mpirun -np $# --host "$(IFS=,; echo "${list[*]}")" "$AEDIST" "${config[@]}" \
        ${more:+"$more"} --output "$run" >"$run.txt" 2>&1 </dev/null
}

same() {
    "$AEDIST_PYTHON" "$AEDIST_SOURCE/tests/support/compare_runs.py" "$@" || fail "$*: other bits"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -le $end ] || return 1
        sleep 0.05
    done
}

has_checkpoint() {
    compgen -G "$1/checkpoints/*" >/dev/null
}

# The process of the rank on a host.
rank_on() {
    local process
    for process in $(ip netns pids "$prefix$1"); do
        # The launch agent's shell has its name among its arguments, too.
        [ "$(readlink "/proc/$process/exe")" != "$(readlink -f "$AEDIST")" ] || echo "$process"
    done
}

is_idle() {
    [ -z "$(rank_on "$1")" ]
}

"$AEDIST" "${config[@]}" --output alone >alone.txt 2>&1 </dev/null || fail "alone: $(<alone.txt)"

# ---- The same bits; standing still for longer than a dead host is waited for ----
train three 1 2 3 &
job=$!
wait_for 60 has_checkpoint three || fail "three hosts: $(<three.txt)"
still=$(rank_on 2)
kill -STOP "$still" || fail "no rank on the second host: $(<three.txt)"
sleep 11
kill -CONT "$still" || fail "a rank that stood still is gone: $(<three.txt)"
wait $job || fail "three hosts: $(<three.txt)"
grep -q 'aedist: note' three.txt && fail "there is no watch: $(<three.txt)"
same alone three

# ---- Without the watch, for want of sockets ----
(ulimit -n 250 && more=train.epochs=2 train unwatched 1 2 3) || fail "with few files: $(<unwatched.txt)"
grep -q "^aedist: note: 2 of 2 ranks, the first of them rank 1 on ${prefix}2, cannot reach rank 0 on" \
    unwatched.txt || fail "a job without a watch does not say so: $(<unwatched.txt)"

# ---- A host is cut off ----
train cut 1 2 3 &
job=$!
wait_for 60 has_checkpoint cut || fail "$(<cut.txt)"
hosts_cut "${prefix}3"
begin=$SECONDS
wait $job
code=$?
took=$((SECONDS - begin))
[ $took -le 15 ] || fail "a host was cut off and the job ended $took seconds later: $(<cut.txt)"
case $code in
    0 | 2 | 3 | 4 | 5 | 75) fail "a host was cut off and the exit code is $code: $(<cut.txt)" ;;
esac
grep -q "aedist: rank 0 on ${prefix}1: host ${prefix}3 (rank 2) cannot be reached" cut.txt ||
    fail "the lost host is not named: $(<cut.txt)"
# The rank there finds the others gone.
wait_for 10 is_idle 3 || fail "a rank is left on the lost host"
[ "$("$AEDIST" info cut | grep -c '^saved')" = 1 ] || fail "nothing was saved: $("$AEDIST" info cut)"

config+=(ranks_per_trial=2)
train cut 1 2 || fail "without the lost host: $(<cut.txt)"
grep -q 'interrupted trial goes on' cut.txt || fail "it began anew: $(<cut.txt)"
same alone cut

hosts_down "$prefix"
! ip netns list | grep -q "^$prefix" || fail "namespaces are left"
echo "the job ended $took seconds after a host was lost, and went on without it"
