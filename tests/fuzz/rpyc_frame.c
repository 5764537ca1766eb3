/* SPDX-License-Identifier: ISC */
/* Fuzz target for RPyC's frames and brine. The first byte seeds the sizes of the pieces, and
 * chooses what is held: in one piece the messages must be the same. What is retained of each is
 * then read in every way that both sides read it, and written down anew.
 *
 * With the first byte 0xff the rest is taken for kept bytes at once, which need not be valid. */
#include "fuzz.h"

#include "rpyc/frame.h"

#define MESSAGES_MAX 64

struct stream {
	unsigned messages;
	enum rpyc_status end;
	const char *error;
	struct fuzz_sum retained, sunk; /* all that was retained, with its type; all that was not */
};

/* The values of a message, however they are encoded: some are kept in the shortest form, some
 * as they came. */
static void
sum_up(struct fuzz_sum *sum, struct brine at)
{
	struct brine_value v;

	while (brine_get(&at, &v)) {
		fuzz_sum_add(sum, &v.type, sizeof v.type);
		if (v.type == BRINE_INT && v.fits) {
			fuzz_sum_add(sum, &v.i, sizeof v.i);
			continue;
		}
		fuzz_sum_add(sum, &v.len, v.type >= BRINE_BYTES ? sizeof v.len : 0);
		if (v.type == BRINE_FLOAT)
			fuzz_sum_add(sum, &v.f, sizeof v.f);
		else if (v.p)
			fuzz_sum_add(sum, v.p, v.n);
	}
}

static void
sink(void *ctx, const unsigned char *p, size_t n)
{
	fuzz_sum_add(&((struct stream *)ctx)->sunk, p, n);
}

static bool
hold(void *ctx)
{
	return ((struct stream *)ctx)->messages % 2 == 0;
}

/* One value and all that it contains, written down anew, is as long as it was or shorter, and
 * reads as the same. Elided strings have no bytes to write. */
static void
rewrite(struct brine at, struct buf *b)
{
	struct brine_value v, w;
	struct brine one, again;
	uint64_t left;
	size_t start;

	for (left = 1; left > 0; left--) {
		one = at;
		if (!brine_get(&at, &v))
			return;
		must(at.p > one.p && at.p <= one.end, "a value without bytes, or beyond the end");
		start = b->n;
		switch (v.type) {
		case BRINE_INT:
			if (v.fits)
				brine_put_int(b, v.i);
			else
				brine_put_int_text(b, (const char *)v.p, v.n);
			break;
		case BRINE_FLOAT: brine_put_float(b, v.f); break;
		case BRINE_BYTES:
			if (!v.p && v.len > 0)
				continue;
			brine_put_bytes(b, v.p, v.n);
			break;
		case BRINE_STR:
			if (!v.p)
				continue;
			brine_put_str_n(b, v.p, v.n);
			break;
		case BRINE_TUPLE:
			must(v.len <= UINT32_MAX, "the number of items");
			brine_put_tuple(b, (uint32_t)v.len);
			left += v.len;
			break;
		case BRINE_SLICE:
		case BRINE_FROZENSET: left++; continue;
		default: continue;
		}
		must(!b->failed, "memory");
		again.p = b->p + start;
		again.end = b->p + b->n;
		must(brine_get(&again, &w) && again.p == again.end, "written down anew");
		must(w.type == v.type, "another type when written down");
		if (v.type == BRINE_INT && v.fits) /* which may have had zeros in front */
			must(w.fits && w.i == v.i, "another number when written down");
		else if (v.type == BRINE_FLOAT)
			must(memcmp(&v.f, &w.f, sizeof v.f) == 0,
			    "another float when written down");
		else if (v.type == BRINE_TUPLE)
			must(w.len == v.len, "other items when written down");
		else
			must(w.n == v.n && (v.n == 0 || memcmp(w.p, v.p, v.n) == 0),
			    "another string when written down");
		must(brine_type_name(v.type)[0] != '\0', "a type without a name");
		b->n = start;
	}
}

