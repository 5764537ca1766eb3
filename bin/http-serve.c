/* The service over HTTP/1.1. All of it is in lib: the command line in serve.c, the
 * protocol in http_server.c, the models in server_*.c. */
#include "serve.h"
#include "wire.h"

int
main(int argc, char **argv)
{
	return serve_main(argc, argv, &http_server_wire, "request");
}
