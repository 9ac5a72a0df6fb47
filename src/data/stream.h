/* Samples that do not fit into memory, read by a thread ahead of their use. Private to src/data.
 *
 * Announced ids are cut into windows, in their order, and a thread reads these into two areas in
 * turn: while the tiles of one are used, the other is filled. What is read is the same whenever it
 * is read, so timing shows in nothing but time. A tile that was not announced is read on the spot.
 * All functions but the thread's own are for one thread. */
#ifndef AED_DATA_STREAM_H
#define AED_DATA_STREAM_H

#include "data/rows_cache.h"

/* Starts the thread for a data set that has staging rows, where what was not announced goes. The
 * areas take at most `memory` bytes together (*bytes is what they may come to), but hold a tile
 * each. */
aed_status aed_stream_create(const aed_dataset *dataset, double memory, aed_stream **stream,
                             double *bytes);
/* Waits until the thread has ended. Takes a pointer to NULL. */
void aed_stream_destroy(aed_stream **stream);

/* See aed_dataset_announce. */
void aed_stream_announce(aed_stream *stream, const uint32_t *ids, int64_t count);

/* The samples ids[lanes], of which the last may repeat one: that of lane i is row places[i] of
 * *rows, which stays until the next call of this or announce. Waits for the thread if it is reading
 * them. */
aed_status aed_stream_rows(aed_stream *stream, const uint32_t *ids, int lanes, uint32_t *places,
                           const aed_rows **rows);

#endif
