/* From a tree to a typed config, in pieces: kinds with arguments, the model, the training. */
#ifndef AED_CONFIG_READ_H
#define AED_CONFIG_READ_H

#include "config/config.h"
#include "config/kinds.h"
#include "config/tree.h"

/* Reads a whole config; `name` stands if the tree has no `name:`. Pointers in `config` are into
 * `memory`, the tree's texts and the registries. */
aed_status aed_read_config(aed_config_memory *memory, const aed_node *root, const char *name,
                           aed_config *config);

/* Checks that `node` is a mapping with the section's keys only. */
aed_status aed_read_section(const aed_node *node, aed_section_id id);
/* The key `key` of the section `id`, or an error at its place. */
aed_status aed_read_required(const aed_node *section, aed_section_id id, const char *key,
                             const aed_node **value);
/* "unknown key ..." with the nearest of `candidates`; `owner` says in what ("" at the top level). */
aed_status aed_read_unknown_key(const aed_entry *entry, const char *owner,
                                const char *const *candidates, int count);

/* One argument's value, checked against its definition; `owner` is the kind's name. */
aed_status aed_read_value(aed_config_memory *memory, const aed_arg_def *def, const char *owner,
                          const aed_node *node, aed_arg_value *value);
/* The value of an argument that was not given. */
aed_arg_value aed_read_fallback(const aed_arg_def *def);

/* The arguments of `kind` from a mapping (NULL or null: none given). `extra` is one more key that may
 * be there and is left alone, or NULL. `place` is where the kind stands. */
aed_status aed_read_args(aed_config_memory *memory, const aed_kind *kind, const aed_node *args,
                         const char *extra, aed_place place, aed_spec *spec);

/* The same with a section's keys beside the arguments. */
aed_status aed_read_args_beside(aed_config_memory *memory, const aed_kind *kind,
                                const aed_node *args, const aed_section *beside, aed_place place,
                                aed_spec *spec);

/* A kind as written: `relu`, `{linear: 32}` or `{conv1d: {out: 3}}`. */
typedef struct aed_kind_use {
    const aed_kind *kind;
    aed_place place;
    const aed_node *args; /* what stands after the colon; NULL: nothing */
} aed_kind_use;
aed_status aed_read_kind_use(aed_config_memory *memory, aed_registry registry, const aed_node *node,
                             aed_kind_use *use);
/* Looks a kind's name up, with suggestions. */
aed_status aed_read_kind_name(aed_config_memory *memory, aed_registry registry, const char *name,
                              aed_place place, const aed_kind **kind);
/* Both at once: a kind with its arguments. *args, unless NULL, gets the mapping of arguments or NULL
 * (for `extra`). */
aed_status aed_read_kind(aed_config_memory *memory, aed_registry registry, const aed_node *node,
                         const char *extra, aed_spec *spec, const aed_node **args);

/* Numbers of sections; keep *value when the key is not there. A count is from `min` to 2^32 - 1, as
 * samples are, or `word` (NULL: none), which gives 0. An amount is from 0 to
 * AED_LARGEST_AMOUNT, which is finite as float too. */
#define AED_LARGEST_AMOUNT 1e30
aed_status aed_read_count(const aed_node *section, const char *key, int64_t min, const char *word,
                          int64_t *value);
aed_status aed_read_amount(const aed_node *section, const char *key, double *value);

/* A ramp {from, to, epochs}, both ends within the bounds of `def`, whose kind is `owner`. */
aed_status aed_read_ramp(aed_config_memory *memory, const aed_arg_def *def, const char *owner,
                         const aed_node *node, const aed_ramp **ramp);

/* The words of `scale` by aed_scale_kind; NULL for the one that is written {mean: M, std: S}. */
extern const char *const aed_scale_words[];

/* The words of `keep` by aed_keep. */
extern const char *const aed_keep_words[];

/* A data section: {source: KIND, its arguments, scale, holdout, memory}. */
aed_status aed_read_data(aed_config_memory *memory, const aed_node *node, aed_spec *source,
                         aed_dataset_options *options);
/* A list of corruptions into *specs and *count, which stay as they are if there is none. */
aed_status aed_read_corruptions(aed_config_memory *memory, const aed_node *list, aed_spec **specs,
                                int64_t *count);
/* `evaluate:`, a mapping of names. */
aed_status aed_read_evaluations(aed_config_memory *memory, const aed_node *node,
                                aed_config *config);

/* `snapshots:` */
aed_status aed_read_snapshots(aed_config_memory *memory, const aed_node *node,
                              aed_snapshot_spec *snapshots);

/* `analysis:` */
aed_status aed_read_analyses(aed_config_memory *memory, const aed_node *node, aed_config *config);

/* The words of `checks` by aed_check_level. */
extern const char *const aed_check_words[];

/* `checks:`, by the table in read_checks.c where it says nothing. */
aed_status aed_read_checks(const aed_node *node, aed_check_level levels[AED_CHECK_COUNT]);

/* The words of `watch` by aed_symptom_level. */
extern const char *const aed_symptom_words[];

/* `watch:`; all symptoms are warned of where it says nothing. */
aed_status aed_read_watch(const aed_node *node, aed_watch_spec *watch);

/* `checkpoint:`, `ranks_per_trial:` and `time_limit:` of the top level. */
aed_status aed_read_job(const aed_node *root, aed_config *config);
/* `config->noise_scale` is read before the model, the model before the training. */
aed_status aed_read_model(aed_config_memory *memory, const aed_node *node, aed_config *config);
aed_status aed_read_train(aed_config_memory *memory, const aed_node *node, aed_config *config);
/* early_stopping, keep, ema and freeze of the section train. */
aed_status aed_read_aids(aed_config_memory *memory, const aed_node *train, aed_config *config);
/* `model.init_from`. */
aed_status aed_read_init_from(aed_config_memory *memory, const aed_node *node, aed_init_from *from);

#endif
