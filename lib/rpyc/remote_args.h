/* SPDX-License-Identifier: ISC */
/* RPyC, the server's side: calls whose arguments are with the peer. */
#ifndef RPYC_REMOTE_ARGS_H
#define RPYC_REMOTE_ARGS_H

#include "rpyc/session.h"

/* Answer, when the peer has told it, with len() of its object; with what the lengths of the
 * items of its iterable amount to, or of those of a boxed tuple, of which some are its own. whole
 * is as in rpyc_call(), and copied; items lies within. True: the call goes on until then, or is
 * answered already, and its references are released here; false: answered with an exception. */
bool rpyc_remote_len(struct rpyc_session *, struct brine id_pack, struct brine whole);
bool rpyc_remote_iter(struct rpyc_session *, struct brine id_pack, struct brine whole);
bool rpyc_remote_tuple(struct rpyc_session *, struct rpyc_items items, struct brine whole);

/* An answer to request seq, of ours if the peer keeps to the rules, has come: the boxed
 * result, or an exception's body. */
void rpyc_remote_answer(struct rpyc_session *, uint64_t seq, bool exception, struct brine body);

/* Forget all calls that wait for the peer. */
void rpyc_remote_free(struct rpyc_session *);

#endif
