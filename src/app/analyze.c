/* aedist analyze: what analyses find out about the trained models of a run, added to its results. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/matches.h"
#include "app/output.h"
#include "app/report.h"
#include "app/restore.h"
#include "config/analyses.h"
#include "core/memory.h"
#include "kernel/kernels.h"

static const char help[] =
    "Usage: [mpirun -np N] aedist analyze RUN [TRIAL] [analysis.NAME=arguments ...]\n"
    "\n"
    "Does the analyses of the run's config, and those that are named, with the trained model of\n"
    "every trial that is done, or of the one whose id begins with TRIAL. What they find takes the\n"
    "place of what they found before, in the ledger and in results.h5 below\n"
    "/trials/<id>/analysis/NAME, and below /analysis for the run as a whole. The bits do not "
    "depend\n"
    "on the number of ranks. A run that a job is writing to is refused.\n"
    "\n"
    "  analysis.ablation=true           the loss with each channel of the code zeroed\n"
    "  analysis.worst=20                the 20 samples with the largest loss\n"
    "  analysis.decode.one_hot=true     outputs of one-hot codes\n"
    "\n"
    "All analyses and their arguments: aedist --help-config; docs/analysis.md.\n"
    "\n"
    "Exit codes: 0 done, 2 usage or an analysis that does not fit the model, 3 the run or the "
    "data\n"
    "cannot be read, or a job is using the run.\n";

typedef struct analyser {
    const aed_command_args *args;
    const aed_comm *world;
    aed_job job;            /* on rank 0 */
    aed_run *run;           /* on rank 0 */
    aed_restorer restorer;  /* its stored trials on rank 0 */
    int64_t *chosen, count; /* on rank 0; count on all */
    bool filters;           /* an analysis of a trial was the filters' */
} analyser;

static aed_status out_of_memory(void)
{
    return aed_fail(AED_MEMORY, "out of memory for the analyses");
}

/* ---- The run ------------------------------------------------------------------------------------ */

static aed_status check_overrides(const aed_command_args *args)
{
    static const char section[] = "analysis";
    for (int i = 0; i < args->override_count; i++)
        if (strncmp(args->overrides[i], section, sizeof section - 1) != 0)
            return aed_fail(AED_CONFIG,
                            "%s: only analysis.NAME=... can be set here: the models are trained; "
                            "see aedist analyze --help",
                            args->overrides[i]);
    return AED_OK;
}

/* The job of the run's own config, whose trials are the rows of its results. */
static aed_status open_run(analyser *a)
{
    const aed_comm self = {MPI_COMM_SELF, 0, 1};
    const char *folder = a->args->words[0];
    char *hosts = NULL, *command = NULL, *path = aed_printf_alloc("%s/config.yaml", folder);
    aed_status status = AED_OK;
    if (!path) return out_of_memory();
    const aed_options options = {.config = path, .output = folder};
    AED_TRY(aed_job_create(&options, &self, &a->job));
    command = aed_printf_alloc("aedist analyze %s", folder);
    if (!command) status = out_of_memory();
    AED_TRY(status);
    AED_TRY(aed_dist_hosts(&self, &hosts));
    status = aed_output_open(&a->job, folder, command, hosts, &a->run);
done:
    aed_free(hosts);
    aed_free(command);
    aed_free(path);
    return status;
}

static aed_status choose(analyser *a)
{
    const aed_stored *stored = a->restorer.stored;
    a->chosen = aed_alloc((size_t)aed_stored_count(stored) + 1, sizeof *a->chosen);
    if (!a->chosen) return out_of_memory();
    if (a->args->word_count > 1) {
        a->count = 1;
        return aed_stored_find(stored, a->args->words[1], a->chosen);
    }
    for (int64_t i = 0; i < aed_stored_count(stored); i++)
        if (strcmp(aed_stored_trial(stored, i)->status, "done") == 0) a->chosen[a->count++] = i;
    if (a->count > 0) return AED_OK;
    return aed_fail(AED_DATA, "%s: no trial of this run is done yet; see aedist info",
                    a->args->words[0]);
}

static aed_status open_all(analyser *a)
{
    aed_status status;
    AED_TRY(check_overrides(a->args));
    AED_TRY(open_run(a)); /* first: from here on nobody else writes to it */
    AED_TRY(aed_stored_open(a->args->words[0], &a->restorer.stored));
    status = choose(a);
done:
    return status;
}

/* ---- One trial ---------------------------------------------------------------------------------- */

/* Whether the array is of an analysis that has just been done. */
static bool is_replaced(const aed_config *config, const aed_result_array *array)
{
    static const char below[] = "analysis/";
    if (strncmp(array->group, below, sizeof below - 1) != 0) return false;
    for (int i = 0; i < config->analysis_count; i++)
        if (strcmp(array->group + sizeof below - 1, config->analyses[i].kind->name) == 0)
            return true;
    return false;
}

