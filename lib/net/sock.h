/* SPDX-License-Identifier: ISC */
/* Sockets: listen, accept, connect, and the options that timing depends on. */
#ifndef SOCK_H
#define SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Resolve host and port to TCP addresses (getaddrinfo). Returns NULL and sets
 * *list, which the caller frees with freeaddrinfo; or what is wrong (text of
 * gai_strerror or strerror). passive: for bind(2). */
const char *sock_resolve(const char *host, const char *port, bool passive, struct addrinfo **list);

/* Listen on all addresses of the list that this machine has (SOCK_LISTEN_MAX at most), on the same
 * port; SO_REUSEADDR, the longest backlog, close-on-exec, not blocking. Returns the number of
 * descriptors, or -1 with errno: there is none, or another of them can't be had. */
#define SOCK_LISTEN_MAX 8
int sock_listen(const struct addrinfo *list, int fd[SOCK_LISTEN_MAX]);

/* Write the address in numbers, "host:port" (IPv6 in brackets), into text, which is cut off if
 * size is too small. Returns 0, or -1 with errno. */
int sock_name(const struct sockaddr *, socklen_t, char *text, size_t size);

/* Write "scheme://host:port" of the bound socket into text. Returns 0, or -1 with errno. */
int sock_url(int fd, const char *scheme, char *text, size_t size);

/* Is it an address of this machine's loopback interface? */
bool sock_is_loopback(const struct sockaddr *);

/* Write the address in numbers (IPv6 in brackets) by which other machines most likely know this
 * one: the one that packets to far away would have. Nothing is sent. Returns 0, or -1: there is
 * none. */
int sock_own_address(int family, char *text, size_t size);

/* Accept a connection: close-on-exec, TCP_NODELAY, blocking or not. Returns the
 * descriptor, or -1 with errno (EAGAIN: none is waiting; ECONNABORTED: it is gone already). */
int sock_accept(int listen_fd, bool blocking);

/* A new TCP socket for ai, not yet connected: close-on-exec, TCP_NODELAY, not blocking. Returns
 * the descriptor, or -1 with errno. */
int sock_open(const struct addrinfo *ai);

/* Make the descriptor (of any kind) blocking, or not (O_NONBLOCK). 0, or -1 with errno. */
int sock_blocking(int fd, bool on);

/* Time limit of each blocking receive (SO_RCVTIMEO); one that exceeds it fails with EAGAIN. 0: no
 * limit. Returns 0, or -1 with errno. */
int sock_timeout(int fd, uint64_t timeout_ns);

/* Acknowledge at once what has been received (TCP_QUICKACK; does nothing where that is
 * missing). It does not last. For the moment when a peer with Nagle's algorithm may be
 * holding back the rest of a message until its beginning is acknowledged, as stock RPyC
 * peers do. */
void sock_quickack(int fd);

/* send(2) or sendmsg(2) without SIGPIPE, and without waiting, even if fd blocks: the bytes sent, or
 * -1 with errno (EAGAIN and EINTR included). */
struct iovec;
ssize_t sock_writev(int fd, const struct iovec *iov, int n);

#endif
