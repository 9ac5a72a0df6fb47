/* aedist: parses the command line, wires the rooms together, reports.
 *
 *   mpirun -np N aedist CONFIG [key.path=value ...] [options]
 *   aedist COMMAND ...
 *
 * Rank 0 alone prints and writes. Every failure is agreed on by all ranks and reported once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/complete.h"
#include "app/job.h"
#include "app/options.h"
#include "app/report.h"
#include "app/run.h"
#include "app/sbatch.h"
#include "app/signals.h"
#include "core/clock.h"
#include "core/memory.h"
#include "dist/host_watch.h"
#include "kernel/kernels.h"

/* The command line as typed, words separated by spaces. */
static char *command_text(int argc, char **argv)
{
    char *text = aed_strdup(argv[0]);
    for (int i = 1; text && i < argc; i++) {
        char *longer = aed_printf_alloc("%s %s", text, argv[i]);
        aed_free(text);
        text = longer;
    }
    return text;
}

static aed_status print_answers(const aed_options *options, bool speaks)
{
    char *text = NULL;
    if (!speaks) return AED_OK;
    if (options->version) printf("aedist " AED_VERSION "\n");
    if (options->help) fputs(aed_options_help, stdout);
    if (options->help_config || options->help_markdown) {
        const aed_status status = options->help_markdown ? aed_config_help_markdown(&text)
                                                         : aed_config_help(&text);
        if (status != AED_OK) return status;
        fputs(text, stdout);
        aed_free(text);
    }
    return AED_OK;
}

/* --dry-run, --preview and --profile: the first trial's engine, looked at. */
static aed_status show_plan(aed_job *job, const aed_options *options)
{
    aed_trainer trainer;
    aed_placement placement;
    aed_status status = aed_job_create_trainer(job, 0, &job->world, &trainer);
    if (status != AED_OK) return status;
    if (options->dry_run && job->world.size > 1)
        status = aed_placement_choose(job, job->list.count, 0, &placement);
    if (status == AED_OK && job->world.rank == 0) {
        if (options->dry_run) aed_report_plan(job, &trainer);
        if (options->dry_run && job->world.size > 1) aed_report_placement(job, &placement);
        if (options->preview) status = aed_report_preview(&trainer);
        if (options->profile && !options->dry_run) aed_report_head(job, &trainer);
    }
    status = aed_dist_agree(&job->world, status);
    if (status == AED_OK && options->profile) status = aed_report_profile(&trainer);
    aed_trainer_destroy(&trainer);
    return aed_dist_agree(&job->world, status);
}

static aed_status print_job_script(aed_job *job, const aed_options *options)
{
    const aed_status status = job->world.rank == 0 ? aed_sbatch_print(job, options) : AED_OK;
    return aed_dist_agree(&job->world, status);
}

static aed_status train(aed_job *job, const aed_options *options, const char *command, double start)
{
    aed_trainer trainer;
    aed_status status = aed_job_create_trainer(job, 0, &job->world, &trainer);
    if (status != AED_OK) return status;
    if (job->world.rank == 0) aed_report_head(job, &trainer);
    aed_trainer_destroy(&trainer);
    return aed_app_run(job, options, command, start);
}

/* Without a command: trains, or shows, what a config describes. */
static aed_status run_config(int argc, char **argv, const aed_comm *world, double start)
{
    aed_options options;
    aed_job job = {0};
    aed_status status;
    char *command = command_text(argc, argv);
    if (argc > 1) AED_TRY(aed_dist_agree(world, aed_command_check(argv[1])));
    AED_TRY(aed_dist_agree(world, aed_options_read(argc, argv, &options)));
    if (options.help || options.version || options.help_config || options.help_markdown) {
        status = print_answers(&options, world->rank == 0);
        goto done;
    }
    const bool shows = options.dry_run || options.preview || options.profile ||
                       options.sbatch.asked;
    if (shows) aed_signals_release();
    AED_TRY(aed_dist_agree(world, aed_kernels_choose()));
    AED_TRY(aed_job_create(&options, world, &job));
    if (world->rank == 0) aed_findings_print_warnings(&job.findings, job.sweep_count);
    if (options.sbatch.asked)
        status = print_job_script(&job, &options);
    else if (shows)
        status = show_plan(&job, &options);
    else
        status = train(&job, &options, command ? command : "aedist", start);
done:
    aed_job_destroy(&job);
    aed_free(command);
    return status;
}

int main(int argc, char **argv)
{
    const double start = aed_clock_seconds();
    aed_comm world = {0};
    if (argc > 1 && strcmp(argv[1], "--complete") == 0) return aed_complete(argc - 2, argv + 2);
    /* Before MPI starts: a launcher forwards a signal to ranks that are just starting, too. */
    aed_signals_install();
    aed_status status = aed_dist_start(&argc, &argv, &world);
    if (status != AED_OK) {
        fprintf(stderr, "aedist: %s\n", aed_status_message());
        return aed_status_exit_code(status);
    }
    aed_host_watch *watch = NULL;
    const aed_command *command = argc > 1 ? aed_command_find(argv[1]) : NULL;
    if (command) aed_signals_release();
    status = aed_host_watch_start(&world, &watch);
    if (status == AED_OK)
        status = command ? aed_command_run(command, argc, argv, &world)
                         : run_config(argc, argv, &world, start);
    /* Trials that failed have been reported one by one. */
    if (world.rank == 0 && status != AED_OK && status != AED_PARTIAL && status != AED_DIVERGED)
        fprintf(stderr, "aedist: %s\n", aed_status_message());
    aed_host_watch_stop(&watch);
    aed_dist_stop();
    return aed_status_exit_code(status);
}
