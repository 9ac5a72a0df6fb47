/* See merge.h. Nothing that a ledger says is believed: an id must be that of the config beside it, and
 * two results of one trial must agree. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/merge.h"
#include "core/memory.h"

typedef struct named_trial {
    const char *id;
    int64_t index; /* in the job's list */
} named_trial;

typedef struct chooser {
    const aed_job *job;
    named_trial *ids; /* of the job's trials, sorted */
    aed_merge_source *sources;
    aed_merge_choice *choices;
    double program; /* that trained the first trial; 0: none yet */
    const char *program_folder;
} chooser;

static const aed_trial_result *chosen(const chooser *c, const aed_merge_choice *choice)
{
    return aed_stored_trial(c->sources[choice->source].stored, choice->trial);
}

static bool is_done(const aed_trial_result *result) { return strcmp(result->status, "done") == 0; }

/* ---- Ids --------------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const named_trial *)a)->id, ((const named_trial *)b)->id);
}

static aed_status sort_ids(chooser *c)
{
    const size_t count = (size_t)c->job->list.count;
    c->ids = aed_alloc(count, sizeof *c->ids);
    if (!c->ids) return aed_fail(AED_MEMORY, "out of memory for the trials");
    for (size_t i = 0; i < count; i++) c->ids[i] = (named_trial){c->job->plans[i].id, (int64_t)i};
    qsort(c->ids, count, sizeof *c->ids, compare_ids);
    return AED_OK;
}

/* The trial's index in the job, -1 if it has none of that id. */
static int64_t find_planned(const chooser *c, const char *id)
{
    const named_trial key = {.id = id};
    const named_trial *found = bsearch(&key, c->ids, (size_t)c->job->list.count, sizeof *c->ids,
                                       compare_ids);
    return found ? found->index : -1;
}

/* ---- Checks ------------------------------------------------------------------------------------ */

static double scalar(const aed_trial_result *result, const char *name)
{
    for (int64_t i = 0; i < result->scalar_count; i++)
        if (strcmp(result->scalar_names[i], name) == 0) return result->scalar_values[i];
    return NAN;
}

/* An id is a hash over the trial's settings. */
static aed_status check_id(const char *folder, const aed_trial_result *result)
{
    aed_trial_list list;
    char id[16] = "";
    aed_status status = aed_config_parse(result->resolved, folder, NULL, 0, &list);
    if (status == AED_OK && list.count == 1)
        status = aed_config_trial_id(&list.trials[0].config, list.trials[0].config.tile,
                                     list.trials[0].config.leaf, id);
    aed_trial_list_destroy(&list);
    if (status == AED_MEMORY) return status;
    if (status == AED_OK && strcmp(id, result->id) == 0) return AED_OK;
    return aed_fail(AED_DATA,
                    "%s: trial %s has a config that is not its own; the ledger was changed or "
                    "is of another version of aedist: train this run again",
                    folder, result->id);
}

static aed_status check_origin(chooser *c, const char *folder, const aed_trial_result *result,
                               int64_t planned)
{
    const double program = scalar(result, "program_mark"), data = scalar(result, "data_mark");
    if (!(data == c->job->plans[planned].data_mark))
        return aed_fail(
            AED_DATA,
            "%s: trial %s was trained on other samples than its config's data hold now; "
            "give all parts the same data and train those that differ again",
            folder, result->id);
    if (!c->program_folder) {
        c->program = program;
        c->program_folder = folder;
    }
    if (program == c->program) return AED_OK;
    return aed_fail(AED_DATA,
                    "%s: trial %s was trained by another build of aedist than those of %s, so they "
                    "are not one sweep; train one of the two again with the other's program",
                    folder, result->id, c->program_folder);
}

/* Whether two results of one trial are the same in all that the training decides. Where the metrics were
 * recorded at different epochs the weights speak for them. */
static bool is_same(const aed_trial_result *a, const aed_trial_result *b)
{
    const aed_metrics *left = &a->metrics, *right = &b->metrics;
    if (a->epochs != b->epochs || strcmp(a->weights_hash, b->weights_hash) != 0) return false;
    if (left->rows != right->rows || left->column_count != right->column_count) return true;
    for (int64_t k = 0; k < left->column_count; k++) {
        if (strcmp(left->names[k], right->names[k]) != 0) return true;
        if (strcmp(left->names[k], "time_s") == 0) continue;
        for (int64_t row = 0; row < left->rows; row++) {
            const int64_t at = row * left->column_count + k;
            if (memcmp(&left->values[at], &right->values[at], sizeof *left->values) != 0)
                return false;
        }
    }
    return true;
}

static aed_status check_same(const chooser *c, const aed_merge_choice *first,
                             const aed_merge_choice *second)
{
    const aed_trial_result *result = chosen(c, first);
    if (is_same(result, chosen(c, second))) return AED_OK;
    return aed_fail(
        AED_DATA,
        "trial %s has different results in %s and in %s; one of them was not trained as "
        "its config says: find out which, and leave that run out",
        result->id, c->sources[first->source].folder, c->sources[second->source].folder);
}

static aed_status check_health(const aed_merge_source *source)
{
    const aed_ledger_health *health = aed_stored_health(source->stored);
    if (health->damage < 0 || health->torn || health->busy) return AED_OK;
    return aed_fail(AED_DATA,
                    "%s: its ledger is damaged at offset %" PRId64
                    "; start that run again, which mends it and trains what is lost",
                    source->folder, health->damage);
}

/* ---- Choosing ---------------------------------------------------------------------------------- */

static aed_status take_trial(chooser *c, const aed_merge_choice *offer)
{
    aed_merge_source *source = &c->sources[offer->source];
    const aed_trial_result *result = chosen(c, offer);
    const int64_t planned = find_planned(c, result->id);
    aed_status status;
    if (planned < 0) {
        source->foreign++;
        return AED_OK;
    }
    AED_TRY(check_id(source->folder, result));
    AED_TRY(check_origin(c, source->folder, result, planned));
    if (is_done(result))
        source->done++;
    else
        source->failed++;
    aed_merge_choice *choice = &c->choices[planned];
    const bool known = choice->source >= 0;
    if (known && is_done(result) && is_done(chosen(c, choice))) return check_same(c, choice, offer);
    if (!known || (is_done(result) && !is_done(chosen(c, choice)))) *choice = *offer;
done:
    return status;
}

aed_status aed_merge_choose(const aed_job *job, aed_merge_source *sources, int source_count,
                            aed_merge_choice *choices)
{
    chooser c = {.job = job, .sources = sources, .choices = choices};
    aed_status status;
    AED_TRY(sort_ids(&c));
    for (int64_t i = 0; i < job->list.count; i++) choices[i].source = -1;
    for (int i = 0; i < source_count; i++) {
        AED_TRY(check_health(&sources[i]));
        for (int64_t k = 0; k < aed_stored_count(sources[i].stored); k++)
            AED_TRY(take_trial(&c, &(aed_merge_choice){.source = i, .trial = k}));
    }
done:
    aed_free(c.ids);
    return status;
}
