/* Outputs and codes of a few samples as the epochs pass. */
#ifndef AED_TRAIN_SNAPSHOTS_H
#define AED_TRAIN_SNAPSHOTS_H

#include "io/results.h"
#include "train/walk.h"

/* All ranks of a trial hold the same. Numbers of a sample lie side by side, as in a file. */
typedef struct aed_snapshots {
    aed_walk walk; /* over the samples, with their places in the split: of held-out ones in the data
                    * that they are from */
    int64_t samples, room;          /* room: for so many epochs; 0: no snapshots are wanted */
    int64_t count;                  /* epochs so far */
    int64_t *epochs;                /* [room]; 0 is the untrained model */
    int64_t inputs, outputs, codes; /* numbers of a sample */
    float *clean, *input;           /* [samples][inputs]; input: as the model gets it */
    float *output, *code;           /* [room][samples][outputs or codes] */
} aed_snapshots;

/* Makes room for what the trainer's config wants. Fails with AED_CONFIG if the split has not these
 * samples or there are too many numbers, AED_MEMORY. Destroy in any case. Not collective. */
aed_status aed_snapshots_create(aed_trainer *trainer, aed_snapshots *snapshots);
void aed_snapshots_destroy(aed_snapshots *snapshots);

/* Whether `epoch` (0: before the first) gets a snapshot by its number; the last one does as well. */
bool aed_snapshots_due(const aed_snapshots *snapshots, const aed_config *config, int64_t epoch);

/* Takes the snapshot of `epoch` with the trainer's parameters, unless it was taken. Collective; fails
 * alike with AED_DATA. */
aed_status aed_snapshots_take(aed_trainer *trainer, int64_t epoch, aed_snapshots *snapshots);

/* What results hold of them: arrays[AED_SNAPSHOT_ARRAYS], pointing here; returns their number. */
enum { AED_SNAPSHOT_ARRAYS = 6 };
int64_t aed_snapshots_arrays(const aed_snapshots *snapshots, const aed_model *model,
                             aed_result_array *arrays);

#endif
