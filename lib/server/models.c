/* SPDX-License-Identifier: ISC */
/* The models there are. */
#include "server/models.h"

#include <stdio.h>
#include <string.h>

#include "server/server.h"

static const struct server_model *const models[] = {
	&model_thread, &model_fork, &model_request, &model_pool, &model_event,
};

#define N_MODELS (sizeof models / sizeof models[0])

const struct server_model *
models_find(const char *name)
{
	size_t i;

	for (i = 0; i < N_MODELS; i++)
		if (strcmp(models[i]->name, name) == 0)
			return models[i];
	return NULL;
}

void
models_list(char *text, size_t size)
{
	size_t i, n = 0;
	int k;

	text[0] = '\0';
	for (i = 0; i < N_MODELS && n < size; i++) {
		k = snprintf(text + n, size - n, "%s%s", i ? ", " : "", models[i]->name);
		if (k < 0)
			return;
		n += (size_t)k;
	}
}
