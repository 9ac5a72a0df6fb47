/* See sbatch.h. The script is complete: it holds slurm/launch.sh, which the build makes a constant. */
#include "app/sbatch.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/estimate.h"
#include "app/launch_script.h"

/* Twice the estimate, as a node may be slower and its file system busy, and this for the start. */
static const double SAFETY = 2, START_SECONDS = 300;
/* A limit that clusters commonly allow; what takes longer is queued again. */
static const double LONGEST_LIMIT = 24 * 3600.0;
static const double MIB = 1024.0 * 1024.0;

typedef struct request {
    int64_t nodes, ranks;
    int64_t mebibytes; /* a rank */
    char limit[32];
} request;

static aed_status read_count(const char *name, const char *text, int64_t *count)
{
    char *rest;
    if (!text) return AED_OK;
    errno = 0;
    const long long value = strtoll(text, &rest, 10);
    if (errno || rest == text || *rest || value < 1 || value > 1000000)
        return aed_fail(AED_CONFIG, "%s is '%s', but must be a whole number from 1 to 1000000",
                        name, text);
    *count = value;
    return AED_OK;
}

aed_status aed_sbatch_check(aed_sbatch_options *options)
{
    aed_status status = AED_OK;
    const char *time = options->time;
    if (!options->asked && (options->nodes_text || options->ranks_text || time))
        return aed_fail(AED_CONFIG, "--nodes, --ranks and --time are for --sbatch; see --help");
    AED_TRY(read_count("--nodes", options->nodes_text, &options->nodes));
    AED_TRY(read_count("--ranks", options->ranks_text, &options->ranks));
    if (time && (!*time || strlen(time) > 20 || strspn(time, "0123456789:-") != strlen(time)))
        return aed_fail(AED_CONFIG,
                        "--time is '%s', but must be a time as sbatch takes it: minutes, 4:00:00, "
                        "or 1-12:00:00",
                        time);
done:
    return status;
}

/* ---- Numbers ----------------------------------------------------------------------------------- */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t round_up(double value, int64_t unit)
{
    return (int64_t)ceil(value / (double)unit) * unit;
}

/* One rank a trial, or as many as a single trial has work for, if there are so many cores. */
static int64_t choose_ranks(const aed_job *job, int64_t nodes)
{
    const int64_t useful = job->list.count > 1 ? job->list.count : job->plans[0].leaves;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return smaller(useful, nodes * (cores > 0 ? cores : 1));
}

static void choose(const aed_job *job, const aed_sbatch_options *asked,
                   const aed_estimate *estimate, request *r)
{
    r->nodes = asked->nodes ? asked->nodes : 1;
    r->ranks = asked->ranks ? asked->ranks : choose_ranks(job, r->nodes);
    r->nodes = smaller(r->nodes, r->ranks);
    r->mebibytes = round_up(2 * estimate->bytes / MIB + 128, 64);
    double seconds = SAFETY * aed_estimate_seconds(estimate, r->ranks) + START_SECONDS;
    if (seconds > LONGEST_LIMIT) seconds = LONGEST_LIMIT;
    const int64_t minutes = round_up(seconds, 300) / 60;
    if (asked->time)
        snprintf(r->limit, sizeof r->limit, "%s", asked->time);
    else
        snprintf(r->limit, sizeof r->limit, "%02" PRId64 ":%02" PRId64 ":00", minutes / 60,
                 minutes % 60);
}

/* ---- Words of the shell ------------------------------------------------------------------------ */

/* In single quotes, whatever is in it. */
static void print_quoted(const char *word)
{
    putchar('\'');
    for (; *word; word++) {
        if (*word == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*word);
    }
    putchar('\'');
}

/* A line of #SBATCH is not read by the shell and ends at a blank. */
static void print_name(const char *name)
{
    for (; *name; name++) {
        const bool plain = strchr(
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-",
                               *name) != NULL;
        putchar(plain ? *name : '-');
    }
}

static void print_setting(const char *name, const char *value)
{
    printf("%s=", name);
    print_quoted(value);
    putchar('\n');
}

