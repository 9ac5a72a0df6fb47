/* Reading ahead in a thread; see stream.h.
 *
 * An area is free, being filled by the thread without the lock, or ready for the reader, who frees
 * it when he finds his tile in one that was filled later. Announcement n drops what is left of
 * n - 2 and its areas. So whatever is announced and never used, an area comes free again. */
#include "data/stream.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

enum { AREAS = 2, MOST_SAMPLES = 1 << 16, MESSAGE_BYTES = 1024 };

typedef enum area_state { AREA_FREE, AREA_FILLING, AREA_READY } area_state;

typedef struct area {
    area_state state;
    uint64_t announcement, window; /* numbers of what it is filled with */
    int64_t count, ids_room, rows_room;
    uint32_t *ids; /* [count], ascending */
    aed_rows rows; /* [count] */
    aed_status status;
    char message[MESSAGE_BYTES]; /* of a status that is not AED_OK */
} area;

typedef struct announcement {
    uint32_t *ids;
    int64_t count, room, taken; /* taken: handed to areas */
} announcement;

struct aed_stream {
    aed_dataset dataset; /* a copy, as the caller may move his */
    int64_t window;      /* most samples of an area */
    pthread_t thread;
    bool started, stop;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    area areas[AREAS];
    announcement announced[2]; /* number n is at n % 2 */
    uint64_t announcements, windows;
};

/* ---- The thread ------------------------------------------------------------------------------- */

static area *free_area(aed_stream *stream)
{
    for (int i = 0; i < AREAS; i++)
        if (stream->areas[i].state == AREA_FREE) return &stream->areas[i];
    return NULL;
}

/* The oldest announcement that has ids left to be read, 0: none. */
static uint64_t next_announcement(const aed_stream *stream)
{
    for (uint64_t number = stream->announcements > 1 ? stream->announcements - 1 : 1;
         number <= stream->announcements; number++) {
        const announcement *next = &stream->announced[number % 2];
        if (next->taken < next->count) return number;
    }
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* Room for ids[count] in *ids, which has room for *room; what it held is lost. */
static bool grow_ids(int64_t count, uint32_t **ids, int64_t *room)
{
    if (count <= *room) return true;
    aed_free(*ids);
    *ids = aed_alloc((size_t)count, sizeof **ids);
    *room = *ids ? count : 0;
    return *ids != NULL;
}

static bool grow_rows(const aed_stream *stream, area *filled)
{
    if (filled->count <= filled->rows_room) return true;
    aed_rows_free(&filled->rows);
    const bool grown = aed_rows_alloc(&stream->dataset, stream->dataset.source->is_bytes,
                                      filled->count, &filled->rows) == AED_OK;
    filled->rows_room = grown ? filled->count : 0;
    return grown;
}

/* Takes the next window of an announcement; with the lock. */
static void take_window(aed_stream *stream, uint64_t number, area *filled)
{
    announcement *next = &stream->announced[number % 2];
    const int64_t left = next->count - next->taken;
    const int64_t count = left < stream->window ? left : stream->window;
    filled->state = AREA_FILLING;
    filled->announcement = number;
    filled->window = stream->windows++;
    filled->count = grow_ids(count, &filled->ids, &filled->ids_room) ? count : 0;
    if (filled->count > 0)
        memcpy(filled->ids, next->ids + next->taken, sizeof *next->ids * (size_t)filled->count);
    next->taken += count;
}

/* Reads in ascending order, in which ids that follow one another are read at once. An area without
 * memory stays empty, and the reader reads for himself. */
static void fill(aed_stream *stream, area *filled)
{
    filled->status = AED_OK;
    if (!grow_rows(stream, filled)) filled->count = 0;
    if (filled->count == 0) return;
    qsort(filled->ids, (size_t)filled->count, sizeof *filled->ids, compare_ids);
    filled->status = aed_rows_make(stream->dataset.source, 0, filled->ids, filled->count,
                                   &filled->rows);
    /* Messages are a thread's own. */
    if (filled->status != AED_OK)
        snprintf(filled->message, MESSAGE_BYTES, "%s", aed_status_message());
}

static bool is_dropped(const aed_stream *stream, uint64_t number)
{
    return number + 2 <= stream->announcements;
}

static void *read_ahead(void *argument)
{
    aed_stream *stream = argument;
    pthread_mutex_lock(&stream->lock);
    while (!stream->stop) {
        area *filled = free_area(stream);
        const uint64_t number = next_announcement(stream);
        if (!filled || number == 0) {
            pthread_cond_wait(&stream->changed, &stream->lock);
            continue;
        }
        take_window(stream, number, filled);
        pthread_mutex_unlock(&stream->lock);
        fill(stream, filled);
        pthread_mutex_lock(&stream->lock);
        filled->state = is_dropped(stream, number) ? AREA_FREE : AREA_READY;
        pthread_cond_broadcast(&stream->changed);
    }
    pthread_mutex_unlock(&stream->lock);
    return NULL;
}

/* Signals are for the program's own thread. */
static int start_thread(aed_stream *stream)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&stream->thread, NULL, read_ahead, stream);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* ---- Set-up ----------------------------------------------------------------------------------- */

aed_status aed_stream_create(const aed_dataset *dataset, double memory, aed_stream **stream,
                             double *bytes)
{
    aed_status status = AED_OK;
    aed_stream *made = aed_alloc(1, sizeof *made);
    *stream = made;
    if (!made) return aed_fail(AED_MEMORY, "data set: out of memory");
    const double sample = (double)dataset->features * aed_source_number_bytes(dataset->source);
    const double fitting = memory / AREAS / sample;
    made->dataset = *dataset;
    made->window = fitting < MOST_SAMPLES ? (int64_t)fitting : MOST_SAMPLES;
    /* Whole tiles: announced tiles then lie in one window each. */
    made->window -= made->window % AED_DATA_MAX_LANES;
    if (made->window < AED_DATA_MAX_LANES) made->window = AED_DATA_MAX_LANES;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    const int error = start_thread(made);
    made->started = error == 0;
    if (error)
        status = aed_fail(AED_MEMORY, "data set: cannot start a thread to read: %s",
                          strerror(error));
    *bytes = (double)made->window * AREAS * sample;
    if (status != AED_OK) aed_stream_destroy(stream);
    return status;
}

