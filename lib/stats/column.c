/* SPDX-License-Identifier: ISC */
/* How a column of rows is shown to a person: see column.h. */
#include "stats/column.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name that begins with _ is the end of one. */
static const struct known {
	const char *name;
	enum column_kind kind;
	enum layout_units units;
	double base;
	bool rate; /* its name is its unit */
} known[] = {
	{ "label", COLUMN_TEXT, 0, 0, false },
	{ "bench", COLUMN_TEXT, 0, 0, false },
	{ "op", COLUMN_TEXT, 0, 0, false },
	{ "bytes_per_s", COLUMN_SCALED, LAYOUT_TRANSFER, 1, true },
	{ "ops_per_s", COLUMN_SCALED, LAYOUT_REQUESTS, 1, true },
	{ "_per_s", COLUMN_SCALED, LAYOUT_REQUESTS, 1, false },
	{ "bytes_in", COLUMN_SCALED, LAYOUT_MEMORY, 1, false },
	{ "bytes_out", COLUMN_SCALED, LAYOUT_MEMORY, 1, false },
	{ "_kb", COLUMN_SCALED, LAYOUT_MEMORY, 1024, false },
	{ "us", COLUMN_SCALED, LAYOUT_TIME, 1, false },
	{ "_us", COLUMN_SCALED, LAYOUT_TIME, 1, false },
	{ "_s", COLUMN_SCALED, LAYOUT_TIME, 1e6, false },
	{ "sent_bytes", COLUMN_SCALED, LAYOUT_MEMORY, 1, false },
	{ "received_bytes", COLUMN_SCALED, LAYOUT_MEMORY, 1, false },
	{ "_bytes", COLUMN_SIZE, 0, 0, false },
};

static const struct known *
find(const char *name)
{
	size_t n = strlen(name), k, i;

	for (i = 0; i < sizeof known / sizeof *known; i++) {
		k = strlen(known[i].name);
		if ((*known[i].name == '_' ? n > k : n == k)
		    && strcmp(name + n - k, known[i].name) == 0)
			return &known[i];
	}
	return NULL;
}

void
column_init(struct column *c, const char *name)
{
	const struct known *k = find(name);

	memset(c, 0, sizeof *c);
	c->kind = k ? k->kind : COLUMN_NUMBER;
	c->units = k ? k->units : 0;
	c->base = k ? k->base : 0;
	column_clear(c);
}

void
column_clear(struct column *c)
{
	c->low = c->high = 0;
	c->places = -1;
}

/* Not longer than anybody prints, either. */
static bool
is_number(const char *s)
{
	size_t whole = strspn(s, "0123456789"), part = 0;

	if (whole == 0 || whole > 20 || (*s == '0' && whole > 1))
		return false;
	if (s[whole] == '.' && (part = strspn(s + whole + 1, "0123456789")) == 0)
		return false;
	return part <= 20 && !s[whole + (part > 0 ? part + 1 : 0)];
}

static int
places(const char *s)
{
	const char *point = strchr(s, '.');

	return point ? (int)strlen(point + 1) : -1;
}

void
column_see(struct column *c, const char *s)
{
	double v;

	if (c->kind == COLUMN_TEXT || strcmp(s, "NA") == 0)
		return;
	if (!is_number(s)) {
		c->kind = COLUMN_TEXT;
		return;
	}
	v = strtod(s, NULL);
	if (v > 0 && (c->low <= 0 || v < c->low))
		c->low = v;
	if (v > c->high)
		c->high = v;
	if (places(s) > c->places)
		c->places = places(s);
}

/* Without the unit; p999 is p99.9. */
void
column_scale(struct column *c, const char *name, const struct column *like)
{
	const struct known *known_as = c->kind >= COLUMN_SIZE ? find(name) : NULL;
	size_t n = strlen(name), k = *name == 'p' ? 1 + strspn(name + 1, "0123456789") : 0;

	if (c->kind == COLUMN_SCALED)
		c->scale = layout_scale(c->units, like->low * c->base, like->high * c->base);
	if (known_as && *known_as->name == '_')
		n -= strlen(known_as->name);
	else if (known_as && strstr(known_as->name, "_bytes"))
		n -= strlen("_bytes");
	if (known_as && known_as->rate)
		snprintf(c->name, sizeof c->name, "%s", c->scale.unit);
	else if (strcmp(name, "us") == 0)
		snprintf(c->name, sizeof c->name, "time");
	else if (k > 3)
		snprintf(c->name, sizeof c->name, "%.3s.%.*s", name, (int)n - 3, name + 3);
	else
		snprintf(c->name, sizeof c->name, "%.*s", (int)n, name);
}

const char *
column_unit(const struct column *c)
{
	if (c->kind != COLUMN_SCALED || strcmp(c->name, c->scale.unit) == 0)
		return NULL;
	return c->scale.unit;
}

const char *
column_text(const struct column *c, const char *s, char text[LAYOUT_TEXT])
{
	double v;

	if (c->kind == COLUMN_TEXT)
		return s;
	if (strcmp(s, "NA") == 0)
		return "-";
	if (c->kind == COLUMN_SIZE)
		return layout_size(text, s);
	v = strtod(s, NULL);
	if (c->kind == COLUMN_NUMBER) /* points stand below each other */
		snprintf(text, LAYOUT_TEXT, "%s%*s", s, c->places - places(s), "");
	else if (v <= 0 && (c->units == LAYOUT_TRANSFER || c->units == LAYOUT_REQUESTS))
		return "-";
	else
		snprintf(text, LAYOUT_TEXT, "%.*f", c->scale.digits, v * c->base / c->scale.factor);
	return text;
}
