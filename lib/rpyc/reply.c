/* SPDX-License-Identifier: ISC */
/* RPyC, the server's side: answers, exceptions and requests of our own, built and queued. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "rpyc/session.h"

#define COPY_MAX 4096 /* up to this is copied rather than hold up what follows */
#define KEY_MAX 4096  /* bytes of an encoded value that a KeyError names */

struct rpyc_release {
	struct rpyc_release *next;
	struct rpyc_walk walk;
	struct buf held; /* owned; empty: it walks in in.retained */
};

static struct buf *
begin(struct rpyc_session *s, enum rpyc_type type)
{
	struct buf *b = out_buf(&s->base.out);

	s->begin = rpyc_begin(b, s->in.dialect, type);
	return b;
}

static struct buf *
answer(struct rpyc_session *s, enum rpyc_type type)
{
	struct buf *b = begin(s, type);

	buf_add(b, s->seq.p, (size_t)(s->seq.end - s->seq.p));
	return b;
}

struct buf *
rpyc_answer(struct rpyc_session *s)
{
	return answer(s, RPYC_REPLY);
}

struct buf *
rpyc_answer_value(struct rpyc_session *s)
{
	struct buf *b = answer(s, RPYC_REPLY);

	rpyc_put_label(b, RPYC_VALUE);
	return b;
}

void
rpyc_message_head(struct rpyc_session *s, uint64_t n)
{
	struct out *o = &s->base.out;

	rpyc_end(&o->buf, s->begin, n);
	out_queue(o, o->buf.n - s->begin);
}

bool
rpyc_message_data(struct rpyc_session *s, const void *src, size_t period, uint64_t n)
{
	rpyc_message_head(s, n);
	if (n > 0) {
		out_cycle(&s->base.out, src, period, 0, n);
		out_text(&s->base.out, RPYC_TRAILER);
	}
	return false;
}

bool
rpyc_message_end(struct rpyc_session *s)
{
	rpyc_message_head(s, 0);
	return false;
}

bool
rpyc_answer_int(struct rpyc_session *s, uint64_t n)
{
	brine_put_int(rpyc_answer_value(s), (int64_t)n);
	return rpyc_message_end(s);
}

bool
rpyc_answer_str(struct rpyc_session *s, const char *text)
{
	brine_put_str(rpyc_answer_value(s), text);
	return rpyc_message_end(s);
}

bool
rpyc_answer_fill(struct rpyc_session *s, unsigned char value, uint64_t n)
{
	brine_put_bytes_head(rpyc_answer_value(s), (uint32_t)n);
	return rpyc_message_data(s, fill_block(value), FILL_SIZE, n);
}

bool
rpyc_answer_copy(struct rpyc_session *s, struct brine value)
{
	size_t n = (size_t)(value.end - value.p);
	struct buf *b = rpyc_answer_value(s);

	if (n <= COPY_MAX) {
		buf_add(b, value.p, n);
		return rpyc_message_end(s);
	}
	s->borrowed = true;
	return rpyc_message_data(s, value.p, n, n);
}

bool
rpyc_answer_tag(struct rpyc_session *s, enum brine_tag tag)
{
	buf_byte(rpyc_answer_value(s), (unsigned char)tag);
	return rpyc_message_end(s);
}

static struct buf *
exception(struct rpyc_session *s)
{
	s->base.errors++;
	return answer(s, RPYC_EXCEPTION);
}

static bool
exception_end(struct rpyc_session *s)
{
	rpyc_put_exception_end(&s->base.out.buf);
	return rpyc_message_end(s);
}

