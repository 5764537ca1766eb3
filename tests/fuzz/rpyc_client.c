/* SPDX-License-Identifier: ISC */
/* Fuzz target for the client's side of RPyC: the input is what a server sends.
 *
 * Three bytes in front of it choose the call, the configuration, and the sizes of the pieces
 * in which it comes and the requests go. These must be valid RPyC whatever came. */
#include "fuzz.h"

#include "payload.h"
#include "rpyc/client_session.h"

static void
check(const struct client_session *base, bool called)
{
	const struct rpyc_client *c = (const struct rpyc_client *)base;
	size_t i;

	must(base->want == WANT_CLOSE
		|| base->want == (base->out.pending > 0 ? WANT_OUTPUT : WANT_INPUT),
	    "want");
	must(base->want != WANT_CLOSE || base->outstanding == 0 || c->conf->depth > 1,
	    "lost, and still busy");
	must(c->in.retained.n + out_held(&base->out) <= RPYC_HOLD_MAX && c->in.held == 0,
	    "kept too much");
	for (i = STEP_ATTR; i < RPYC_REFS; i++)
		must(base->outstanding > 0 || c->ref[i].n == 0 || base->want == WANT_CLOSE,
		    "a reference is kept");
	must(c->sent - c->answered <= RPYC_WINDOW || c->step != STEP_STREAM, "window");
	if (called && base->outstanding == 0 && !base->ok && base->want != WANT_CLOSE)
		must(base->error[0] != '\0', "an error without a text");
	must(memchr(base->error, '\0', sizeof base->error) != NULL, "an error without an end");
	must(!base->error[0] || fuzz_line(base->error), "an error unprintable");
}

static void
drain(struct client_session *c, struct rpyc_reader *peer, uint32_t *seed)
{
	struct iovec iov[3];
	size_t taken, n, at;
	int k;

	k = out_iov(&c->out, iov, 3);
	must(k > 0 && k <= 3 && iov[0].iov_len > 0, "nothing to send");
	n = fuzz_piece(seed, iov[0].iov_len);
	for (at = 0; at < n; at += taken)
		must(rpyc_read(peer, (unsigned char *)iov[0].iov_base + at, n - at, &taken)
			!= RPYC_BAD,
		    peer->error ? peer->error : "a request");
	client_sent(c, n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const unsigned char zeros[700];
	static const uint64_t size[] = { 0, 1, 300, 5000 }, chunk[] = { 0, 1, 100, 70000 };
	struct payload payload = { .data = zeros, .period = sizeof zeros };
	struct client_conf conf = { .host = "h", .name = "echo/1.5/x", .payload = &payload };
	struct rpyc_reader peer = { .max = UINT64_MAX };
	struct call call = { .op = OP_HELLO };
	struct client_session *c;
	bool called = false;
	size_t k, taken;
	unsigned outstanding;
	uint32_t seed;

	if (n < 3)
		return 0;
	call.op = fuzz_op(p[0]);
	call.sized = p[0] & 0x80;
	call.size = size[p[1] & 3];
	call.chunk = chunk[p[1] >> 2 & 3];
	conf.native = p[1] & 0x10;
	conf.check = p[1] & 0x20;
	conf.dialect = p[1] & 0x40 ? 5 : 6;
	/* as protocol.h has it: one request and one reply */
	if (p[0] & 0x40 && !conf.native
	    && (call.op == OP_PING || call.op == OP_ECHO || call.op == OP_UPLOAD
		|| call.op == OP_DOWNLOAD || call.op == OP_NAMED))
		conf.depth = 3;
	seed = 1 + p[2];
	if (!(c = rpyc_client_protocol.open(&conf)))
		return 0;
	for (p += 3, n -= 3; n > 0 && c->want != WANT_CLOSE; check(c, called)) {
		if ((c->outstanding == 0
			|| (c->outstanding < conf.depth
			    && ((struct rpyc_client *)c)->step == STEP_CALL))
		    && seed >> 28 > 2) {
			c->protocol->begin(c, &call, NULL);
			called = true;
		}
		check(c, called);
		/* a peer that talks does not wait until it was asked, nor read at once */
		if (c->want == WANT_OUTPUT && seed >> 30 != 3)
			drain(c, &peer, &seed);
		k = fuzz_piece(&seed, n);
		outstanding = c->outstanding;
		taken = c->protocol->input(c, p, k);
		must(taken == k || (c->want == WANT_CLOSE && taken < k)
			|| c->outstanding + 1 == outstanding,
		    "bytes left");
		p += taken;
		n -= taken;
	}
	while (c->want == WANT_OUTPUT)
		drain(c, &peer, &seed);
	c->protocol->end(c);
	must(c->want == WANT_CLOSE && (c->outstanding == 0 || conf.depth > 1), "the end");
	check(c, called);
	rpyc_reader_free(&peer);
	c->protocol->close(c);
	return 0;
}
