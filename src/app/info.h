/* What `aedist info` knows of kinds of files. A new kind is a file with a function and one row of the
 * table in info.c. */
#ifndef AED_APP_INFO_H
#define AED_APP_INFO_H

#include <stdbool.h>

#include "io/contents.h"

typedef struct aed_file_kind {
    const char *name;
    /* Whether a file, whose first `length` bytes these are, is of this kind; NULL: a folder. */
    bool (*is)(const char *path, const unsigned char *begin, size_t length);
    /* Prints what it holds. Fails with AED_DATA if it is damaged, after printing what can be read. */
    aed_status (*show)(const char *path);
} aed_file_kind;

/* The kind of the file, NULL if it is none of aedist's. Fails with AED_DATA if it cannot be read. */
aed_status aed_file_kind_of(const char *path, const aed_file_kind **kind);

/* ---- Between the files of info ---- */

bool aed_info_is_ledger(const char *path, const unsigned char *begin, size_t length);
aed_status aed_info_ledger(const char *path);
bool aed_info_is_results(const char *path, const unsigned char *begin, size_t length);
aed_status aed_info_results(const char *path);
aed_status aed_info_run(const char *path);
bool aed_info_is_checkpoint(const char *path, const unsigned char *begin, size_t length);
aed_status aed_info_checkpoint(const char *path);
/* One line on the checkpoints in a run's folder, if there are any; AED_DATA if one is damaged. */
aed_status aed_info_checkpoints(const char *folder);

/* One line: what it is about, then the text. */
void aed_info_line(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The lines of what a file holds, from its trials to its parameters. */
void aed_info_contents(const aed_contents *contents);
/* The ledger's health in one line; AED_DATA if it is damaged. */
aed_status aed_info_health(const char *path, const aed_ledger_health *health);

#endif
