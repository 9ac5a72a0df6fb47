/* aedist merge: one run out of the parts of a sweep that were trained by jobs of their own. */
#include "app/merge.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command.h"
#include "app/matches.h"
#include "app/output.h"
#include "app/report.h"
#include "app/summary.h"
#include "config/difference.h"
#include "core/memory.h"
#include "io/file.h"
#include "io/ledger.h"
#include "kernel/kernels.h"

static const char help[] =
    "Usage: aedist merge OUT RUN ...\n"
    "\n"
    "Makes one run in the folder OUT out of runs of the same sweep, which `aedist CONFIG --part "
    "K/N`\n"
    "left, with all that the whole sweep in one job would have left: ledger, results.h5,\n"
    "config.yaml. The runs must have one config, and their trials the same data and program. "
    "Trials\n"
    "that several runs have must have the same results. Nothing is taken over before all has been\n"
    "checked; OUT appears whole. If OUT is such a run already, what it lacks is added, so the "
    "same\n"
    "command can be given again. The runs are only read, and may still be in work.\n"
    "\n"
    "What no run has is told; `aedist OUT/config.yaml --output OUT` trains it.\n"
    "\n"
    "Exit codes: 0 every trial of the sweep is done, 2 usage or configs that differ, 3 a run "
    "cannot be\n"
    "read or is not of the same data, program or results, 4 every trial failed, 5 some failed or "
    "are\n"
    "missing.\n";

typedef struct merger {
    aed_job job;
    char *out;      /* as given, without slashes at its end */
    char *folder;   /* where it is made: `out` if that is there, else OUT.merging beside it */
    bool continues; /* folder holds a run: it is the first source */
    aed_merge_source *sources;
    int count;
    char *config; /* text of the first part's config.yaml */
    aed_merge_choice *choices;
    int64_t done, failed; /* of the chosen ones */
    aed_status worst;     /* of those that failed */
} merger;

static const aed_comm self = {MPI_COMM_SELF, 0, 1};

static aed_status out_of_memory(void) { return aed_fail(AED_MEMORY, "out of memory for a merge"); }

static bool exists(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0;
}

/* ---- What there is ----------------------------------------------------------------------------- */

static aed_status name_folders(merger *m, const char *out)
{
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/') length--;
    m->out = aed_printf_alloc("%.*s", (int)length, out);
    if (!m->out) return out_of_memory();
    m->folder = exists(m->out) ? aed_strdup(m->out) : aed_printf_alloc("%s.merging", m->out);
    char *ledger = m->folder ? aed_printf_alloc("%s/ledger", m->folder) : NULL;
    if (!ledger) return out_of_memory();
    m->continues = exists(ledger);
    aed_free(ledger);
    return AED_OK;
}

static aed_status open_sources(merger *m, const char *const *runs, int count)
{
    m->sources = aed_alloc((size_t)count + 1, sizeof *m->sources);
    if (!m->sources) return out_of_memory();
    if (m->continues) m->sources[m->count++].folder = m->folder;
    for (int i = 0; i < count; i++) m->sources[m->count++].folder = runs[i];
    for (int i = 0; i < m->count; i++) {
        const aed_status status = aed_stored_open(m->sources[i].folder, &m->sources[i].stored);
        if (status != AED_OK) return status;
    }
    return AED_OK;
}

/* ---- Configs ----------------------------------------------------------------------------------- */

static aed_status config_path(const char *folder, char **path)
{
    *path = aed_printf_alloc("%s/config.yaml", folder);
    return *path ? AED_OK : out_of_memory();
}

static aed_status parse(const char *folder, const char *text, aed_trial_list *list)
{
    char *path = NULL;
    aed_status status = config_path(folder, &path);
    if (status == AED_OK) status = aed_config_parse(text, path, NULL, 0, list);
    aed_free(path);
    return status;
}

