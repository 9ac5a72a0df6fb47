/* Planning a model with or without fusion: tests compare the two. */
#ifndef AED_MODEL_PLAN_H
#define AED_MODEL_PLAN_H

#include "aedist/model.h"

/* aed_model_create; fuse false: every layer is computed on its own, to the same bits. */
aed_status aed_model_plan(const aed_layer_spec *specs, int64_t count, int code_layer,
                          const aed_shape *input, aed_interval interval, int64_t batch,
                          int64_t tile, int64_t leaf, bool fuse, aed_model *model);

#endif
