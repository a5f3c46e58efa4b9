/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of enclaves and how to connect to or listen on them.
 *
 *   vsock:CID:PORT        AF_VSOCK; to listen, CID may be "any"
 *   unix:PATH             a Unix stream socket
 *   vsock-mux:PATH:PORT   port PORT of the guest behind the Unix socket PATH, by the convention of
 *                         Firecracker and vhost-device-vsock ("CONNECT PORT\n" -> "OK ...\n");
 *                         to listen: PATH_PORT, where the guest's connections to port PORT arrive
 *   tcp:HOST:PORT         HOST is an IPv4 address, an IPv6 one in brackets or a name; a way to the
 *                         relay on the parent, for an enclave has no network;
 *                         to listen: a loopback address
 *
 * Sources: vsock(7); Firecracker docs/vsock.md; tcp(7), RFC 3986 section 3.2.2 (brackets).
 * Example: examples/request_attestation.c
 */
#ifndef VSATTEST_TRANSPORT_H
#define VSATTEST_TRANSPORT_H

#include <vsattest/base.h>
#include <vsattest/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VSA_CID_ANY UINT32_MAX
/* sun_path of sockaddr_un, its NUL included (unix(7)). */
#define VSA_MAX_SOCKET_PATH 108
/* "vsock-mux:", a path, ":4294967294" and a NUL; a host has no more bytes than a path. */
#define VSA_MAX_ADDRESS 160

enum vsa_address_kind {
    VSA_ADDRESS_VSOCK = 1,
    VSA_ADDRESS_UNIX = 2,
    VSA_ADDRESS_VSOCK_MUX = 3,
    VSA_ADDRESS_TCP = 4,
};

struct vsa_address {
    enum vsa_address_kind kind;
    uint32_t cid;                   /* vsock */
    uint32_t port;                  /* vsock, vsock-mux, tcp */
    char path[VSA_MAX_SOCKET_PATH]; /* unix, vsock-mux; of tcp the host, without brackets */
};

/*
 * Parses an address.
 *
 * text     in: an address in one of the forms above; ports 1..4294967294, of tcp 1..65535, decimal
 * address  out: set on success
 *
 * Errors: VSA_ERR_ARGUMENT, with the forms that are understood.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_address_parse(const char *text, struct vsa_address *address, struct vsa_error *error);

/* Writes the text form, NUL-terminated; `capacity` at least VSA_MAX_ADDRESS. Returns `text`. */
VSA_PUBLIC const char *vsa_address_format(const struct vsa_address *address, char *text,
                                          size_t capacity);

/*
 * Connects; on a vsock-mux this includes the exchange of "CONNECT PORT" and "OK", with the name of
 * a tcp address its lookup, whose addresses are tried in turn.
 *
 * address      in: a CID of "any" cannot be connected to
 * deadline_ms  in: absolute time of CLOCK_MONOTONIC, as vsa_deadline() makes it
 * fd           out: a close-on-exec, non-blocking stream socket that the caller closes
 *
 * Errors: VSA_ERR_REFUSED (no listener: ECONNRESET on vsock, no socket file, a vsock-mux that
 * hangs up instead of "OK"), VSA_ERR_TIMEOUT (no answer), VSA_ERR_NO_SUCH_CID (ENODEV,
 * ENETUNREACH), VSA_ERR_REPLY (a vsock-mux that answers something else),
 * VSA_ERR_ARGUMENT, VSA_ERR_IO (also a name without an address).
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_connect(const struct vsa_address *address,
                                                    int64_t deadline_ms, int *fd,
                                                    struct vsa_error *error);

/* A listening socket. Close it with vsa_listener_close(), which removes its socket file. */
struct vsa_listener {
    int fd; /* close-on-exec, non-blocking; -1 when closed */
    struct vsa_address address;
    uint64_t file_device; /* st_dev and st_ino of the socket file we made; inode 0: no file */
    uint64_t file_inode;
};

/*
 * Listens, with the longest backlog the system allows.
 *
 * A Unix socket file left over by a dead process is replaced; one with a listener, and
 * any other kind of file, is not. Permissions of the file follow the umask. For a vsock-mux
 * address the socket is PATH_PORT, where connections of the guest arrive. A tcp address must be a
 * numeric one of the loopback.
 *
 * address   in
 * listener  out: set on success
 *
 * Errors: VSA_ERR_ADDRESS_IN_USE; VSA_ERR_ARGUMENT for a path that is too long, and for a tcp
 * address that is a name or not of the loopback; VSA_ERR_IO, whose
 * detail says what to do about EACCES (ports below 1024, directories) and EADDRNOTAVAIL.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_listen(const struct vsa_address *address,
                                                   struct vsa_listener *listener,
                                                   struct vsa_error *error);

/* Stops listening and removes the socket file if it is still ours. Idempotent. */
VSA_PUBLIC void vsa_listener_close(struct vsa_listener *listener);

/*
 * Sends all of `bytes` on a non-blocking socket; never raises SIGPIPE.
 * Errors: VSA_ERR_TIMEOUT, VSA_ERR_CLOSED (the peer may have sent the reason: read a
 * line first), VSA_ERR_IO.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_send_all(int fd, struct vsa_slice bytes,
                                                     int64_t deadline_ms, struct vsa_error *error);

/*
 * Lines from a non-blocking stream socket. Zero it, then set `fd`, `buffer` and `capacity`, all
 * three the caller's.
 */
struct vsa_line_reader {
    int fd;
    char *buffer;
    size_t capacity; /* bytes; the longest line with its newline */
    size_t filled;   /* bytes in the buffer */
    size_t consumed; /* bytes at the front that the last line took */
};

/*
 * Reads the next line. What came after it stays in the buffer for the next call.
 *
 * line  out: borrows the buffer until the next call; without its newline and a '\r' before it
 *
 * Errors: VSA_ERR_TIMEOUT, VSA_ERR_CLOSED (also in the middle of a line),
 * VSA_ERR_IO, VSA_ERR_LINE_TOO_LONG.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_read_line(struct vsa_line_reader *reader,
                                                      int64_t deadline_ms, struct vsa_slice *line,
                                                      struct vsa_error *error);

#ifdef __cplusplus
}
#endif

#endif
