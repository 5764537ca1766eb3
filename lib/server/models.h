/* SPDX-License-Identifier: ISC */
/* The models there are. */
#ifndef SERVER_MODELS_H
#define SERVER_MODELS_H

#include <stddef.h>

struct server_model;

/* NULL: there is none of this name. */
const struct server_model *models_find(const char *name);

/* The names of all models, "thread, fork, ...", into text. */
void models_list(char *text, size_t size);

#endif
