# shellcheck shell=bash
# Hosts out of network namespaces, for tests, as root: each has a name of its own and one network
# interface, and they are joined by a bridge in a namespace of its own. Nothing outside is touched.
#
#   hosts_can                 whether this machine lets us; prints the reason if not
#   hosts_up PREFIX COUNT     makes PREFIX1 ... PREFIXn with the addresses 10.77.0.1 ... n
#   hosts_on HOST COMMAND...  runs a command there
#   hosts_cut HOST            its cable is pulled
#   hosts_down PREFIX         removes the hosts and whatever still runs on them
#   hosts_agent FILE PREFIX   writes a launch agent for mpirun, which stands for ssh
#
# A prefix is of at most 10 letters.

hosts_can() {
    [ "$(id -u)" = 0 ] || { echo "only root may make network namespaces"; return 1; }
    local name=probe$$
    if ip netns add $name && ip -n $name link add eth0 type veth peer name port 2>/dev/null; then
        ip netns del $name
        return 0
    fi
    ip netns del $name 2>/dev/null
    echo "network namespaces with veth are not to be had here"
    return 1
}

hosts_up() {
    local prefix=$1 count=$2 i
    ip netns add "${prefix}net" || return 1
    ip -n "${prefix}net" link add bridge type bridge || return 1
    ip -n "${prefix}net" link set bridge up || return 1
    for ((i = 1; i <= count; i++)); do
        ip netns add "$prefix$i" || return 1
        ip -n "$prefix$i" link set lo up || return 1
        ip -n "$prefix$i" link add eth0 type veth peer name port$i netns "${prefix}net" || return 1
        ip -n "${prefix}net" link set port$i master bridge up || return 1
        ip -n "$prefix$i" address add 10.77.0.$i/24 dev eth0 || return 1
        ip -n "$prefix$i" link set eth0 up || return 1
    done
}

hosts_on() {
    local host=$1
    shift
    # shellcheck disable=SC2016  # the inner shell's own arguments
    ip netns exec "$host" unshare --uts sh -c 'hostname "$0" && exec "$@"' "$host" "$@"
}

hosts_cut() {
    ip -n "${1%%[0-9]*}net" link set "port${1##*[a-z]}" down
}

hosts_down() {
    local name pids
    for name in $(ip netns list | awk -v p="$1" 'index($1, p) == 1 {print $1}'); do
        pids=$(ip netns pids "$name")
        # shellcheck disable=SC2086  # one word a process
        [ -z "$pids" ] || kill -KILL $pids
        ip netns del "$name"
    done
}

hosts_agent() {
    cat >"$1" <<END
#!/bin/sh
# \$1: a host's address, then the command
host=$2\${1##*.}
shift
exec ip netns exec "\$host" unshare --uts sh -c "hostname \$host; \$*"
END
    chmod +x "$1"
}
