# How a job of Slurm runs aedist, and goes on after what ended it too early. The job scripts of slurm/
# source it, aedist --sbatch prints it; there is nothing to edit here. It takes from the environment:
#
#   AEDIST_OUTPUT     folder of the run
#   AEDIST_LAUNCHER   srun (the default; needs Slurm's PMIx) or mpirun (Open MPI's own)
# shellcheck shell=bash

# The program ends itself before the job's end, which Slurm 22 and older do not tell.
tell_end_of_job() {
    local end
    end=$(squeue --noheader --job "$SLURM_JOB_ID" --format %e 2>/dev/null) || return 0
    end=$(date --date "$end" +%s 2>/dev/null) || return 0 # N/A: no limit
    export SLURM_JOB_END_TIME=$end
}

# One rank a core, the last of a job dies with the first, and hosts that are gone are noticed after seconds
# instead of minutes. What the environment already has stays.
set_launcher() {
    export OMPI_MCA_hwloc_base_binding_policy=${OMPI_MCA_hwloc_base_binding_policy:-core}
    export OMPI_MCA_oob_tcp_keepalive_time=${OMPI_MCA_oob_tcp_keepalive_time:-2}
    export OMPI_MCA_oob_tcp_keepalive_intvl=${OMPI_MCA_oob_tcp_keepalive_intvl:-1}
    export OMPI_MCA_oob_tcp_keepalive_probes=${OMPI_MCA_oob_tcp_keepalive_probes:-3}
    case ${AEDIST_LAUNCHER:=srun} in
        srun) launcher=(srun --mpi="${SLURM_MPI_TYPE:-pmix}" --cpu-bind=cores --kill-on-bad-exit=1) ;;
        mpirun) launcher=(mpirun) ;;
        *)
            echo "AEDIST_LAUNCHER is '$AEDIST_LAUNCHER'; choose srun or mpirun" >&2
            exit 2
            ;;
    esac
}

# Runs a command and sets `status`, its exit status. A signal to the job's script reaches the ranks as
# SIGUSR1, which both launchers pass on at once: they save everything and end with 75.
run() {
    local signalled=false child
    trap 'signalled=true; kill -USR1 "$child" 2>/dev/null' USR1 USR2 TERM
    "$@" &
    child=$!
    while :; do
        status=0
        wait "$child" || status=$?
        # wait itself ends on a signal, too; the status of the command is not known then.
        if ! $signalled || [ "$status" -le 128 ]; then break; fi
        signalled=false
    done
    trap - USR1 USR2 TERM
}

# Whether another start is worth it after a crash: if something was saved since this one, or it is not yet
# the fifth in a row that saved nothing. A file beside the output has a line for each
# of these.
may_recover() {
    local saved
    saved=$(find "$AEDIST_OUTPUT/ledger" "$AEDIST_OUTPUT/checkpoints" -newer "$attempts" 2>/dev/null)
    [ -z "$saved" ] || rm -f "$attempts"
    [ -n "$saved" ] || [ "$(wc -l <"$attempts")" -lt 5 ]
}

# Queues this job again, under the same number; it ends here. Slurm's own decision stands: a job that was
# cancelled must not come back, one that was queued again or preempted comes back by itself.
requeue() {
    local state
    state=$(squeue --noheader --job "$SLURM_JOB_ID" --format %T)
    if [ "$state" != RUNNING ]; then
        echo "job $SLURM_JOB_ID: $1; Slurm ended it ($state)"
        return
    fi
    echo "job $SLURM_JOB_ID: $1; it is queued again"
    scontrol requeue "$SLURM_JOB_ID" ||
        echo "job $SLURM_JOB_ID: not queued again; submit it once more to go on" >&2
}

# launch PROGRAM ARGUMENT ...: returns the program's exit status if it is the last word, else ends the job.
launch() {
    local launcher status attempts=$AEDIST_OUTPUT.attempts
    local start="job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, start $((${SLURM_RESTART_COUNT:-0} + 1))"
    tell_end_of_job
    set_launcher
    if ! command -v "$1" >/dev/null; then
        echo "$1: no such program; set AEDIST" >&2
        exit 2
    fi
    echo "$start: $*"
    mkdir -p "$(dirname "$AEDIST_OUTPUT")" && echo "$start" >>"$attempts" || exit 3
    run "${launcher[@]}" "$@"
    case $status in
        0 | 2 | 3 | 4 | 5) # done, or nothing that another start would mend
            rm -f "$attempts"
            return "$status"
            ;;
        75)
            rm -f "$attempts"
            requeue "stopped with everything saved"
            ;;
        *)
            if may_recover; then
                requeue "crashed with status $status"
            else
                echo "job $SLURM_JOB_ID: crashed with status $status, the fifth in vain" >&2
            fi
            ;;
    esac
    exit "$status"
}