static void
unbox(struct brine at)
{
	struct rpyc_boxed boxed, item;
	struct rpyc_items items;
	struct rpyc_id id;
	struct brine ref, start = at;
	struct rpyc_walk w = { .at = at, .ahead = 1 };
	uint64_t work = UINT64_MAX, refs = 0;

	if (!rpyc_boxed(&at, &boxed))
		return;
	must(at.p > start.p && at.p <= start.end, "a boxed value without bytes");
	if (rpyc_theirs(&boxed))
		must(rpyc_id(boxed.at, &id), "a reference without an id");
	if (rpyc_items(&boxed, &items))
		while (items.n > 0 && rpyc_item(&items, &item))
			must(items.at.p <= items.at.end, "an item beyond the end");
	for (; rpyc_next_ref(&w, &work) == WALK_BOXED; refs++) {
		ref = w.x.at;
		must(ref.p >= start.p && ref.p < ref.end && ref.end <= start.end,
		    "the id_pack is elsewhere");
	}
	must(refs <= (size_t)(start.end - start.p), "more references than bytes");
}

static void
use(struct brine at)
{
	struct buf b = { NULL, 0, 0, false };
	struct brine start = at, seq, values;
	bool elided = false;

	for (values = at; values.p < values.end; unbox(values), rewrite(values, &b)) {
		start = values;
		if (!brine_skip(&values, &elided))
			break;
		must(values.p > start.p && values.p <= values.end, "skipped nothing");
	}
	unbox(at);
	rewrite(at, &b);
	if (rpyc_seq(&at, &seq)) {
		must(seq.p < seq.end && seq.end == at.p, "the sequence number is elsewhere");
		unbox(at);
		rpyc_stop_iteration(at);
	}
	buf_free(&b);
}

static void
read_all(struct stream *s, const uint8_t *p, size_t n, bool holds, uint32_t seed, bool look)
{
	struct rpyc_reader r;
	unsigned char *piece;
	size_t k, taken, held = fuzz_held();

	memset(s, 0, sizeof *s);
	memset(&r, 0, sizeof r);
	r.max = 1000000;
	r.sink = sink;
	r.ctx = s;
	if (holds) {
		r.hold = hold;
		r.hold_max = 5000;
	}
	s->end = RPYC_MORE;
	while (n > 0 && s->end != RPYC_BAD && s->messages < MESSAGES_MAX) {
		k = fuzz_piece(&seed, n);
		piece = fuzz_copy(p, k);
		s->end = rpyc_read(&r, piece, k, &taken);
		free(piece);
		must(taken <= k && (taken == k || s->end != RPYC_MORE), "bytes taken");
		must(taken > 0 || s->end == RPYC_BAD, "nothing taken");
		must(r.retained.n <= RPYC_HOLD_MAX + r.hold_max, "kept too much");
		/* never more than a little for each byte that came, and a decoder */
		must(fuzz_held() <= held + sizeof *s + 300000 + 64 * n + 4 * r.retained.n,
		    "too much is held");
		p += taken;
		n -= taken;
		if (s->end != RPYC_MESSAGE)
			continue;
		must(r.dialect == 5 || r.dialect == 6, "the dialect");
		must(r.type >= RPYC_REQUEST && r.type <= RPYC_EXCEPTION, "the type");
		must(!r.begun, "complete, and begun");
		s->messages++;
		fuzz_sum_add(&s->retained, &r.type, sizeof r.type);
		sum_up(&s->retained, brine_span(&r.retained));
		if (look)
			use(brine_span(&r.retained));
	}
	must((s->end == RPYC_BAD) == (r.error != NULL), "an error without a text");
	must(!r.error || fuzz_line(r.error), "an error unprintable");
	s->error = r.error;
	rpyc_reader_free(&r);
	must(fuzz_held() <= held, "something is left");
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct stream whole, pieces;
	struct brine raw;

	if (n < 1)
		return 0;
	if (p[0] == 0xff) {
		raw.p = p + 1;
		raw.end = p + n;
		use(raw);
		return 0;
	}
	read_all(&whole, p + 1, n - 1, p[0] & 1, 0, true);
	read_all(&pieces, p + 1, n - 1, p[0] & 1, 1 + p[0], false);
	/* which of several faults of a compressed frame is found first does depend on them */
	must(whole.messages == pieces.messages && !whole.error == !pieces.error,
	    "the messages depend on the pieces");
	must(fuzz_sum_equal(&whole.retained, &pieces.retained),
	    "what is retained depends on the pieces");
	if (whole.end != RPYC_BAD)
		must(fuzz_sum_equal(&whole.sunk, &pieces.sunk),
		    "what is shown depends on the pieces");
	return 0;
}
