/* The thread of world rank 0 that writes a run's files, so that no rank waits for a disk: results
 * are appended to the ledger in batches with one fsync each, checkpoints are composed and replaced,
 * log lines appended, results.h5 rewritten every so often.
 *
 * What is handed over is written in order. The thread calls no MPI. The first failure ends the
 * writing; the owner asks for it now and then. While a writer lives, nobody else uses its run. */
#ifndef AED_IO_WRITER_H
#define AED_IO_WRITER_H

#include "core/buffer.h"
#include "io/results.h"

typedef struct aed_writer aed_writer;

/* Starts the thread. `keep` is how many checkpoints of a trial stay. */
aed_status aed_writer_start(aed_run *run, int keep, aed_writer **writer);

/* Each takes the buffer's bytes over (the buffer is empty afterwards). A record is encoded as
 * aed_run_put wants it; a result also removes its trial's checkpoints. Lines are whole lines of
 * log.jsonl. They wait only if hundreds of megabytes are still to be written. A checkpoint takes the
 * place of one of its trial that has not been written yet: the disk may be slower than the epochs. */
void aed_writer_result(aed_writer *writer, aed_buffer *record);
void aed_writer_checkpoint(aed_writer *writer, const char *id, aed_buffer *record);
void aed_writer_log(aed_writer *writer, aed_buffer *lines);
/* Shows the trial as running in results.h5. */
void aed_writer_running(aed_writer *writer, const char *id);

/* AED_OK, or the first failure, with its message. */
aed_status aed_writer_status(aed_writer *writer);

/* Writes all that is left and ends the thread; the run is the caller's again. Returns the first
 * failure. Takes a pointer to NULL. */
aed_status aed_writer_stop(aed_writer **writer);

#endif
