/* Builds the plan of a model: shapes, offsets, tile and leaf. */
#include "aedist/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "kernel/kernels.h"
#include "model/plan.h"

static int64_t round_up(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }

static void destroy_layers(aed_model *model)
{
    for (int i = 0; model->layers && i < model->layer_count; i++)
        if (model->layers[i].ops && model->layers[i].ops->destroy)
            model->layers[i].ops->destroy(&model->layers[i]);
}

void aed_model_destroy(aed_model *model)
{
    destroy_layers(model);
    aed_free(model->layers);
    aed_free(model->tensors);
    aed_free(model->output_at);
    memset(model, 0, sizeof *model);
}

/* Runs every layer's infer for `lanes` samples and counts what follows from shapes alone. */
static aed_status infer_layers(aed_model *model, const aed_layer_spec *specs, aed_interval interval,
                               int lanes)
{
    destroy_layers(model);
    memset(model->layers, 0, sizeof *model->layers * (size_t)model->layer_count);
    aed_shape shape = model->input;
    model->flops = 0;
    for (int i = 0; i < model->layer_count; i++) {
        aed_layer *layer = &model->layers[i];
        *layer = (aed_layer){.spec = &specs[i],
                             .kernels = aed_kernels(),
                             .index = i,
                             .lanes = lanes,
                             .in = shape,
                             .in_interval = interval};
        /* The kind is the first member of its table, a program's own as well. */
        const aed_layer_ops *ops = (const aed_layer_ops *)specs[i].spec.kind;
        layer->ops = ops;
        aed_status status = ops->infer(layer);
        if (status != AED_OK) {
            layer->ops = NULL; /* infer left nothing behind */
            return status;
        }
        shape = layer->out;
        interval = layer->out_interval;
        model->flops += layer->flops;
    }
    return AED_OK;
}

static const char activation_path[] = "code.activation";

/* Whether somebody beside the next layer may read the output of layer i < layer_count - 1. */
static bool is_tap(const aed_model *model, int i)
{
    return model->layers[i].spec->name || i == model->code_layer ||
           strcmp(model->layers[i + 1].spec->path, activation_path) == 0;
}

int aed_model_tap(const aed_model *model, const char *name)
{
    if (strcmp(name, "input") == 0) return -1;
    if (strcmp(name, "code") == 0) return model->code_layer;
    if (strcmp(name, "reconstruction") == 0) return model->layer_count - 1;
    const bool logits = strcmp(name, "logits") == 0;
    for (int i = 0; i < model->layer_count; i++) {
        const aed_layer_spec *spec = model->layers[i].spec;
        if (logits && strcmp(spec->path, activation_path) == 0) return i - 1;
        if (!logits && spec->name && strcmp(spec->name, name) == 0) return i;
    }
    return logits ? model->code_layer : AED_NO_TAP;
}

/* Lets every layer compute the layers behind it that it can, up to the next tap. */
static aed_status fuse_layers(aed_model *model)
{
    for (int i = 0; i < model->layer_count; i += 1 + model->layers[i].absorbs) {
        aed_layer *layer = &model->layers[i];
        int offered = 0;
        while (i + offered + 1 < model->layer_count && !is_tap(model, i + offered)) offered++;
        if (!layer->ops->fuse || offered == 0) continue;
        const aed_status status = layer->ops->fuse(layer, offered);
        if (status != AED_OK) return status;
        for (int k = 1; k <= layer->absorbs; k++) layer[k].absorbed = true;
    }
    return AED_OK;
}

/* Whether layer i may write over its input: nobody reads that again. */
static bool works_in_place(const aed_model *model, int i)
{
    if (model->layers[i].ops->is_view) return true;
    if (!model->layers[i].ops->elementwise) return false;
    for (int before = i - 1; before >= 0; before--) {
        if (is_tap(model, before)) return false;
        if (!model->layers[before].ops->is_view) return !model->layers[before].ops->keeps_output;
    }
    return false;
}

/* Offsets of everything a tile needs. A view of the input has the input's offset. */
static void plan_workspace(aed_model *model)
{
    const int64_t lanes = model->lanes, input = aed_shape_count(&model->input);
    int64_t widest = input, scratch = 0, at = 0;
    model->saved = input;
    model->input_at = at;
    at += input * lanes;
    for (int i = 0; i < model->layer_count; i++) {
        const aed_layer *layer = &model->layers[i];
        const int64_t count = aed_shape_count(&layer[layer->absorbs].out);
        if (layer->scratch > scratch) scratch = layer->scratch;
        if (layer->absorbed) {
            model->output_at[i] = model->output_at[i - 1];
            continue;
        }
        if (count > widest) widest = count;
        if (works_in_place(model, i)) {
            model->output_at[i] = i == 0 ? model->input_at : model->output_at[i - 1];
            continue;
        }
        model->output_at[i] = at;
        at += count * lanes + round_up(layer->kept, 16);
        model->saved += count + layer->kept / lanes;
    }
    model->target_at = at;
    at += input * lanes;
    for (int i = 0; i < 2; i++) {
        model->gradient_at[i] = at;
        at += widest * lanes;
    }
    model->scratch_at = at;
    model->workspace = at + round_up(scratch, 16);
}

