# Shared by the scripts of this folder, which source it: messages, the source folder, and the
# settings of Open MPI that root needs. Not a command of its own.
# shellcheck shell=bash disable=SC2034

# The source folder, whatever the caller's folder is and through any symbolic link.
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
jobs=$(nproc)
started=$SECONDS

# A headline with the seconds so far, set off from the output of the tools between.
say() {
    printf '\n== %s (%d s)\n' "$*" "$((SECONDS - started))"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit "${2:-1}"
}

# Prints the comment at the head of the calling script, without its first line.
usage() {
    sed -n '2,/^[^#]/ { /^#/!q; s/^# \{0,1\}//; p; }' "$0"
}

# Open MPI refuses to start as root unless told twice; that is how containers run. More ranks than
# cores are allowed then too, and two jobs at a time must not bind to the same core.
mpi_environment() {
    if [ "$(id -u)" -eq 0 ]; then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
        export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
    fi
}
