/* SPDX-License-Identifier: ISC */
/* Fuzz target for the server's side of RPyC: the input is what a client sends.
 *
 * Two bytes in front of it choose the session's mode and seed the sizes of the pieces in
 * which it comes and the answers go. These must be valid RPyC whatever was asked. */
#include "fuzz.h"

#include "rpyc/session.h"

#define WAITS_MAX 20 /* slices of compute, and sleeps, before the session is left */
#define SENT_MAX ((size_t)4 << 20)

static void
check(const struct server_session *base)
{
	const struct rpyc_session *s = (const struct rpyc_session *)base;

	must(!base->idle || base->want == WANT_INPUT, "idle, and wants something");
	must((base->want == WANT_OUTPUT) == (base->out.pending > 0 && !base->out.failed), "output");
	must(s->in.retained.n + s->remote_bytes + s->objects * sizeof *s->object
		    + out_held(&base->out)
		<= RPYC_HOLD_MAX + s->in.held,
	    "kept too much");
	must(s->in.held <= s->in.hold_max, "held too much");
	must(!base->idle || s->in.retained.cap + s->base.out.buf.cap <= 1024,
	    "idle, and keeps much");
	must((s->nremote > 0) == (s->remote_bytes > 0), "remote calls");
	must(s->objects <= 65536 && s->vacant <= s->objects, "objects");
}

/* Let the peer read some of what is said, and read it as a peer would. */
static size_t
drain(struct server_session *s, struct rpyc_reader *peer, uint32_t *seed)
{
	struct iovec iov[3];
	size_t taken, n, at;
	int k;

	k = out_iov(&s->out, iov, 3);
	must(k > 0 && k <= 3, "nothing to send");
	must(iov[0].iov_len > 0, "an empty piece");
	n = fuzz_piece(seed, iov[0].iov_len);
	for (at = 0; at < n; at += taken)
		must(rpyc_read(peer, (unsigned char *)iov[0].iov_base + at, n - at, &taken)
			!= RPYC_BAD,
		    peer->error ? peer->error : "an answer");
	server_sent(s, n);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct service service = { .max_payload = 100000 };
	struct rpyc_reader peer = { .max = UINT64_MAX };
	struct server_session *s;
	size_t k, taken, sent = 0;
	uint32_t seed;
	int waits = 0;
	bool ended = false;

	if (n < 2 || !(s = rpyc_server_protocol.open(&service)))
		return 0;
	s->one_request = p[0] & 1;
	service.timed = p[0] & 2;
	seed = 1 + ((uint32_t)p[1] << 8 | p[0]);
	for (p += 2, n -= 2; sent < SENT_MAX && waits < WAITS_MAX; check(s)) {
		if (s->want == WANT_CLOSE)
			break;
		if (s->want == WANT_OUTPUT) {
			sent += drain(s, &peer, &seed);
		} else if (s->want == WANT_WAIT) {
			waits++;
			s->protocol->resume(s);
		} else if (n == 0) {
			must(!ended, "input wanted behind the end");
			ended = true;
			s->protocol->end(s);
		} else {
			k = fuzz_piece(&seed, n);
			taken = s->protocol->input(s, p, k);
			must(taken > 0 && taken <= k, "bytes taken");
			must(taken == k || s->want != WANT_INPUT || (s->one_request && s->idle)
				|| (s->one_request && ((struct rpyc_session *)s)->remote_calls),
			    "bytes left");
			p += taken;
			n -= taken;
		}
	}
	must(s->want != WANT_CLOSE || !peer.begun, "half a message");
	rpyc_reader_free(&peer);
	s->protocol->close(s);
	return 0;
}
