/* SPDX-License-Identifier: ISC */
/* The command line of the servers. */
#ifndef SERVE_H
#define SERVE_H

struct server_protocol;

/* All that rpc-serve and http-serve do: parse the options (see their manual page), serve
 * the service over the protocol under the model asked for or the default one, with or without
 * a command. Returns the exit status. */
int serve_main(int argc, char **argv, const struct server_protocol *, const char *default_model);

#endif