static const char *time_text(double seconds, char *text, size_t bytes)
{
    if (seconds < 1e-3)
        snprintf(text, bytes, "%.3g us", seconds * 1e6);
    else if (seconds < 1)
        snprintf(text, bytes, "%.3g ms", seconds * 1e3);
    else if (seconds < 90)
        snprintf(text, bytes, "%.3g s", seconds);
    else if (seconds < 5400)
        snprintf(text, bytes, "%.3g min", seconds / 60);
    else
        snprintf(text, bytes, "%.4g h", seconds / 3600);
    return text;
}

/* ---- The script -------------------------------------------------------------------------------- */

static void print_head(const aed_job *job, const request *r, const aed_estimate *estimate)
{
    char total[32], job_time[32], step[32];
    const int64_t count = job->list.count;
    printf("#!/usr/bin/env bash\n"
           "# A job for Slurm, by aedist " AED_VERSION " --sbatch: %" PRId64 " %s.\n"
           "#\n"
           "# Time: %s on one core; %s on %" PRId64
           " %s, of which no more than one is taken to work on\n"
           "# a trial. It follows from %s a step, measured with a few steps on the machine where "
           "this was\n"
           "# printed, and from the trials' numbers of operations. Unless --time was given, the "
           "limit is\n"
           "# twice as long and 5 minutes, at most 24 hours; a job that reaches it is saved, "
           "queued again\n"
           "# and goes on.\n"
           "# Memory: %.0f MiB on that machine, as much again, and 128 MiB for MPI.\n"
           "#\n"
           "# EDIT: add what your cluster asks for, such as a partition, an account or modules.\n",
           count, count == 1 ? "trial" : "trials", time_text(estimate->total, total, sizeof total),
           time_text(aed_estimate_seconds(estimate, r->ranks), job_time, sizeof job_time), r->ranks,
           r->ranks == 1 ? "rank" : "ranks", time_text(estimate->step, step, sizeof step),
           estimate->bytes / MIB);
    printf("#SBATCH --job-name=");
    print_name(job->list.trials[0].config.name);
    printf("\n#SBATCH --nodes=%" PRId64 "\n#SBATCH --ntasks=%" PRId64 "\n", r->nodes, r->ranks);
    printf("#SBATCH --ntasks-per-core=1\n#SBATCH --mem-per-cpu=%" PRId64 "M\n", r->mebibytes);
    printf("#SBATCH --time=%s\n", r->limit);
    printf("#SBATCH --output=%%x-%%j.log\n#SBATCH --open-mode=append\n#SBATCH --requeue\n"
           "#SBATCH --signal=B:USR1@120\n\n");
}

static void print_launch(const aed_job *job, const aed_options *options)
{
    fputs("\nlaunch \"$AEDIST\" ", stdout);
    print_quoted(options->config);
    for (int i = 0; i < options->override_count; i++) {
        fputs(" \\\n    ", stdout);
        print_quoted(options->overrides[i]);
    }
    if (job->part.count > 0)
        printf(" \\\n    --part %" PRId64 "/%" PRId64, job->part.number, job->part.count);
    if (options->retry_failed) fputs(" \\\n    --retry-failed", stdout);
    fputs(" \\\n    --output \"$AEDIST_OUTPUT\"\n", stdout);
}

aed_status aed_sbatch_print(aed_job *job, const aed_options *options)
{
    char folder[PATH_MAX], program[PATH_MAX];
    aed_estimate estimate;
    request r;
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0 || !getcwd(folder, sizeof folder))
        return aed_fail(AED_DATA, "--sbatch: cannot tell the program's place: %s", strerror(errno));
    program[length] = '\0';
    const aed_status status = aed_estimate_job(job, &estimate);
    if (status != AED_OK) return status;
    choose(job, &options->sbatch, &estimate, &r);
    print_head(job, &r, &estimate);
    fputs("cd ", stdout);
    print_quoted(folder);
    fputs(" || exit\n", stdout);
    print_setting("AEDIST", program);
    print_setting("AEDIST_OUTPUT", job->output);
    fputs("AEDIST_LAUNCHER=${AEDIST_LAUNCHER:-srun} # or mpirun\n# module load openmpi hdf5\n\n",
          stdout);
    fwrite(aed_launch_script, 1, aed_launch_script_bytes, stdout);
    print_launch(job, options);
    return AED_OK;
}
