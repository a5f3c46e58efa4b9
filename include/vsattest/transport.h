/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of enclaves and how to connect to or listen on them.
 *
 *   vsock:CID:PORT        AF_VSOCK; to listen, CID may be "any"
 *   unix:PATH             a Unix stream socket
 *   vsock-mux:PATH:PORT   port PORT of the guest behind the Unix socket PATH, by the convention of
 *                         Firecracker and vhost-device-vsock ("CONNECT PORT\n" -> "OK ...\n");
 *                         to listen: PATH_PORT, where the guest's connections to port PORT arrive
 *
 * Sources: vsock(7); Firecracker docs/vsock.md.
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
#define VSA_MAX_ADDRESS     160

enum vsa_address_kind { VSA_ADDRESS_VSOCK = 1, VSA_ADDRESS_UNIX = 2, VSA_ADDRESS_VSOCK_MUX = 3 };

struct vsa_address {
    enum vsa_address_kind kind;
    uint32_t cid;  /* vsock */
    uint32_t port; /* vsock, vsock-mux */
    char path[VSA_MAX_SOCKET_PATH];
};

/* Errors: VSA_ERR_ARGUMENT, with the forms that are understood. */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_address_parse(const char *text,
                                                          struct vsa_address *address,
                                                          struct vsa_error *error);

/* The text form, NUL-terminated; `capacity` at least VSA_MAX_ADDRESS. Returns `text`. */
VSA_PUBLIC const char *vsa_address_format(const struct vsa_address *address, char *text,
                                          size_t capacity);

/*
 * Connects; `*fd` is a close-on-exec, non-blocking stream socket that the caller closes.
 * `deadline_ms` is an absolute time of CLOCK_MONOTONIC, as vsa_deadline() makes it.
 *
 * Errors: VSA_ERR_REFUSED (nobody listens: ECONNRESET on vsock), VSA_ERR_TIMEOUT,
 * VSA_ERR_NO_SUCH_CID (ENODEV, ENETUNREACH), VSA_ERR_CLOSED (a vsock-mux that hangs up),
 * VSA_ERR_IO.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_connect(const struct vsa_address *address,
                                                    int64_t deadline_ms, int *fd,
                                                    struct vsa_error *error);

/*
 * A listening, close-on-exec, non-blocking stream socket. A Unix socket file left over by a dead
 * process is replaced; one that somebody answers on is not.
 * Errors: VSA_ERR_ADDRESS_IN_USE, VSA_ERR_IO.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_listen(const struct vsa_address *address, int *fd,
                                                   struct vsa_error *error);

/* CLOCK_MONOTONIC in milliseconds, now or `timeout_ms` from now. Only for time limits. */
VSA_PUBLIC int64_t vsa_monotonic_ms(void);
VSA_PUBLIC int64_t vsa_deadline(int64_t timeout_ms);

/*
 * Whole messages with a deadline, on a non-blocking socket. Errors: VSA_ERR_TIMEOUT,
 * VSA_ERR_CLOSED, VSA_ERR_IO, VSA_ERR_LINE_TOO_LONG.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_send_all(int fd, struct vsa_slice bytes,
                                                     int64_t deadline_ms,
                                                     struct vsa_error *error);

/*
 * Reads the next line. What came after it stays in `buffer` for the next call. `*line` borrows
 * the line without its newline (and without a '\r' before it) until the next call.
 */
struct vsa_line_reader {
    int fd;
    char *buffer;
    size_t capacity; /* bytes; the longest line with its newline */
    size_t filled;
    size_t consumed; /* bytes at the front that the last line took */
};
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_read_line(struct vsa_line_reader *reader,
                                                      int64_t deadline_ms,
                                                      struct vsa_slice *line,
                                                      struct vsa_error *error);

#ifdef __cplusplus
}
#endif

#endif
