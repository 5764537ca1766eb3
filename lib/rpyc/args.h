/* SPDX-License-Identifier: ISC */
/* RPyC, the server's side: the arguments of a call, as Python takes them. */
#ifndef RPYC_ARGS_H
#define RPYC_ARGS_H

#include "rpyc/session.h"

/* Python's name of a boxed value's type, for error texts. */
const char *rpyc_type_name(const struct rpyc_boxed *, char text[64]);

/* Match arguments to the parameters of an operation: value[i] is that of parameter i. False:
 * answered with TypeError, as Python words it. */
bool rpyc_bind(struct rpyc_session *, const struct operation *, struct rpyc_items args,
    struct rpyc_items kwargs, struct rpyc_boxed value[2]);

/* The argument as a Python int (bool is one). False: it is not an int. */
bool rpyc_integer(const struct rpyc_boxed *, struct brine_value *);

/* The argument as a number of bytes; negative counts as 0. False: answered with an exception. */
bool rpyc_byte_count(struct rpyc_session *, const struct rpyc_boxed *, uint64_t *n);

/* len() of a value that is not a reference to an object of the peer's. False: answered with
 * TypeError. */
bool rpyc_len(struct rpyc_session *, const struct rpyc_boxed *, uint64_t *n);

/* Are n bytes within the limit of the server? False: answered with MemoryError. */
bool rpyc_within(struct rpyc_session *, uint64_t n);

/* Can one message hold n bytes? False: answered with MemoryError. */
bool rpyc_fits(struct rpyc_session *, uint64_t n);

#endif
