/* SPDX-License-Identifier: ISC */
/* RPyC, the server's side: the lists that download_file_chunked returns. */
#ifndef RPYC_LIST_H
#define RPYC_LIST_H

#include "rpyc/session.h"

/* Answer with a reference to a new list of size bytes cut into chunks (chunk > 0 unless size is
 * 0); with MemoryError if the peer has too many objects. */
void rpyc_list_answer(struct rpyc_session *, uint64_t size, uint64_t chunk);

/* Iterate to the end of a list or iterator of ours; *bytes is the sum of the lengths of its
 * items. False: the id_pack refers to neither. */
bool rpyc_list_take(struct rpyc_session *, struct brine id_pack, uint64_t *bytes);

/* CALLATTR on a list or iterator, BUFFITER, and REPR or STR: answer. */
void rpyc_list_call(struct rpyc_session *, size_t index, const struct brine_value *name,
    struct rpyc_items args);
void rpyc_list_buffiter(struct rpyc_session *, size_t index, int64_t count);
void rpyc_list_repr(struct rpyc_session *, size_t index);

#endif
