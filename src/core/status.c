/* Statuses and the message of the last failure; see aedist/status.h. */
#include "aedist/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 1024 };

static _Thread_local char message[MESSAGE_BYTES];

int aed_status_exit_code(aed_status status)
{
    switch (status) {
    case AED_OK: return 0;
    case AED_STOPPED: return 75;
    case AED_PARTIAL: return 5;
    case AED_DIVERGED: return 4;
    case AED_CONFIG: return 2;
    case AED_DATA: return 3;
    case AED_MEMORY:
    case AED_MPI:
    case AED_INTERNAL: break;
    }
    return 1;
}

aed_status aed_fail(aed_status status, const char *format, ...)
{
    /* Formatted aside first: an argument may be the old message itself. */
    char text[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* A name from outside may hold a line break or worse; a message is one line. */
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F) *at = '?';
    memcpy(message, text, sizeof message);
    return status;
}

const char *aed_status_message(void) { return message; }
