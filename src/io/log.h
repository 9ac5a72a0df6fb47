/* log.jsonl: one JSON object a line, appended with one write each, safe to tail. */
#ifndef AED_IO_LOG_H
#define AED_IO_LOG_H

#include "core/buffer.h"
#include "io/results.h"

typedef struct aed_log aed_log;

/* Opens folder/log.jsonl for appending, made if missing. */
aed_status aed_log_open(const char *folder, aed_log **log);
/* Appends {"time": ISO 8601 UTC, "event": event, fields ...}. */
aed_status aed_log_write(aed_log *log, const char *event, const aed_log_field *fields, int count);
/* Appends such a line to a buffer, to be written later: */
void aed_log_put(aed_buffer *line, const char *event, const aed_log_field *fields, int count);
/* Appends whole lines. */
aed_status aed_log_append(aed_log *log, const aed_buffer *lines);
/* Takes a pointer to NULL. */
void aed_log_close(aed_log **log);

enum { AED_LOG_TIME_BYTES = 32 };
/* The time now, "2025-01-31T23:59:59.123Z", into text[AED_LOG_TIME_BYTES]. */
void aed_log_time(char *text);

#endif
