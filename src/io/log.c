/* log.jsonl; see log.h. */
#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/memory.h"
#include "io/file.h"
#include "io/json.h"

struct aed_log {
    int descriptor;
    char *path;
    aed_buffer line; /* kept between writes */
    bool half_line;  /* the last write failed on its way */
};

void aed_log_time(char *text)
{
    struct timespec now = {0};
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t length = strftime(text, AED_LOG_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, AED_LOG_TIME_BYTES - length, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

void aed_log_put(aed_buffer *line, const char *event, const aed_log_field *fields, int count)
{
    char time_text[AED_LOG_TIME_BYTES];
    aed_log_time(time_text);
    aed_json_put_plain(line, "{\"time\": ");
    aed_json_put_text(line, time_text);
    aed_json_put_plain(line, ", \"event\": ");
    aed_json_put_text(line, event);
    for (int i = 0; i < count; i++) {
        aed_json_put_plain(line, ", ");
        aed_json_put_text(line, fields[i].key);
        aed_json_put_plain(line, ": ");
        if (fields[i].text) {
            aed_json_put_text(line, fields[i].text);
        } else {
            aed_json_put_number(line, fields[i].number);
        }
    }
    aed_json_put_plain(line, "}\n");
}

aed_status aed_log_append(aed_log *log, const aed_buffer *lines)
{
    if (lines->failed) return aed_fail(AED_MEMORY, "%s: out of memory for a line", log->path);
    if (lines->size == 0) return AED_OK;
    aed_status status = AED_OK;
    if (log->half_line) status = aed_file_write(log->descriptor, log->path, "\n", 1);
    if (status == AED_OK)
        status = aed_file_write(log->descriptor, log->path, lines->bytes, lines->size);
    log->half_line = status != AED_OK;
    return status;
}

aed_status aed_log_write(aed_log *log, const char *event, const aed_log_field *fields, int count)
{
    log->line.size = 0;
    log->line.failed = false;
    aed_log_put(&log->line, event, fields, count);
    return aed_log_append(log, &log->line);
}

/* A job killed in mid-write leaves half a line; the next line must not be glued to it. */
static aed_status end_half_line(aed_log *log)
{
    struct stat info;
    if (fstat(log->descriptor, &info) != 0) return aed_file_fail(log->path, "read", errno);
    if (!S_ISREG(info.st_mode) || info.st_size == 0) return AED_OK;
    char last;
    aed_status status = aed_file_read_at(log->descriptor, log->path, &last, 1,
                                         (int64_t)info.st_size - 1);
    if (status != AED_OK || last == '\n') return status;
    return aed_file_write(log->descriptor, log->path, "\n", 1);
}

aed_status aed_log_open(const char *folder, aed_log **log)
{
    aed_status status = AED_OK;
    *log = NULL;
    aed_log *made = aed_alloc(1, sizeof *made);
    if (!made) return aed_fail(AED_MEMORY, "%s/log.jsonl: out of memory", folder);
    made->descriptor = -1;
    made->path = aed_printf_alloc("%s/log.jsonl", folder);
    if (!made->path) {
        status = aed_fail(AED_MEMORY, "%s/log.jsonl: out of memory", folder);
        goto done;
    }
    made->descriptor = open(made->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
    if (made->descriptor < 0) {
        status = aed_file_fail(made->path, "open", errno);
        goto done;
    }
    AED_TRY(end_half_line(made));
    *log = made;
    made = NULL;

done:
    aed_log_close(&made);
    return status;
}

void aed_log_close(aed_log **log)
{
    aed_log *closed = *log;
    if (!closed) return;
    if (closed->descriptor >= 0) close(closed->descriptor);
    aed_buffer_destroy(&closed->line);
    aed_free(closed->path);
    aed_free(closed);
    *log = NULL;
}
