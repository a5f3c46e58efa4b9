/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/lines.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/error.h"

void vsa_lines_init(struct vsa_lines *lines, int fd, int stop_fd)
{
    lines->fd = fd;
    lines->stop_fd = stop_fd;
    lines->ended = false;
    lines->start = 0;
    lines->end = 0;
    lines->offset = 0;
}

/* Waits until there is input, or reading is to end. */
static enum vsa_status wait_for_input(const struct vsa_lines *lines, struct vsa_error *error)
{
    struct pollfd fds[2] = {{.fd = lines->fd, .events = POLLIN},
                            {.fd = lines->stop_fd, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR)
            return vsa_fail(error, VSA_ERR_IO, "cannot wait for input: %s", strerror(errno));
    if (fds[1].revents)
        return vsa_fail(error, VSA_ERR_SHUTTING_DOWN, "reading was stopped");
    return VSA_OK;
}

/* Reads once, behind what is there already; there must be room. */
static enum vsa_status read_more(struct vsa_lines *lines, struct vsa_error *error)
{
    enum vsa_status status = wait_for_input(lines, error);
    ssize_t count = -1;
    if (status == VSA_OK) {
        do
            count = read(lines->fd, lines->buffer + lines->end, sizeof(lines->buffer) - lines->end);
        while (count < 0 && errno == EINTR);
        if (count < 0)
            status = vsa_fail(error, VSA_ERR_IO, "cannot read: %s", strerror(errno));
    }
    if (count <= 0)
        lines->ended = true;
    else
        lines->end += (size_t)count;
    return status;
}

static void make_room(struct vsa_lines *lines)
{
    memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
}

/* Takes `size` bytes, and the newline behind them where there is one. */
static void take(struct vsa_lines *lines, size_t size, bool has_end)
{
    lines->start += size + (has_end ? 1 : 0);
    lines->offset += size + (has_end ? 1 : 0);
}

/* Passes over the rest of a line that is too long. */
static enum vsa_status pass_over(struct vsa_lines *lines, struct vsa_error *error)
{
    for (;;) {
        size_t size = lines->end - lines->start;
        const uint8_t *newline = memchr(lines->buffer + lines->start, '\n', size);
        take(lines, newline ? (size_t)(newline - lines->buffer) - lines->start : size,
             newline != NULL);
        if (newline || lines->ended)
            return vsa_fail(error, VSA_ERR_LINE_TOO_LONG, "a line of more than %d bytes",
                            VSA_MAX_ARCHIVE_LINE);
        make_room(lines);
        VSA_TRY(read_more(lines, error));
    }
}

enum vsa_status vsa_lines_next(struct vsa_lines *lines, struct vsa_slice *line, bool *has_end,
                               struct vsa_error *error)
{
    size_t searched = 0;
    for (;;) {
        const uint8_t *first = lines->buffer + lines->start;
        size_t size = lines->end - lines->start;
        const uint8_t *newline = memchr(first + searched, '\n', size - searched);
        size_t length = newline ? (size_t)(newline - first) : size;
        if (length > VSA_MAX_ARCHIVE_LINE)
            return pass_over(lines, error);
        if (newline || lines->ended) {
            *line = newline || size ? vsa_slice_of(first, length) : vsa_slice_of(NULL, 0);
            if (has_end)
                *has_end = newline != NULL;
            take(lines, length, newline != NULL);
            return VSA_OK;
        }
        searched = size;
        make_room(lines);
        VSA_TRY(read_more(lines, error));
    }
}
