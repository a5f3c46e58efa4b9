/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reply.h"

#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/slice.h"
#include "protocol/reply.h"
#include "stream/writing.h"

#define END "}\n"

/* Needs no memory. */
static const char out_of_memory[] =
    "{\"success\":false,\"error\":\"out of memory\",\"error_code\":\"out_of_memory\"";

void vsa_reply_fail(json_t *reply, const struct vsa_error *why)
{
    /* A reply that cannot be filled is found when it is printed. */
    if (vsa_reply_set_error(reply, why, NULL) != VSA_OK)
        (void)json_object_clear(reply);
}

/* Whether it has more than `levels` of objects and arrays; looks no deeper than that. */
/* NOLINTNEXTLINE(misc-no-recursion): `levels` bounds it */
static bool is_deeper(json_t *value, int levels)
{
    const char *key;
    json_t *member;
    size_t i;
    if (!json_is_object(value) && !json_is_array(value))
        return false;
    if (levels == 0)
        return true;
    json_object_foreach(value, key, member) if (is_deeper(member, levels - 1)) return true;
    json_array_foreach(value, i, member) if (is_deeper(member, levels - 1)) return true;
    return false;
}

static enum vsa_status print(json_t *reply, char *buffer, struct vsa_slice *text)
{
    size_t size = 0;
    /* Every reply says how the request went; only memory can have kept it from doing so. */
    if (!json_object_get(reply, "success"))
        return VSA_ERR_MEMORY;
    if (is_deeper(reply, VSA_MAX_JSON_DEPTH))
        return VSA_ERR_NESTING;
    VSA_TRY(vsa_json_write_line(reply, buffer, VSA_MAX_REPLY_LINE, &size, NULL));
    *text = vsa_slice_of(buffer, size - strlen(END));
    return VSA_OK;
}

static enum vsa_status too_large(struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_TOO_LARGE, "the reply is larger than %d bytes",
                    VSA_MAX_REPLY_LINE);
}

enum vsa_status vsa_reply_print(json_t *reply, enum vsa_status status, char *buffer,
                                struct vsa_slice *text)
{
    struct vsa_error error;
    enum vsa_status printed = print(reply, buffer, text);
    if (printed == VSA_OK)
        return status;
    /* As much as had room is in the buffer. */
    vsa_wipe(buffer, VSA_MAX_REPLY_LINE);
    if (printed == VSA_ERR_BUFFER)
        status = too_large(&error);
    else if (printed == VSA_ERR_NESTING)
        status = vsa_fail(&error, VSA_ERR_INTERNAL, "the reply is nested deeper than %d levels",
                          VSA_MAX_JSON_DEPTH);
    else
        status = vsa_fail_memory(&error);
    vsa_reply_fail(reply, &error);
    if (print(reply, buffer, text) == VSA_OK)
        return status;
    *text = vsa_slice_of_text(out_of_memory);
    return VSA_ERR_MEMORY;
}

static bool fits(const struct vsa_reply *reply)
{
    return reply->text.size + reply->members.size + reply->id.size + strlen(END) <=
           VSA_MAX_REPLY_LINE;
}

struct vsa_reply vsa_reply_of_error(const struct vsa_error *why, struct vsa_slice id, char *buffer)
{
    struct vsa_reply reply = {.id = id};
    VSA_AUTO_JSON json_t *object = json_object();
    vsa_reply_fail(object, why);
    reply.status = vsa_reply_print(object, why->status, buffer, &reply.text);
    return reply;
}

struct vsa_reply vsa_reply_of_text(struct vsa_slice text, const char *members, struct vsa_slice id,
                                   enum vsa_status status, char *buffer)
{
    struct vsa_reply reply = {text, vsa_slice_of_text(members), id, status};
    struct vsa_error error;
    if (fits(&reply))
        return reply;
    (void)too_large(&error);
    vsa_wipe(buffer, VSA_MAX_REPLY_LINE); /* where the text may be */
    return vsa_reply_of_error(&error, id, buffer);
}

struct vsa_reply vsa_reply_of_json(json_t *object, struct vsa_slice id, enum vsa_status status,
                                   char *buffer)
{
    struct vsa_slice text;
    status = vsa_reply_print(object, status, buffer, &text);
    return vsa_reply_of_text(text, "", id, status, buffer);
}

void vsa_reply_send(struct vsa_stream *stream, const struct vsa_reply *reply)
{
    const struct vsa_slice parts[] = {reply->text, reply->members, reply->id,
                                      vsa_slice_of_text(END)};
    vsa_stream_answer(stream, parts, sizeof(parts) / sizeof(parts[0]));
}

void vsa_reply_send_raw(int fd, const struct vsa_reply *reply)
{
    /* struct iovec has no const. NOLINTBEGIN(performance-no-int-to-ptr) */
    struct iovec parts[] = {{(void *)(uintptr_t)reply->text.data, reply->text.size},
                            {(void *)(uintptr_t)END, strlen(END)}};
    /* NOLINTEND(performance-no-int-to-ptr) */
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
}