bool
rpyc_raise(struct rpyc_session *s, const char *class, const char *fmt, ...)
{
	struct buf *b;
	char text[512];
	size_t i, k, len;
	va_list ap;

	if (strcmp(class, "StopIteration") == 0) {
		/* no error: it is how an iteration ends */
		brine_put_int(answer(s, RPYC_EXCEPTION), 1);
		return rpyc_message_end(s);
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* it may contain text from the peer, cut off anywhere */
	for (i = 0, len = strlen(text); i < len; i += k) {
		if ((k = utf8_char((unsigned char *)text + i, len - i)) == 0) {
			text[i] = '?';
			k = 1;
		}
	}
	b = exception(s);
	rpyc_put_exception(b, class);
	brine_put_str(b, text);
	return exception_end(s);
}

bool
rpyc_raise_key(struct rpyc_session *s, struct brine key)
{
	struct buf *b = exception(s);
	struct brine at = key;

	if (at.end - at.p > KEY_MAX)
		at.end = at.p + KEY_MAX;
	rpyc_put_exception(b, "KeyError");
	if (brine_skip_retained(&at))
		buf_add(b, key.p, (size_t)(at.p - key.p));
	else
		brine_put_str(b, "?");
	return exception_end(s);
}

bool
rpyc_raise_as(struct rpyc_session *s, struct brine parts, struct brine traceback)
{
	struct buf *b = exception(s);

	buf_add(b, parts.p, (size_t)(parts.end - parts.p));
	if (traceback.end > traceback.p)
		buf_add(b, traceback.p, (size_t)(traceback.end - traceback.p));
	else
		brine_put_str(b, "");
	return rpyc_message_end(s);
}

struct buf *
rpyc_request(struct rpyc_session *s)
{
	struct buf *b = begin(s, RPYC_REQUEST);

	brine_put_int(b, (int64_t)s->next_seq++);
	return b;
}

uint64_t
rpyc_ask(struct rpyc_session *s, struct brine id_pack, const char *name)
{
	rpyc_put_callattr(rpyc_request(s), id_pack, name);
	rpyc_message_end(s);
	return s->next_seq - 1;
}

void
rpyc_release(struct rpyc_session *s, struct brine id_pack)
{
	rpyc_put_del(rpyc_request(s), id_pack);
	rpyc_message_end(s);
}

/* Go on with a walk; false: it is not over. */
static bool
release_some(struct rpyc_session *s, struct rpyc_walk *w)
{
	enum rpyc_walked step = WALK_BOXED;

	while (step == WALK_BOXED && s->base.out.pending < RPYC_OUT_MAX) {
		step = rpyc_next_ref(w, &s->work);
		if (step == WALK_BOXED) {
			rpyc_release(s, w->x.at);
			work_done(&s->work, WORK_RELEASE);
		}
	}
	return step == WALK_OVER || step == WALK_BAD;
}

static bool
release_next(struct rpyc_session *s)
{
	struct rpyc_release *r;

	while ((r = s->release)) {
		if (!release_some(s, &r->walk))
			return rpyc_pause(s, release_next);
		s->release = r->next;
		buf_free(&r->held);
		free(r);
	}
	return true;
}

void
rpyc_release_held(struct rpyc_session *s, struct brine boxed, struct buf *held)
{
	struct rpyc_walk w = { .at = boxed, .ahead = 1 };
	struct rpyc_release *r, **end = &s->release;

	if (!s->release && release_some(s, &w)) {
		buf_free(held);
		return;
	}
	if (!(r = malloc(sizeof *r))) {
		s->base.out.failed = true;
		buf_free(held);
		return;
	}
	*r = (struct rpyc_release){ .walk = w, .held = *held };
	*held = (struct buf){ .p = NULL };
	while (*end)
		end = &(*end)->next;
	*end = r;
	rpyc_pause(s, release_next);
}

void
rpyc_release_all(struct rpyc_session *s, struct brine boxed)
{
	struct buf none = { .p = NULL };

	rpyc_release_held(s, boxed, &none);
}

void
rpyc_release_free(struct rpyc_session *s)
{
	struct rpyc_release *r;

	while ((r = s->release)) {
		s->release = r->next;
		buf_free(&r->held);
		free(r);
	}
}

bool
rpyc_pause(struct rpyc_session *s, bool (*resume)(struct rpyc_session *))
{
	s->base.wait_ns = 0;
	s->resume = resume;
	return true;
}
