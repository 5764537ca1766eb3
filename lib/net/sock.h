/* SPDX-License-Identifier: ISC */
/* Sockets: listen, accept, connect, and the options that timing depends on. */
#ifndef SOCK_H
#define SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/* Where to listen or to connect: an address of TCP, or the path of a Unix socket. */
struct sock_addr {
	struct sock_addr *next; /* another one of the same name */
	socklen_t len;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};

	unsigned share; /* to connect to: source_share() */

	/* sock_listen() has made the file at the path, and this is what it is. */
	bool made;
	dev_t dev;
	ino_t ino;
};

/* A host with a slash is the path of a Unix socket. */
static inline bool
sock_is_path(const char *host)
{
	return strchr(host, '/') != NULL;
}

/* Why a host that is a path can't be a socket's, or NULL. */
const char *sock_bad_path(const char *host);

/* Resolve host and port to TCP addresses (getaddrinfo), each once, or a path, whatever the port, to
 * that of a Unix socket. Returns NULL and sets *list, which the caller frees as a whole with
 * free(); or what is wrong (static, or text of gai_strerror or strerror). passive: for bind(2). */
const char *sock_resolve(const char *host, const char *port, bool passive, struct sock_addr **list);

/* From now on TCP over loopback has this congestion control, in place of the system's. BBR paces
 * what it sends by a model of the path that each connection makes of its first transfers; what one
 * takes then differs by a fifth from connection to connection (reno: one in fifty). Returns NULL,
 * or why not (static, or of strerror). Before there are threads. */
const char *sock_congestion(const char *name);

/* Listen on all addresses of the list that this machine has (SOCK_LISTEN_MAX at most), on the same
 * port; SO_REUSEADDR, the longest backlog, close-on-exec, not blocking. Returns the number of
 * descriptors, or -1 with errno: there is none, or another of them can't be had.
 *
 * A Unix socket's file replaces a socket of this user on which nobody listens; EEXIST: something
 * else has its name; EPERM: such a socket of another user; EADDRINUSE: somebody listens there, or
 * may do so. */
#define SOCK_LISTEN_MAX 8
int sock_listen(struct sock_addr *list, int fd[SOCK_LISTEN_MAX]);

/* Remove the file that sock_listen() has made, if there is one and it is that one. To be called
 * before the descriptor is closed: until then nothing else is taken for it. Keeps errno. */
void sock_remove(struct sock_addr *list);

/* Write the address in numbers, "host:port" (IPv6 in brackets), or the path, made printable, into
 * text, which is cut off if size is too small. Returns 0, or -1 with errno. */
int sock_name(const struct sock_addr *, char *text, size_t size);

/* Write the URL of the bound socket, "scheme://host:port" or "scheme+unix://path", into text.
 * Returns 0, or -1 with errno. */
#define SOCK_URL 400 /* bytes that hold any */
int sock_url(int fd, const char *scheme, char *text, size_t size);

/* Can nobody but this machine reach it? */
bool sock_is_local(const struct sock_addr *);

/* Has this machine an address to reach that one from? (A port is another matter.) Nothing is sent.
 */
bool sock_has_source(const struct sock_addr *);

/* Write the address in numbers (IPv6 in brackets) by which other machines most likely know this
 * one: the one that packets to far away would have. Nothing is sent. Returns 0, or -1: there is
 * none. */
int sock_own_address(int family, char *text, size_t size);

/* Accept a connection to an address like this one: close-on-exec, TCP_NODELAY, blocking or not.
 * Returns the descriptor, or -1 with errno (EAGAIN: none is waiting; ECONNABORTED: it is gone
 * already). */
int sock_accept(int listen_fd, const struct sock_addr *, bool blocking);

/* A new socket for this address, not yet connected: close-on-exec, TCP_NODELAY, not blocking.
 * Returns the descriptor, or -1 with errno. */
int sock_open(const struct sock_addr *);

/* Begin to connect such a socket. nth, from 0: which of the connections to that address it is; many
 * of them come from several addresses (source.h). Returns 1: it is connected; 0: it can be written
 * once that has ended, with the outcome in SO_ERROR; or -1 with errno (EAGAIN: the listener of a
 * Unix socket has no room in its queue; nothing tells when to try again; EADDRNOTAVAIL: no local
 * port). */
int sock_connect(int fd, const struct sock_addr *, unsigned nth);

/* Make the descriptor (of any kind) blocking, or not (O_NONBLOCK). 0, or -1 with errno. */
int sock_blocking(int fd, bool on);

/* Time limit of each blocking receive (SO_RCVTIMEO); one that exceeds it fails with EAGAIN. 0: no
 * limit. Returns 0, or -1 with errno. */
int sock_timeout(int fd, uint64_t timeout_ns);

/* Acknowledge at once what has been received, on a connection to an address like this one
 * (TCP_QUICKACK; does nothing where that is missing). It does not last. For the moment when a peer
 * with Nagle's algorithm may be holding back the rest of a message until its beginning is
 * acknowledged, as stock RPyC peers do. */
void sock_quickack(int fd, const struct sock_addr *);

/* send(2) or sendmsg(2) without SIGPIPE, and without waiting, even if fd blocks: the bytes sent, or
 * -1 with errno (EAGAIN and EINTR included). */
struct iovec;
ssize_t sock_writev(int fd, const struct iovec *iov, int n);

#endif
