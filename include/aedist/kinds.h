/* A program's own kinds beside the built-in ones: a config that is read with them names them alike. */
#ifndef AEDIST_KINDS_H
#define AEDIST_KINDS_H

#include "aedist/data.h"
#include "aedist/layer.h"
#include "aedist/loss.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Tables of functions, each list ended by NULL; a list that is NULL is empty. All must outlive what is
 * made with them. A name may be that of no built-in kind of any sort. */
typedef struct aed_kinds {
    const aed_layer_ops *const *layers;
    const aed_source_ops *const *sources;
    const aed_loss_ops *const *losses;
} aed_kinds;

#ifdef __cplusplus
}
#endif

#endif