void aed_stream_destroy(aed_stream **stream)
{
    aed_stream *ended = *stream;
    if (!ended) return;
    if (ended->started) {
        pthread_mutex_lock(&ended->lock);
        ended->stop = true;
        pthread_cond_broadcast(&ended->changed);
        pthread_mutex_unlock(&ended->lock);
        pthread_join(ended->thread, NULL);
    }
    pthread_cond_destroy(&ended->changed);
    pthread_mutex_destroy(&ended->lock);
    for (int i = 0; i < AREAS; i++) {
        aed_free(ended->areas[i].ids);
        aed_rows_free(&ended->areas[i].rows);
    }
    for (int i = 0; i < 2; i++) aed_free(ended->announced[i].ids);
    aed_free(ended);
    *stream = NULL;
}

/* ---- The reader's side ------------------------------------------------------------------------ */

void aed_stream_announce(aed_stream *stream, const uint32_t *ids, int64_t count)
{
    if (count < 1) return;
    pthread_mutex_lock(&stream->lock);
    announcement *made = &stream->announced[++stream->announcements % 2];
    for (int i = 0; i < AREAS; i++)
        if (stream->areas[i].state == AREA_READY &&
            is_dropped(stream, stream->areas[i].announcement))
            stream->areas[i].state = AREA_FREE;
    made->taken = 0;
    made->count = grow_ids(count, &made->ids, &made->room) ? count : 0;
    if (made->count > 0) memcpy(made->ids, ids, sizeof *ids * (size_t)made->count);
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
}

/* The rows of ids[count] in the area, or false if it has not all of them. */
static bool find_ids(const area *ready, const uint32_t *ids, int count, uint32_t *places)
{
    for (int i = 0; i < count; i++) {
        const uint32_t *found = bsearch(ids + i, ready->ids, (size_t)ready->count, sizeof *ids,
                                        compare_ids);
        if (!found) return false;
        places[i] = (uint32_t)(found - ready->ids);
    }
    return true;
}

static area *find_area(aed_stream *stream, const uint32_t *ids, int count, uint32_t *places)
{
    for (int i = 0; i < AREAS; i++) {
        area *ready = &stream->areas[i];
        if (ready->state == AREA_READY && ready->count > 0 && find_ids(ready, ids, count, places))
            return ready;
    }
    return NULL;
}

/* Whether another area will become ready without the reader's doing. */
static bool is_reading(aed_stream *stream)
{
    for (int i = 0; i < AREAS; i++)
        if (stream->areas[i].state == AREA_FILLING) return true;
    return free_area(stream) && next_announcement(stream) > 0;
}

/* Frees the areas that were filled before `used`. */
static void free_older(aed_stream *stream, const area *used)
{
    for (int i = 0; i < AREAS; i++)
        if (stream->areas[i].state == AREA_READY && stream->areas[i].window < used->window) {
            stream->areas[i].state = AREA_FREE;
            pthread_cond_broadcast(&stream->changed);
        }
}

/* Whether the id is announced and not yet handed to an area. */
static bool is_pending(const aed_stream *stream, uint32_t id)
{
    for (int i = 0; i < 2; i++) {
        const announcement *next = &stream->announced[i];
        for (int64_t at = next->taken; at < next->count; at++)
            if (next->ids[at] == id) return true;
    }
    return false;
}

/* Frees the area that was filled first, for a reader who has left out what is in it. */
static void free_oldest(aed_stream *stream)
{
    area *oldest = &stream->areas[0];
    for (int i = 1; i < AREAS; i++)
        if (stream->areas[i].window < oldest->window) oldest = &stream->areas[i];
    oldest->state = AREA_FREE;
    pthread_cond_broadcast(&stream->changed);
}

/* For a reader whose tile is in no area. The thread waits: it would need an area that comes free or
 * a new announcement, and both are up to the reader. */
static aed_status read_tile(aed_stream *stream, const uint32_t *ids, int count, uint32_t *places,
                            const aed_rows **rows)
{
    for (int i = 0; i < count; i++) places[i] = (uint32_t)i;
    *rows = &stream->dataset.cache->staging;
    return aed_rows_make(stream->dataset.source, 0, ids, count, *rows);
}

aed_status aed_stream_rows(aed_stream *stream, const uint32_t *ids, int lanes, uint32_t *places,
                           const aed_rows **rows)
{
    aed_status status = AED_OK;
    area *found;
    const int distinct = aed_rows_distinct(ids, lanes);
    pthread_mutex_lock(&stream->lock);
    while (!(found = find_area(stream, ids, distinct, places))) {
        if (is_reading(stream))
            pthread_cond_wait(&stream->changed, &stream->lock);
        else if (is_pending(stream, ids[0]))
            free_oldest(stream);
        else
            break;
    }
    if (found) free_older(stream, found);
    pthread_mutex_unlock(&stream->lock);
    if (!found) {
        status = read_tile(stream, ids, distinct, places, rows);
    } else {
        *rows = &found->rows;
        if (found->status != AED_OK) status = aed_fail(found->status, "%s", found->message);
    }
    for (int lane = distinct; lane < lanes; lane++) places[lane] = places[distinct - 1];
    return status;
}