static bool same_text(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

/* Whether the config.yaml of `folder`, `text`, is that of the run `first`, up to what says how the job is
 * run. */
static aed_status compare_configs(const merger *m, const char *first, const char *folder,
                                  const char *text)
{
    char *difference = NULL;
    aed_trial_list lists[2] = {{0}, {0}};
    aed_status status;
    if (strcmp(text, m->config) == 0) return AED_OK;
    AED_TRY(parse(first, m->config, &lists[0]));
    AED_TRY(parse(folder, text, &lists[1]));
    AED_TRY(aed_config_difference(m->config, text, NULL, 0, &difference));
    if (difference)
        status = aed_fail(AED_CONFIG,
                          "%s is of another config than %s (%s); merge runs of one config", folder,
                          first, difference);
    else if (!same_text(lists[0].sweep_text, lists[1].sweep_text))
        status = aed_fail(AED_CONFIG,
                          "%s is of another sweep than %s; merge parts of one and the same sweep",
                          folder, first);
done:
    aed_trial_list_destroy(&lists[0]);
    aed_trial_list_destroy(&lists[1]);
    aed_free(difference);
    return status;
}

/* Reads the first part's config.yaml and compares all others with it. */
static aed_status check_configs(merger *m)
{
    aed_status status = AED_OK;
    char *path = NULL, *text = NULL;
    size_t length;
    const int first = m->continues ? 1 : 0;
    for (int k = 0; k < m->count && status == AED_OK; k++) {
        const int i = (first + k) % m->count; /* OUT, if it is there, comes last */
        AED_TRY(config_path(m->sources[i].folder, &path));
        if (m->continues && i == 0 && !exists(path)) break; /* a merge was killed just then */
        AED_TRY(aed_config_read_text(path, &text, &length));
        if (k == 0) {
            m->config = text;
            text = NULL;
        } else {
            status = compare_configs(m, m->sources[first].folder, m->sources[i].folder, text);
        }
        aed_free(text);
        aed_free(path);
        path = text = NULL;
    }
done:
    aed_free(text);
    aed_free(path);
    return status;
}

static aed_status plan(merger *m)
{
    char *path = NULL;
    aed_status status;
    AED_TRY(config_path(m->sources[m->continues ? 1 : 0].folder, &path));
    const aed_options options = {.config = path, .output = m->out};
    AED_TRY(aed_job_create(&options, &self, &m->job));
    m->choices = aed_alloc((size_t)m->job.list.count, sizeof *m->choices);
    if (!m->choices) status = out_of_memory();
done:
    aed_free(path);
    return status;
}

/* ---- Writing ----------------------------------------------------------------------------------- */

static aed_status copy_trial(merger *m, const aed_merge_choice *choice, aed_run *run)
{
    static const unsigned char header[AED_LEDGER_HEADER];
    aed_trial_record *record = NULL;
    aed_buffer bytes = {0};
    aed_status status;
    AED_TRY(aed_stored_read(m->sources[choice->source].stored, choice->trial, &record));
    aed_buffer_put(&bytes, header, sizeof header);
    AED_TRY(aed_trial_record_encode(&record->result, &bytes));
    AED_TRY(aed_run_put(run, &bytes, NULL));
done:
    aed_trial_record_destroy(&record);
    aed_buffer_destroy(&bytes);
    return status;
}

static aed_status copy_trials(merger *m, aed_run *run)
{
    int64_t copied = 0;
    aed_analyses matches = {0};
    aed_status status;
    for (int64_t i = 0; i < m->job.list.count; i++) {
        if (m->choices[i].source < (m->continues ? 1 : 0)) continue; /* nowhere, or there already */
        AED_TRY(copy_trial(m, &m->choices[i], run));
        copied++;
    }
    AED_TRY(aed_run_sync(run));
    const aed_log_field fields[] = {{"runs", NULL, (double)(m->count - (m->continues ? 1 : 0))},
                                    {"trials", NULL, (double)copied}};
    AED_TRY(aed_run_log(run, "merge", fields, 2));
    AED_TRY(aed_app_match(run, &m->job.list, false, &matches));
    AED_TRY(aed_run_write_results(run));
done:
    aed_analyses_destroy(&matches);
    return status;
}

/* Gives the folder its name once it is whole. */
static aed_status publish(const merger *m)
{
    if (strcmp(m->folder, m->out) == 0) return AED_OK;
    if (rename(m->folder, m->out) != 0) return aed_file_fail(m->out, "make the folder", errno);
    const char *slash = strrchr(m->out, '/');
    char *parent = slash ? aed_printf_alloc("%.*s", slash == m->out ? 1 : (int)(slash - m->out),
                                            m->out)
                         : aed_strdup(".");
    if (!parent) return out_of_memory();
    const aed_status status = aed_file_sync_folder(parent);
    aed_free(parent);
    return status;
}

static char *command_text(const aed_command_args *args)
{
    char *text = aed_strdup("aedist merge");
    for (int i = 0; text && i < args->word_count; i++) {
        char *longer = aed_printf_alloc("%s %s", text, args->words[i]);
        aed_free(text);
        text = longer;
    }
    return text;
}

static aed_status write_run(merger *m, const aed_command_args *args)
{
    aed_status status;
    aed_run *run = NULL;
    char *hosts = NULL, *command = command_text(args);
    AED_TRY(command ? AED_OK : out_of_memory());
    AED_TRY(aed_dist_hosts(&self, &hosts));
    AED_TRY(aed_output_open(&m->job, m->folder, command, hosts, &run));
    AED_TRY(copy_trials(m, run));
    status = publish(m); /* under the run's lock */
done:
    aed_run_close(&run);
    aed_free(hosts);
    aed_free(command);
    return status;
}

/* ---- Telling ----------------------------------------------------------------------------------- */

static aed_status count_chosen(merger *m)
{
    for (int64_t i = 0; i < m->job.list.count; i++) {
        const aed_merge_choice *choice = &m->choices[i];
        if (choice->source < 0) continue;
        const aed_stored *stored = m->sources[choice->source].stored;
        const aed_status outcome = aed_summary_outcome(aed_stored_trial(stored, choice->trial));
        if (outcome == AED_OK)
            m->done++;
        else
            m->failed++;
        if (outcome > m->worst) m->worst = outcome;
    }
    if (m->done + m->failed > 0) return AED_OK;
    return aed_fail(AED_DATA, "%s: none of these runs has a trial that has ended; train them first",
                    m->out);
}

static void print_sources(const merger *m)
{
    for (int i = 0; i < m->count; i++) {
        const aed_merge_source *source = &m->sources[i];
        printf("part      %s: %" PRId64 " done, %" PRId64 " failed%s\n", source->folder,
               source->done, source->failed,
               aed_stored_health(source->stored)->busy ? "; a job is running there" : "");
        if (source->foreign > 0)
            printf("note      %s: %" PRId64 " more are no trials of this sweep and are left out\n",
                   source->folder, source->foreign);
    }
}

static void print_missing(const merger *m, int64_t missing)
{
    enum { LISTED = 5 };
    char label[200];
    int64_t listed = 0;
    if (missing == 0) return;
    printf("missing   %" PRId64 " %s:", missing, missing == 1 ? "trial" : "trials");
    for (int64_t i = 0; i < m->job.list.count && listed < LISTED; i++) {
        if (m->choices[i].source >= 0) continue;
        aed_report_label(&m->job.list.trials[i], label, sizeof label);
        printf("%s %s", listed++ ? "," : "", label);
    }
    printf("%s\n          aedist %s/config.yaml --output %s trains %s\n",
           missing > listed ? ", ..." : "", m->out, m->out, missing == 1 ? "it" : "them");
}

static aed_status tell(const merger *m)
{
    const int64_t count = m->job.list.count, missing = count - m->done - m->failed;
    printf("merged    %" PRId64 " of the sweep's %" PRId64 " trials: %" PRId64 " done, %" PRId64
           " failed\n",
           count - missing, count, m->done, m->failed);
    print_missing(m, missing);
    printf("results   %s/results.h5\n", m->out);
    if (m->done == count) return AED_OK;
    return m->failed == count ? m->worst : AED_PARTIAL;
}

static aed_status run(const aed_command_args *args, const aed_comm *world)
{
    merger m = {0};
    aed_status status;
    (void)world;
    AED_TRY(aed_kernels_choose());
    AED_TRY(name_folders(&m, args->words[0]));
    AED_TRY(open_sources(&m, args->words + 1, args->word_count - 1));
    AED_TRY(check_configs(&m));
    AED_TRY(plan(&m));
    AED_TRY(aed_merge_choose(&m.job, m.sources, m.count, m.choices));
    AED_TRY(count_chosen(&m));
    print_sources(&m);
    AED_TRY(write_run(&m, args));
    status = tell(&m);

done:
    aed_job_destroy(&m.job);
    for (int i = 0; i < m.count; i++) aed_stored_close(&m.sources[i].stored);
    aed_free(m.sources);
    aed_free(m.choices);
    aed_free(m.config);
    aed_free(m.folder);
    aed_free(m.out);
    return status;
}

const aed_command aed_command_merge = {.name = "merge",
                                       .help = help,
                                       .least_words = 2,
                                       .most_words = INT_MAX,
                                       .lacks = "no run is named",
                                       .run = run};
