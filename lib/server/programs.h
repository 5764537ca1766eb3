/* SPDX-License-Identifier: ISC */
/* What is known of rpc-serve and http-serve without being one of them: for a program that
 * takes a command line of nested servers apart. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

#define SERVE_OPTIONS "m:a:p:M:c:j:l:P:T:d:S:u:"
#define SERVE_LABEL 80 /* bytes of a label, its end included */

#define SERVE_RPC_MODEL "thread" /* defaults of -m */
#define SERVE_HTTP_MODEL "request"

/* Is argv[0], with or without a folder, one of the programs? If so, *words is how many words
 * its name and options take, and label what it calls itself. The options are not checked:
 * the program itself does that. */
bool serve_words(char *const *argv, size_t *words, char label[SERVE_LABEL]);

/* Why a text can't be the label of a server, or NULL: labels are listed with blanks between
 * them. */
const char *serve_bad_label(const char *);

/* Make a label one that is not in the list (separated by blanks): NAME.2, NAME.3 and so on. */
void serve_unique_label(char label[SERVE_LABEL], const char *list);

/* scheme-model, as a server is called without -l. */
void serve_default_label(char label[SERVE_LABEL], const char *scheme, const char *model);

#endif
