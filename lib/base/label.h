/* SPDX-License-Identifier: ISC */
/* Labels: what rows call a target. */
#ifndef LABEL_H
#define LABEL_H

/* Why s can't be a label, or NULL. A label is a cell that gnuplot, datamash, Miller and whatever
 * else reads rows take as it stands: not empty, no "#" in front, no blank at either end, and
 * nowhere a quote, a backslash or a control character. */
const char *label_bad(const char *s);

/* A text as a label: each character that can't stand where it does is percent-encoded, as URLs have
 * it. To be released with free(); NULL: out of memory. */
char *label_of(const char *text);

#endif
