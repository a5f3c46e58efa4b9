/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reply lines, the only place that writes them. A line is a text, which is the same for all that
 * share it and ends before the closing brace, and what is added for one request.
 */
#ifndef VSA_SERVER_REPLY_H
#define VSA_SERVER_REPLY_H

#include "protocol/reply.h"
#include "stream/state.h"

/* Makes `reply` what the failure is reported by. */
void vsa_reply_fail(json_t *reply, const struct vsa_error *why);

/*
 * Prints the reply's text. One that is too large, nested too deep, or that memory is too short for
 * becomes an error instead.
 *
 * status  in: of the request
 * buffer  out: VSA_MAX_REPLY_LINE bytes
 * text    out: borrows from `buffer`; always set
 *
 * Returns what the text says: `status`, VSA_ERR_TOO_LARGE, VSA_ERR_INTERNAL or VSA_ERR_MEMORY.
 */
enum vsa_status vsa_reply_print(json_t *reply, enum vsa_status status, char *buffer,
                                struct vsa_slice *text);

/* A line, ready to be sent. Borrows all of it. */
struct vsa_reply {
    struct vsa_slice text;
    struct vsa_slice members; /* begin with a comma, or are empty; so does the next one */
    struct vsa_slice id;
    enum vsa_status status; /* what it says */
};

/*
 * Creates the reply, as the next two do, or, of a line that becomes too large, its error. `buffer`
 * has VSA_MAX_REPLY_LINE bytes, which are the reply's until it is sent.
 */
struct vsa_reply vsa_reply_of_text(struct vsa_slice text, const char *members, struct vsa_slice id,
                                   enum vsa_status status, char *buffer);
struct vsa_reply vsa_reply_of_json(json_t *object, struct vsa_slice id, enum vsa_status status,
                                   char *buffer);
struct vsa_reply vsa_reply_of_error(const struct vsa_error *why, struct vsa_slice id, char *buffer);

void vsa_reply_send(struct vsa_stream *stream, const struct vsa_reply *reply);
/* Sends to a socket that is no stream: as much as it takes at once. */
void vsa_reply_send_raw(int fd, const struct vsa_reply *reply);

#endif
