/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of any input, read in bounded memory: a line that is too long is passed over. */
#ifndef VSA_ARCHIVE_LINES_H
#define VSA_ARCHIVE_LINES_H

#include <stdbool.h>

#include <vsattest/base.h>
#include <vsattest/limits.h>

struct vsa_lines {
    int fd;      /* borrowed */
    int stop_fd; /* -1, or readable when reading is to end; borrowed */
    bool ended;
    size_t start;    /* of what was not returned yet, in the buffer */
    size_t end;      /* of what was read */
    uint64_t offset; /* bytes of the input that were returned or passed over */
    uint8_t buffer[2 * VSA_MAX_ARCHIVE_LINE];
};

void vsa_lines_init(struct vsa_lines *lines, int fd, int stop_fd);

/*
 * Reads the next line, without its newline; the last one may have none.
 *
 * line       out: borrowed until the next call; absent at the end of the input
 * has_end    out, may be NULL: whether the line ended by a newline
 *
 * Errors: VSA_ERR_LINE_TOO_LONG, after which the next call reads the next line; VSA_ERR_IO, and
 * VSA_ERR_SHUTTING_DOWN when `stop_fd` became readable, after which there is no next line.
 */
VSA_MUST_USE enum vsa_status vsa_lines_next(struct vsa_lines *lines, struct vsa_slice *line,
                                            bool *has_end, struct vsa_error *error);

#endif
