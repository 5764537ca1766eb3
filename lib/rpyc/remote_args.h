/* SPDX-License-Identifier: ISC */
/* RPyC, the server's side: calls whose arguments are with the peer. */
#ifndef RPYC_REMOTE_ARGS_H
#define RPYC_REMOTE_ARGS_H

#include "rpyc/session.h"

/* Answer, once the peer has sent it, with len() of its object, or with the sum of len() over the
 * items of its iterable or of a boxed tuple, some of which refer to its objects. whole is as in
 * rpyc_call(), and copied; items lies within it. True: the call is answered later or already, and
 * its references are released here; false: answered with an exception. */
bool rpyc_remote_len(struct rpyc_session *, struct brine id_pack, struct brine whole);
bool rpyc_remote_iter(struct rpyc_session *, struct brine id_pack, struct brine whole);
bool rpyc_remote_tuple(struct rpyc_session *, struct rpyc_items items, struct brine whole);

/* An answer to request seq has arrived, one of ours if the peer obeys the protocol: the boxed
 * result, or the body of an exception. */
void rpyc_remote_answer(struct rpyc_session *, uint64_t seq, bool exception, struct brine body);

/* Forget all calls that wait for the peer. */
void rpyc_remote_free(struct rpyc_session *);

#endif