/* The stored trial with the new arrays in the old ones' place. */
static aed_status keep(analyser *a, int64_t index, const aed_config *config,
                       const aed_analyses *analyses)
{
    aed_trial_record *record = NULL;
    aed_result_array *arrays = NULL;
    int64_t count = 0;
    aed_status status;
    AED_TRY(aed_stored_read(a->restorer.stored, index, &record));
    aed_trial_result *result = &record->result;
    arrays = aed_alloc((size_t)(result->array_count + analyses->count), sizeof *arrays);
    if (!arrays) status = out_of_memory();
    AED_TRY(status);
    for (int64_t i = 0; i < result->array_count; i++)
        if (!is_replaced(config, &result->arrays[i])) arrays[count++] = result->arrays[i];
    for (int64_t i = 0; i < analyses->count; i++) arrays[count++] = analyses->arrays[i];
    result->arrays = arrays;
    result->array_count = count;
    status = aed_run_append(a->run, result);
done:
    aed_free(arrays);
    aed_trial_record_destroy(&record);
    return status;
}

static void tell(const analyser *a, int64_t index, int64_t number, const aed_analyses *analyses)
{
    const aed_trial_result *result = aed_stored_trial(a->restorer.stored, index);
    printf("analysed  %s", result->id);
    for (int64_t i = 0; i < result->setting_count; i++)
        printf(" %s=%s", result->settings[i].axis, result->settings[i].text);
    printf("  %" PRId64 " arrays (%" PRId64 " of %" PRId64 ")\n", analyses->count, number + 1,
           a->count);
    fflush(stdout);
}

static aed_status analyse(analyser *a, int64_t number)
{
    const aed_comm *world = a->world;
    const int64_t index = a->chosen ? a->chosen[number] : 0;
    const aed_metrics none = {0};
    aed_restored restored;
    aed_analyses analyses = {0};
    aed_status status = aed_restorer_open(&a->restorer, index, &restored);
    if (status != AED_OK) return status;
    const aed_config *config = &restored.config;
    if (config->analysis_count == 0)
        status = aed_fail(AED_CONFIG, "which analyses? The run's config has none; name some, such "
                                      "as analysis.ablation=true (aedist --help-config has all)");
    if (status == AED_OK) status = aed_analyses_check(&restored.trainer);
    AED_TRY(aed_dist_agree(world, status));
    /* Rank 0 knows the recorded metrics, and it is what rank 0 finds that is kept. */
    AED_TRY(aed_analyses_run(&restored.trainer,
                             a->run ? &aed_stored_trial(a->restorer.stored, index)->metrics : &none,
                             &analyses));
    for (int i = 0; i < config->analysis_count; i++)
        a->filters |= config->analyses[i].kind == aed_analysis_kind_of(AED_ANALYSIS_FILTERS);
    if (a->run) status = keep(a, index, config, &analyses);
    if (a->run && status == AED_OK) tell(a, index, number, &analyses);
    status = aed_dist_agree(world, status);
done:
    aed_analyses_destroy(&analyses);
    aed_restored_close(&restored);
    return status;
}

/* ---- All ---------------------------------------------------------------------------------------- */

static aed_status finish(analyser *a)
{
    aed_analyses matches = {0};
    aed_status status;
    const aed_log_field fields[] = {{"trials", NULL, (double)a->count}};
    AED_TRY(aed_app_match(a->run, &a->job.list, a->filters, &matches));
    AED_TRY(aed_run_log(a->run, "analyze", fields, 1));
    AED_TRY(aed_run_write_results(a->run));
    printf("results   %s/results.h5\n", a->args->words[0]);
done:
    aed_analyses_destroy(&matches);
    return status;
}

static aed_status run(const aed_command_args *args, const aed_comm *world)
{
    analyser a = {.args = args,
                  .world = world,
                  .restorer = {.comm = *world,
                               .overrides = args->overrides,
                               .override_count = args->override_count}};
    aed_status status;
    AED_TRY(aed_dist_agree(world, aed_kernels_choose()));
    if (world->rank == 0) status = open_all(&a);
    AED_TRY(aed_dist_agree(world, status));
    AED_TRY(aed_dist_broadcast(world, &a.count, sizeof a.count, 0));
    for (int64_t i = 0; i < a.count; i++) AED_TRY(analyse(&a, i));
    if (a.run) status = finish(&a);
    status = aed_dist_agree(world, status);
done:
    aed_run_close(&a.run);
    aed_restorer_destroy(&a.restorer);
    aed_stored_close(&a.restorer.stored);
    aed_job_destroy(&a.job);
    aed_free(a.chosen);
    return status;
}

const aed_command aed_command_analyze = {.name = "analyze",
                                         .help = help,
                                         .least_words = 1,
                                         .most_words = 2,
                                         .overrides = true,
                                         .collective = true,
                                         .run = run};
