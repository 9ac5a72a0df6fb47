/* The ledger: an append-only file of checked records, the truth about a run.
 *
 *   file:    "AEDLGR", u16 version (1), records one after the other
 *   record:  u32 "AEDR", u32 type, u64 payload length, u32 CRC-32 of those 16 bytes and of
 *            the payload, payload
 *
 * All numbers are little-endian; the CRC is zlib's. An open ledger holds an flock on the file,
 * which is never replaced, so that one folder has one writer. */
#ifndef AED_IO_LEDGER_H
#define AED_IO_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "aedist/status.h"
#include "core/buffer.h"

enum {
    AED_LEDGER_HEADER = 20, /* bytes before a record's payload */
    AED_LEDGER_TRIAL = 1    /* type of a record: an ended trial; readers skip types unknown */
};

typedef struct aed_ledger aed_ledger;

/* Called with each whole record on opening. AED_DATA means: its content is damaged after all. */
typedef aed_status (*aed_ledger_visit)(void *context, int64_t index, uint32_t type,
                                       const unsigned char *payload, size_t length);

/* Opens folder/ledger, made if missing, takes its lock and visits its records in order. A torn tail
 * is cut off; after damage elsewhere the bytes from there on are copied to folder/ledger.damaged
 * and the readable records are kept. Either is told in *notice (a malloc'ed text, else NULL). Fails
 * with AED_DATA, also when another process holds the lock or the file is something else. */
aed_status aed_ledger_open(const char *folder, aed_ledger_visit visit, void *context, char **notice,
                           aed_ledger **ledger);

/* How a file was found by who only reads it. */
typedef struct aed_ledger_health {
    int64_t bytes, records; /* of the file, whole ones in it */
    int64_t damage;         /* offset of the first byte that is in no whole record; -1: none */
    bool torn; /* the damage is what an interrupted append leaves: no finished trial is lost */
    bool busy; /* a job holds the lock: a torn end may be what it is just writing */
} aed_ledger_health;

/* Opens folder/ledger (or a file, `folder` itself) for aed_ledger_read only: the file is neither locked nor mended, and a job that
 * writes to it is not disturbed. Visits the whole records, those behind damage too. Fails with
 * AED_DATA if it is missing or something else. */
aed_status aed_ledger_open_reading(const char *folder, aed_ledger_visit visit, void *context,
                                   aed_ledger_health *health, aed_ledger **ledger);

/* Appends a record, durable after the next sync. `record` begins with AED_LEDGER_HEADER bytes, filled
 * here, and goes on with the payload. On failure the ledger is as before. *index is as in the
 * visit. */
aed_status aed_ledger_append(aed_ledger *ledger, uint32_t type, aed_buffer *record, int64_t *index);
/* Makes all appended records durable. */
aed_status aed_ledger_sync(aed_ledger *ledger);

/* Reads record `index` again: *payload (of *length bytes) is valid until the next read or close. */
aed_status aed_ledger_read(aed_ledger *ledger, int64_t index, const unsigned char **payload,
                           size_t *length);

/* Releases the lock. Takes a pointer to NULL. */
void aed_ledger_close(aed_ledger **ledger);

#endif
