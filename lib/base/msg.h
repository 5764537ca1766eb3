/* SPDX-License-Identifier: ISC */
/* Messages on stderr: one line each, "program: what: why". */
#ifndef MSG_H
#define MSG_H

#include <stddef.h>

/* The name messages begin with: the last part of argv0. Borrowed. */
void msg_program(const char *argv0);
const char *msg_name(void);

/* Print one line. Keeps errno. Control characters and bytes beyond ASCII in the
 * formatted text are shown as \xNN, so that a peer's words cannot reach a terminal
 * as commands. Beyond 2047 bytes it is cut short with "...". */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void
msg(const char *fmt, ...);

/* Copy n bytes of src as printable ASCII into dst[size], cut short with "..."
 * where it does not fit; always NUL-terminated. Returns dst. */
char *msg_printable(char *dst, size_t size, const void *src, size_t n);

#endif
