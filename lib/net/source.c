/* SPDX-License-Identifier: ISC */
/* Addresses to connect from: IP_BIND_ADDRESS_NO_PORT and the range of local ports of Linux. See
 * source.h. */
#include "net/source.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#if defined(IP_BIND_ADDRESS_NO_PORT) && !defined(POSIX_ONLY)

#define RANGE "net.ipv4.ip_local_port_range"
#define MORE ", or 127.0.0.1, which has more of them"

/* 0: not known. */
static unsigned
local_ports(void)
{
	unsigned first = 0, last = 0;
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	int n;

	if (!f)
		return 0;
	/* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
	n = fscanf(f, "%u %u", &first, &last);
	fclose(f);
	return n == 2 && last >= first ? last - first + 1 : 0;
}

unsigned
source_share(void)
{
	return (local_ports() + 1) / 2;
}

int
source_bind(int fd, unsigned source)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int on = 1;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source);
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0)
		return -1;
	return bind(fd, (struct sockaddr *)&in, sizeof in);
}

#else

#define RANGE "the system's own"
#define MORE ""

static unsigned
local_ports(void)
{
	return 0;
}

unsigned
source_share(void)
{
	return 0;
}

int
source_bind(int fd, unsigned source)
{
	(void)fd;
	(void)source;
	errno = ENOTSUP;
	return -1;
}

#endif

const char *
source_advice(bool loopback, char *text, size_t size)
{
	unsigned ports = local_ports();
	char number[16] = "no more";

	if (ports > 0)
		snprintf(number, sizeof number, "%u", ports);
	snprintf(text, size,
	    " (there are %s for connections to one address and port; what helps is a wider "
	    "range, " RANGE ", or other addresses of the server%s)",
	    number, loopback ? MORE : "");
	return text;
}