/* The whole name of a layer's tensor and its place in the block. */
static aed_status plan_parameters(aed_model *model)
{
    int64_t count = 0;
    for (int i = 0; i < model->layer_count; i++) count += model->layers[i].tensor_count;
    model->tensors = aed_alloc((size_t)count, sizeof *model->tensors);
    if (!model->tensors) return aed_fail(AED_MEMORY, "out of memory for the model");
    model->tensor_count = 0;
    model->parameter_count = model->parameter_block = 0;
    model->first_trained = model->layer_count;
    for (int i = 0; i < model->layer_count; i++) {
        aed_layer *layer = &model->layers[i];
        if (layer->tensor_count && !layer->spec->frozen &&
            model->first_trained == model->layer_count)
            model->first_trained = i;
        for (int t = 0; t < layer->tensor_count; t++) {
            aed_tensor *tensor = &layer->tensors[t];
            const int64_t size = aed_shape_count(&tensor->shape);
            char name[sizeof tensor->name];
            snprintf(name, sizeof name, "%s.%.8s", layer->spec->path, tensor->name);
            memcpy(tensor->name, name, sizeof name);
            tensor->offset = model->parameter_block;
            model->parameter_block += round_up(size, 16);
            model->parameter_count += size;
            model->tensors[model->tensor_count++] = *tensor;
        }
    }
    return AED_OK;
}

/* Tile: 64 samples if the batch fills one and its activations are a few pages (calls cost more than
 * arithmetic there); 32 if the batch fills two and the activations stay in half a cache; else 16.
 * Leaf: enough samples that adding a leaf's gradient (P additions) is about 5 % of computing it. */
static void choose_tile(const aed_model *model, int64_t batch, int64_t *tile, int64_t *leaf)
{
    const int64_t bytes = 4 * model->saved; /* a sample */
    if (*tile == 0)
        *tile = batch < 64 ? 16 : 64 * bytes <= 16 * 1024 ? 64 : 32 * bytes <= 512 * 1024 ? 32 : 16;
    if (*leaf == 0) {
        *leaf = *tile;
        while (*leaf < batch && model->flops > 0 &&
               *leaf < 64 * model->parameter_count / model->flops)
            *leaf *= 2;
    }
}

aed_status aed_model_plan(const aed_layer_spec *specs, int64_t count, int code_layer,
                          const aed_shape *input, aed_interval interval, int64_t batch,
                          int64_t tile, int64_t leaf, bool fuse, aed_model *model)
{
    aed_status status = AED_OK;
    *model = (aed_model){.layer_count = (int)count, .code_layer = code_layer, .input = *input};
    if (count < 1 || count > 10000)
        return aed_fail(AED_CONFIG, "model: %" PRId64 " layers; 1 to 10,000 are supported", count);
    if ((tile && (tile < 16 || tile > 64 || tile % 16)) || (leaf && tile && leaf % tile))
        return aed_fail(AED_CONFIG,
                        "train.tile must be 16, 32, 48 or 64, train.leaf a multiple of it");
    model->layers = aed_alloc((size_t)count, sizeof *model->layers);
    model->output_at = aed_alloc((size_t)count, sizeof *model->output_at);
    if (!model->layers || !model->output_at) {
        status = aed_fail(AED_MEMORY, "out of memory for the model");
        goto done;
    }
    AED_TRY(infer_layers(model, specs, interval, 16));
    if (fuse) AED_TRY(fuse_layers(model));
    model->lanes = 16;
    plan_workspace(model);
    AED_TRY(plan_parameters(model));
    choose_tile(model, batch, &tile, &leaf);
    if (leaf % tile) {
        status = aed_fail(AED_CONFIG, "train.leaf must be a multiple of the tile, %" PRId64, tile);
        goto done;
    }
    model->lanes = (int)tile;
    model->leaf = leaf;
    /* Again for this tile: scratch depends on it. */
    AED_TRY(infer_layers(model, specs, interval, (int)tile));
    if (fuse) AED_TRY(fuse_layers(model));
    aed_free(model->tensors);
    AED_TRY(plan_parameters(model));
    plan_workspace(model);
    if (model->parameter_count == 0) {
        status = aed_fail(AED_CONFIG, "model: no layer has parameters; there is nothing to train");
        goto done;
    }
done:
    if (status != AED_OK) aed_model_destroy(model);
    return status;
}

aed_status aed_model_create(const aed_layer_spec *specs, int64_t count, int code_layer,
                            const aed_shape *input, aed_interval interval, int64_t batch,
                            int64_t tile, int64_t leaf, aed_model *model)
{
    return aed_model_plan(specs, count, code_layer, input, interval, batch, tile, leaf, true,
                          model);
}

void aed_model_begin_epoch(aed_model *model, int64_t epoch)
{
    for (int i = 0; i < model->layer_count; i++)
        if (model->layers[i].ops->begin_epoch)
            model->layers[i].ops->begin_epoch(&model->layers[i], epoch);
}

void aed_model_keys(const aed_model *model, uint64_t seed, int64_t epoch, aed_rng_key *keys)
{
    for (int i = 0; i < model->layer_count; i++)
        if (model->layers[i].ops->is_random)
            keys[i] = aed_rng_key_make(seed, model->layers[i].spec->path, (uint64_t)epoch);
}
