/* The table of analyses, and what they share; see analysis.h. */
#include "analysis/analysis.h"

#include <stdio.h>
#include <string.h>

#include "config/analyses.h"
#include "core/memory.h"
#include "dist/dist.h"
#include "kernel/kernels.h"

static const struct {
    aed_analysis_run run;
    aed_analysis_check check;
} table[AED_ANALYSIS_COUNT] = {
    [AED_ANALYSIS_ABLATION] = {aed_analyse_ablation, aed_check_code},
    [AED_ANALYSIS_ASSEMBLE] = {aed_analyse_assemble, aed_check_assemble},
    [AED_ANALYSIS_CODE_CONFUSION] = {aed_analyse_code_confusion, aed_check_code_confusion},
    [AED_ANALYSIS_DECODE] = {aed_analyse_decode, aed_check_decode},
    [AED_ANALYSIS_ENCODE] = {aed_analyse_encode, NULL},
    [AED_ANALYSIS_EPOCHS_TO] = {aed_analyse_epochs_to, aed_check_epochs_to},
    [AED_ANALYSIS_FILTERS] = {aed_analyse_filters, NULL},
    [AED_ANALYSIS_PCA] = {aed_analyse_pca, aed_check_pca},
    [AED_ANALYSIS_PROBE] = {aed_analyse_probe, aed_check_probe},
    [AED_ANALYSIS_PRODUCTS] = {aed_analyse_products, aed_check_products},
    [AED_ANALYSIS_RECONSTRUCT] = {aed_analyse_reconstruct, aed_check_chosen},
    [AED_ANALYSIS_ROBUSTNESS] = {aed_analyse_robustness, NULL},
    [AED_ANALYSIS_SHARED_POINT] = {aed_analyse_shared_point, aed_check_shared_point},
    [AED_ANALYSIS_STRIDE_POWER] = {aed_analyse_stride_power, aed_check_stride_power},
    [AED_ANALYSIS_WORST] = {aed_analyse_worst, aed_check_chosen},
};

static int kind_index(const aed_spec *spec) { return (int)(spec->kind - aed_analysis_kind_of(0)); }

/* ---- Results ---------------------------------------------------------------------------------- */

static aed_status out_of_memory(const aed_analysis *analysis)
{
    return aed_fail(AED_MEMORY, "out of memory for the analysis %s; ask it for fewer samples",
                    analysis->spec->kind->name);
}

static aed_result_array *next_array(aed_analyses *results)
{
    if (results->count == results->room) {
        const int64_t room = results->room ? 2 * results->room : 16;
        aed_result_array *grown = aed_pool_alloc(&results->pool, (size_t)room, sizeof *grown);
        if (!grown) return NULL;
        if (results->count > 0)
            memcpy(grown, results->arrays, (size_t)results->count * sizeof *grown);
        results->arrays = grown;
        results->room = room;
    }
    return &results->arrays[results->count];
}

aed_status aed_analysis_fits(const aed_spec *spec, const char *name, const aed_shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        if (shape->size[i] < 1 || __builtin_mul_overflow(count, shape->size[i], &count) ||
            count > INT32_MAX)
            return aed_fail(AED_CONFIG,
                            "%s: %s of the analysis %s would have more than 2^31 - 1 numbers; ask "
                            "for fewer samples or steps",
                            spec->where, name, spec->kind->name);
    return AED_OK;
}

void *aed_analysis_add(aed_analysis *analysis, const char *name, const char *along,
                       aed_number_type type, const aed_shape *shape, aed_status *status)
{
    aed_analyses *results = analysis->results;
    char group[64];
    const aed_status fits = aed_analysis_fits(analysis->spec, name, shape);
    if (fits != AED_OK) {
        *status = fits;
        return NULL;
    }
    const int length = snprintf(group, sizeof group, "analysis/%s", analysis->spec->kind->name);
    aed_result_array *array = next_array(results);
    void *values = aed_pool_alloc(&results->pool, (size_t)aed_shape_count(shape),
                                  type == AED_NUMBER_F32 ? sizeof(float) : sizeof(double));
    const char *own_group = aed_pool_text(&results->pool, group, (size_t)length);
    const char *own_name = aed_pool_text(&results->pool, name, strlen(name));
    const char *own_along = aed_pool_text(&results->pool, along, strlen(along));
    if (!array || !values || !own_group || !own_name || !own_along) {
        *status = out_of_memory(analysis);
        return NULL;
    }
    *array = (aed_result_array){own_group, own_name, own_along, type, *shape, values};
    results->count++;
    return values;
}

void aed_analyses_destroy(aed_analyses *analyses)
{
    aed_pool_destroy(&analyses->pool);
    memset(analyses, 0, sizeof *analyses);
}

/* ---- Shapes ----------------------------------------------------------------------------------- */

aed_shape aed_analysis_row(int64_t count) { return (aed_shape){.rank = 1, .size = {count}}; }

static void append(aed_shape *shape, const aed_shape *sample)
{
    if (shape->rank + sample->rank > AED_MAX_RANK) {
        shape->size[shape->rank++] = aed_shape_count(sample);
        return;
    }
    for (int i = 0; i < sample->rank; i++) shape->size[shape->rank++] = sample->size[i];
}

