/* SPDX-License-Identifier: ISC */
/* The service over RPyC's wire. All of it is in lib: the command line in server/main.c, the
 * protocol in rpyc/, the models in server/. */
#include "protocol.h"
#include "server/main.h"
#include "server/programs.h"

int
main(int argc, char **argv)
{
	return serve_main(argc, argv, &rpyc_server_protocol, SERVE_RPC_MODEL);
}
