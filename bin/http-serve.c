/* SPDX-License-Identifier: ISC */
/* The service over HTTP/1.1. All of it is in lib: the command line in server/main.c, the
 * protocol in http/, the models in server/. */
#include "protocol.h"
#include "server/main.h"
#include "server/programs.h"

int
main(int argc, char **argv)
{
	return serve_main(argc, argv, &http_server_protocol, SERVE_HTTP_MODEL);
}
