/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/socket.h"

#include <errno.h>
#include <poll.h>

#include "base/error.h"
#include "base/wait.h"

static bool peer_is_gone(int number)
{
    return number == EPIPE || number == ECONNRESET || number == ENOTCONN;
}

enum vsa_status vsa_send_all(int fd, struct vsa_slice bytes, int64_t deadline_ms,
                             struct vsa_error *error)
{
    while (bytes.size > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes = vsa_slice_of(bytes.data + sent, bytes.size - (size_t)sent);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            VSA_TRY(vsa_wait_for(fd, POLLOUT, deadline_ms, "the peer to read", error));
        else if (peer_is_gone(errno))
            return vsa_fail(error, VSA_ERR_CLOSED,
                            "the peer closed the connection while we were sending");
        else if (errno != EINTR)
            return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "send(2)", "%s", strerror(errno));
    }
    return VSA_OK;
}

/* Moves what is left to the front; the slice of the last line ends here. */
static void drop_consumed(struct vsa_line_reader *reader)
{
    reader->filled -= reader->consumed;
    memmove(reader->buffer, reader->buffer + reader->consumed, reader->filled);
    reader->consumed = 0;
}

/* Returns whether there is a newline in the bytes from `scanned` on, and sets `*line` if so. */
static bool take_line(struct vsa_line_reader *reader, size_t scanned, struct vsa_slice *line)
{
    const char *newline = memchr(reader->buffer + scanned, '\n', reader->filled - scanned);
    if (!newline)
        return false;
    size_t size = (size_t)(newline - reader->buffer);
    reader->consumed = size + 1;
    if (size > 0 && reader->buffer[size - 1] == '\r')
        size--;
    *line = vsa_slice_of(reader->buffer, size);
    return true;
}

static enum vsa_status receive_more(struct vsa_line_reader *reader, int64_t deadline_ms,
                                    struct vsa_error *error)
{
    for (;;) {
        VSA_TRY(vsa_wait_for(reader->fd, POLLIN, deadline_ms, "an answer", error));
        ssize_t got = recv(reader->fd, reader->buffer + reader->filled,
                           reader->capacity - reader->filled, MSG_DONTWAIT);
        if (got > 0) {
            reader->filled += (size_t)got;
            return VSA_OK;
        }
        if (got == 0 || peer_is_gone(errno))
            return vsa_fail(error, VSA_ERR_CLOSED, "the peer closed the connection %s",
                            reader->filled ? "in the middle of a line" : "without an answer");
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "recv(2)", "%s", strerror(errno));
    }
}

enum vsa_status vsa_read_line(struct vsa_line_reader *reader, int64_t deadline_ms,
                              struct vsa_slice *line, struct vsa_error *error)
{
    size_t scanned = 0;
    drop_consumed(reader);
    while (!take_line(reader, scanned, line)) {
        scanned = reader->filled;
        if (reader->filled == reader->capacity)
            return vsa_fail_at(error, VSA_ERR_LINE_TOO_LONG, reader->filled, NULL,
                               "a line longer than %zu bytes", reader->capacity);
        VSA_TRY(receive_more(reader, deadline_ms, error));
    }
    return VSA_OK;
}
