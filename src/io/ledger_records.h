/* What the parts of the ledger share: ledger.c opens, appends and reads records, ledger_mend.c reads
 * a whole file back and mends it, ledger_reading.c opens one that is not to be changed. */
#ifndef AED_IO_LEDGER_RECORDS_H
#define AED_IO_LEDGER_RECORDS_H

#include <stdbool.h>

#include "io/ledger.h"

enum { AED_LEDGER_FILE_HEADER = 8 };

extern const unsigned char aed_ledger_magic[4]; /* begins every record */

typedef struct aed_ledger_place {
    int64_t offset; /* of the record's header */
    int64_t length; /* of its payload */
} aed_ledger_place;

struct aed_ledger {
    int descriptor;
    char *folder, *path;
    int64_t end; /* bytes of header and whole records */
    aed_ledger_place *places;
    int64_t count, capacity;
    unsigned char *payload; /* of the record looked at last */
    size_t payload_room;
};

typedef enum aed_ledger_state {
    AED_LEDGER_WHOLE,
    AED_LEDGER_SHORT, /* the file ends before the record does */
    AED_LEDGER_BAD    /* no record, or its CRC is wrong */
} aed_ledger_state;

/* Looks at the record at `offset` of a file of `size` bytes; a whole one's payload is in
 * ledger->payload. Nothing is allocated for a length that the file does not hold. */
aed_status aed_ledger_look(aed_ledger *ledger, int64_t offset, int64_t size,
                           aed_ledger_state *state, uint32_t *type, int64_t *length);

/* Remembers where the next record lies. */
aed_status aed_ledger_add_place(aed_ledger *ledger, int64_t offset, int64_t length);

/* Reports that memory is short. */
aed_status aed_ledger_out_of_memory(const aed_ledger *ledger);

/* What a file holds. */
typedef struct aed_ledger_seen {
    int64_t size;   /* of the file */
    int64_t damage; /* offset of the first byte that is in no whole record; -1: none */
    bool torn;      /* the damage is what an interrupted append leaves */
    int64_t intact; /* whole records before the damage */
} aed_ledger_seen;

/* Visits the whole records of a file of seen->size bytes, those behind damage too, remembers their
 * places and fills *seen. Changes nothing. */
aed_status aed_ledger_scan(aed_ledger *ledger, aed_ledger_visit visit, void *context,
                           aed_ledger_seen *seen);

/* Begins a ledger of nothing at folder/ledger, not open yet; close it with aed_ledger_close. */
aed_status aed_ledger_make(const char *folder, aed_ledger **ledger);

/* Checks the file's first bytes. *there is how many of the header's it has: fewer are those of a job
 * killed before its first record. */
aed_status aed_ledger_check_header(const aed_ledger *ledger, int64_t *size, size_t *there);

/* Visits the whole records of a file of `size` bytes and mends what a kill or the disk did to it;
 * afterwards ledger->end is the file's size. As aed_ledger_open says. */
aed_status aed_ledger_mend(aed_ledger *ledger, int64_t size, aed_ledger_visit visit, void *context,
                           char **notice);

#endif
