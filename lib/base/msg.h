/* SPDX-License-Identifier: ISC */
/* Messages on stderr: one line each, "program: what: why". */
#ifndef MSG_H
#define MSG_H

#include <stddef.h>

/* The name messages begin with: the last part of argv0. Borrowed. */
void msg_program(const char *argv0);
const char *msg_name(void);

/* Print one line. Keeps errno. The formatted text is made printable as by msg_printable, so that a
 * peer's words cannot reach a terminal as commands. Beyond 2047 bytes it is cut short with
 * "...". */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void
msg(const char *fmt, ...);

/* Show a line that the next message, or the next of these, replaces: for a terminal. At most 79
 * columns. msg_status_end() takes it away. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void
msg_status(const char *fmt, ...);
void msg_status_end(void);

/* Copy n bytes of src as printable text into dst[size], cut short with "..." where it does not fit;
 * always NUL-terminated. Shown as \xNN are control characters, bytes that are not UTF-8, and
 * characters that can't be seen or turn the order of others. Returns dst. */
char *msg_printable(char *dst, size_t size, const void *src, size_t n);

/* The same, with all that is not ASCII shown as \xNN: where a byte has to be a column. */
char *msg_ascii(char *dst, size_t size, const void *src, size_t n);

#endif
