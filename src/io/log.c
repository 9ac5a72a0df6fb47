/* log.jsonl; see log.h. Text is escaped as RFC 8259 asks; bytes that are no UTF-8 become U+FFFD, so
 * that any reader takes every line. */
#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"
#include "io/buffer.h"
#include "io/file.h"

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

static void put_plain(aed_buffer *line, const char *text)
{
    aed_buffer_put(line, text, strlen(text));
}

/* Bytes of the UTF-8 character at text (NUL-terminated), 0 if there is none: overlong forms,
 * surrogates and values above U+10FFFF are refused by the bounds on the second byte. */
static size_t utf8_length(const unsigned char *text)
{
    unsigned char first = text[0], low = 0x80, high = 0xBF;
    size_t length;
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        if (first == 0xE0) low = 0xA0;
        if (first == 0xED) high = 0x9F;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        if (first == 0xF0) low = 0x90;
        if (first == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    if (text[1] < low || text[1] > high) return 0;
    for (size_t i = 2; i < length; i++) {
        if (text[i] < 0x80 || text[i] > 0xBF) return 0;
    }
    return length;
}

static void put_string(aed_buffer *line, const char *text)
{
    const unsigned char *next = (const unsigned char *)text;
    put_plain(line, "\"");
    while (*next) {
        size_t length = utf8_length(next);
        char escape[8];
        if (length == 0) {
            put_plain(line, "\xEF\xBF\xBD");
            length = 1;
        } else if (*next == '"' || *next == '\\') {
            snprintf(escape, sizeof escape, "\\%c", *next);
            put_plain(line, escape);
        } else if (*next == '\n') {
            put_plain(line, "\\n");
        } else if (*next == '\t') {
            put_plain(line, "\\t");
        } else if (*next < 0x20 || *next == 0x7F) {
            snprintf(escape, sizeof escape, "\\u%04x", *next);
            put_plain(line, escape);
        } else {
            aed_buffer_put(line, next, length);
        }
        next += length;
    }
    put_plain(line, "\"");
}

static void put_number(aed_buffer *line, double number)
{
    char text[32];
    if (!isfinite(number)) {
        put_plain(line, "null");
    } else if (fabs(number) < 9007199254740992.0 && number == floor(number)) {
        snprintf(text, sizeof text, "%lld", (long long)number);
        put_plain(line, text);
    } else {
        snprintf(text, sizeof text, "%.17g", number);
        put_plain(line, text);
    }
}

aed_status aed_log_write(aed_log *log, const char *event, const aed_log_field *fields, int count)
{
    aed_buffer *line = &log->line;
    char time_text[AED_LOG_TIME_BYTES];
    aed_log_time(time_text);
    line->size = 0;
    if (log->half_line) put_plain(line, "\n");
    put_plain(line, "{\"time\": ");
    put_string(line, time_text);
    put_plain(line, ", \"event\": ");
    put_string(line, event);
    for (int i = 0; i < count; i++) {
        put_plain(line, ", ");
        put_string(line, fields[i].key);
        put_plain(line, ": ");
        if (fields[i].text) {
            put_string(line, fields[i].text);
        } else {
            put_number(line, fields[i].number);
        }
    }
    put_plain(line, "}\n");
    if (line->failed) {
        line->failed = false;
        return aed_fail(AED_MEMORY, "%s: out of memory for a line", log->path);
    }
    aed_status status = aed_file_write(log->descriptor, log->path, line->bytes, line->size);
    log->half_line = status != AED_OK;
    return status;
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
