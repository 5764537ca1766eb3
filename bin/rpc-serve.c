/* The service over RPyC's wire. All of it is in lib: the command line in serve.c, the
 * protocol in rpyc_server.c, the models in server_*.c. */
#include "serve.h"
#include "wire.h"

int
main(int argc, char **argv)
{
	return serve_main(argc, argv, &rpyc_server_wire, "thread");
}
