/* JSON (RFC 8259) into a buffer, piece by piece. */
#ifndef AED_IO_JSON_H
#define AED_IO_JSON_H

#include "core/buffer.h"

/* The characters as they are: braces, commas. */
void aed_json_put_plain(aed_buffer *buffer, const char *text);
/* A text in quotes. Bytes that are no UTF-8 become U+FFFD, so that any reader takes it. */
void aed_json_put_text(aed_buffer *buffer, const char *text);
/* A number that reads back to the same double; null for NaN and infinities. */
void aed_json_put_number(aed_buffer *buffer, double number);

#endif
