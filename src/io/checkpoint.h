/* Checkpoints: unfinished trials as files of their own, whole and checked or not there at all.
 *
 * DIR/checkpoints/<id>.<steps>.h5 is an HDF5 file that people can read: the trial's group as in
 * results.h5 (so far) and its settings. What a resume reads is the dataset `record` in it. Behind the
 * HDF5 data follow 48 bytes: "AEDCKPT1", u64 length of what is before them, SHA-256 of all that is
 * before the SHA-256. HDF5 readers ignore them; a resume lets HDF5 see nothing that they do not
 * vouch for, as HDF5 does not notice flipped bytes itself.
 *
 * Beside it <id>.best.h5 has the weights of the best epoch so far, of a trial that keeps those: the same
 * form without states, for eval and export; a resume does not need it.
 *
 * Called on world rank 0 only; nothing here is collective. */
#ifndef AED_IO_CHECKPOINT_H
#define AED_IO_CHECKPOINT_H

#include "io/trial_record.h"

/* Writes the checkpoint of an encoded trial (payload of a record, status "running", with states), the
 * best weights with it if it has any; then removes the trial's older ones but the last keep-1. Fails with AED_DATA,
 * AED_MEMORY; older checkpoints are untouched then. */
aed_status aed_checkpoint_write(const char *dir, const unsigned char *payload, size_t length,
                                int keep);

/* The trial's newest whole checkpoint in *record, NULL if there is none. Damaged ones are told in
 * *notice (a malloc'ed text, else NULL) and passed over. Fails with AED_MEMORY, or AED_DATA if the
 * folder cannot be read. */
aed_status aed_checkpoint_read(const char *dir, const char *id, char **notice,
                               aed_trial_record **record);

/* Whether the file is a checkpoint by its end or, where that is lost, by its name. */
bool aed_checkpoint_is(const char *path);

/* Reads one file. Fails with AED_DATA and says what is wrong with it. */
aed_status aed_checkpoint_read_file(const char *path, aed_trial_record **record);

/* Whether the trial has any checkpoint, damaged or not. */
bool aed_checkpoint_exists(const char *dir, const char *id);

/* Removes all of a trial's checkpoints: it has ended. Failures are ignored: they do no harm. */
void aed_checkpoint_remove(const char *dir, const char *id);

#endif
