/* SPDX-License-Identifier: ISC */
/* RPyC, the server's side: answers, exceptions and requests of our own, built and queued. */
#include "rpyc/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct buf *
answer(struct rpyc_session *s, enum rpyc_type type)
{
	buf_clear(&s->message, RPYC_RETAINED);
	rpyc_begin(&s->message, s->in.dialect, type);
	buf_add(&s->message, s->seq.p, (size_t)(s->seq.end - s->seq.p));
	return &s->message;
}

struct buf *
rpyc_answer(struct rpyc_session *s)
{
	return answer(s, RPYC_REPLY);
}

void
rpyc_message_data(struct rpyc_session *s, const void *src, size_t period, uint64_t n)
{
	rpyc_end(&s->message, 0, n);
	out_add(&s->base.out, s->message.p, s->message.n);
	if (n > 0) {
		out_cycle(&s->base.out, src, period, 0, n);
		out_text(&s->base.out, RPYC_TRAILER);
	}
	if (s->message.failed)
		s->base.out.failed = true;
	buf_clear(&s->message, RPYC_RETAINED);
}

void
rpyc_message_end(struct rpyc_session *s)
{
	rpyc_message_data(s, NULL, 0, 0);
}

void
rpyc_answer_int(struct rpyc_session *s, uint64_t n)
{
	struct buf *b = rpyc_answer(s);

	rpyc_put_label(b, RPYC_VALUE);
	brine_put_int(b, (int64_t)n);
	rpyc_message_end(s);
}

void
rpyc_answer_str(struct rpyc_session *s, const char *text)
{
	rpyc_put_str(rpyc_answer(s), text);
	rpyc_message_end(s);
}

void
rpyc_answer_tag(struct rpyc_session *s, enum brine_tag tag)
{
	rpyc_put_tag(rpyc_answer(s), tag);
	rpyc_message_end(s);
}

static bool
exception_end(struct rpyc_session *s)
{
	rpyc_put_exception_end(&s->message);
	rpyc_message_end(s);
	s->base.errors++;
	return false;
}

bool
rpyc_raise(struct rpyc_session *s, const char *class, const char *fmt, ...)
{
	struct buf *b = answer(s, RPYC_EXCEPTION);
	char text[512];
	size_t i, k, len;
	va_list ap;

	if (strcmp(class, "StopIteration") == 0) {
		brine_put_int(b, 1);    /* no error: it is how an iteration ends */
		rpyc_message_end(s);
		return false;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* it may contain text from the peer, cut off anywhere */
	for (i = 0, len = strlen(text); i < len; i += k) {
		if ((k = brine_utf8((unsigned char *)text + i, len - i)) == 0) {
			text[i] = '?';
			k = 1;
		}
	}
	rpyc_put_exception(b, class);
	brine_put_str(b, text);
	return exception_end(s);
}

void
rpyc_raise_as(struct rpyc_session *s, struct brine parts, struct brine traceback)
{
	struct buf *b = answer(s, RPYC_EXCEPTION);

	buf_add(b, parts.p, (size_t)(parts.end - parts.p));
	if (traceback.end > traceback.p)
		buf_add(b, traceback.p, (size_t)(traceback.end - traceback.p));
	else
		brine_put_str(b, "");
	rpyc_message_end(s);
	s->base.errors++;
}

bool
rpyc_raise_key(struct rpyc_session *s, struct brine key)
{
	struct buf *b = answer(s, RPYC_EXCEPTION);
	bool elided = false;
	struct brine at = key;

	rpyc_put_exception(b, "KeyError");
	if (brine_skip(&at, &elided) && !elided)
		buf_add(b, key.p, (size_t)(at.p - key.p));
	else
		brine_put_str(b, "?");
	return exception_end(s);
}

struct buf *
rpyc_request(struct rpyc_session *s)
{
	struct buf *b = &s->message;

	buf_clear(b, RPYC_RETAINED);
	rpyc_begin(b, s->in.dialect, RPYC_REQUEST);
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

void
rpyc_release_all(struct rpyc_session *s, struct brine boxed)
{
	struct brine id_pack;
	uint64_t ahead = 1;

	while (rpyc_next_ref(&boxed, &ahead, &id_pack))
		rpyc_release(s, id_pack);
}