aed_shape aed_analysis_rows(int64_t count, const aed_shape *sample)
{
    aed_shape shape = aed_analysis_row(count);
    append(&shape, sample);
    return shape;
}

aed_shape aed_analysis_grid(int64_t a, int64_t b, const aed_shape *sample)
{
    aed_shape shape = {.rank = 2, .size = {a, b}};
    append(&shape, sample);
    return shape;
}

/* ---- Samples and taps -------------------------------------------------------------------------- */

static const aed_arg_value *find_value(const aed_spec *spec, const char *name)
{
    for (int i = 0; i < spec->kind->arg_count; i++)
        if (strcmp(spec->kind->args[i].name, name) == 0) return &spec->values[i];
    return NULL;
}

aed_evaluation_spec aed_analysis_samples(const aed_spec *spec)
{
    const aed_arg_value *split = find_value(spec, "split"), *corrupt = find_value(spec, "corrupt");
    return (aed_evaluation_spec){.name = "analysis",
                                 .where = spec->where,
                                 .split = split ? (aed_split_kind)split->number : AED_SPLIT_VAL,
                                 .corrupt_as_train = corrupt && corrupt->number != 0};
}

int64_t aed_analysis_count(const aed_spec *spec, const aed_split *split)
{
    const aed_arg_value *places = find_value(spec, "samples");
    const int64_t count = aed_spec_int(spec, "count");
    if (places && places->count > 0) return places->count;
    return count < split->samples ? count : split->samples;
}

aed_status aed_analysis_choose(const aed_spec *spec, aed_walk *walk)
{
    const aed_arg_value *places = find_value(spec, "samples");
    const int64_t count = aed_analysis_count(spec, &walk->pass.split);
    uint32_t *chosen = NULL;
    if (places && places->count > 0) {
        chosen = aed_alloc((size_t)count, sizeof *chosen);
        if (!chosen) return aed_fail(AED_MEMORY, "out of memory for the samples of an analysis");
        for (int64_t i = 0; i < count; i++) chosen[i] = (uint32_t)places->numbers[i];
    }
    const aed_status status = aed_walk_choose(walk, spec->where, spec->kind->name, chosen, count);
    aed_free(chosen);
    return status;
}

aed_code aed_analysis_tap(const aed_model *model, int layer)
{
    aed_code code = {.shape = layer < 0 ? model->input : model->layers[layer].out};
    code.features = aed_shape_count(&code.shape);
    code.channels = code.shape.rank > 0 ? code.shape.size[0] : 1;
    code.per_channel = code.features / code.channels;
    return code;
}

aed_code aed_analysis_code(const aed_model *model)
{
    return aed_analysis_tap(model, model->code_layer);
}

const aed_shape *aed_analysis_output(const aed_model *model)
{
    return &model->layers[model->layer_count - 1].out;
}

/* ---- Running ----------------------------------------------------------------------------------- */

/* Whether the split is there, and the samples of it that are asked for. */
static aed_status check_samples(const aed_spec *spec, const aed_trainer *trainer)
{
    static const char *const names[] = {"samples", "sample"};
    const aed_evaluation_spec samples = aed_analysis_samples(spec);
    aed_split split;
    aed_status status = AED_OK;
    if (!find_value(spec, "split")) return AED_OK;
    AED_TRY(aed_dataset_split(trainer->data, samples.split, &split));
    for (int i = 0; i < 2; i++) {
        const aed_arg_value *value = find_value(spec, names[i]);
        for (int64_t k = 0; value && k < (value->count ? value->count : 1); k++) {
            const double place = value->count ? value->numbers[k] : value->number;
            if (place >= (double)split.samples)
                return aed_fail(AED_CONFIG,
                                "%s: %s of sample %.0f, but the split has %lld samples (0 is the "
                                "first)",
                                spec->where, spec->kind->name, place, (long long)split.samples);
        }
    }
done:
    return status;
}

aed_status aed_analyses_check(const aed_trainer *trainer)
{
    const aed_config *config = trainer->config;
    aed_status status = AED_OK;
    for (int i = 0; i < config->analysis_count && status == AED_OK; i++) {
        const aed_spec *spec = &config->analyses[i];
        const aed_analysis_check check = table[kind_index(spec)].check;
        if (check) status = check(spec, trainer);
        if (status == AED_OK) status = check_samples(spec, trainer);
    }
    return status;
}

aed_status aed_analyses_run(aed_trainer *trainer, const aed_metrics *metrics,
                            aed_analyses *analyses)
{
    const aed_config *config = trainer->config;
    const unsigned environment = aed_float_pin();
    aed_status status = AED_OK;
    *analyses = (aed_analyses){0};
    for (int i = 0; i < config->analysis_count && status == AED_OK; i++) {
        aed_analysis analysis = {trainer, metrics, &config->analyses[i], analyses};
        status = aed_dist_agree(&trainer->comm, table[kind_index(analysis.spec)].run(&analysis));
    }
    aed_float_restore(environment);
    return status;
}
