/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/cuse.h"

#include <errno.h>
#include <linux/fuse.h>
#include <linux/ioctl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "nsm/transport.h"

#define NSM_IOCTL_RAW _IOWR(0x0a, 0, struct vsa_nsm_raw)

/* All structures used here are as they are since this version of the interface. */
#define OUR_MINOR 31
/* The least version whose ioctl answers carry struct fuse_ioctl_iovec. */
#define LEAST_MINOR 16

/* A message of the kernel, taken apart. */
struct call {
    struct vsa_cuse *cuse;
    struct fuse_in_header header;
    struct vsa_slice body; /* after the header */
    int64_t now_ms;
    struct vsa_error *failure;
};

/* An ioctl of a program, taken apart. */
struct ioctl_call {
    struct fuse_ioctl_in in;
    struct vsa_slice data; /* what was copied from the program's memory */
};

static const char name_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_-";

enum vsa_status vsa_cuse_init(struct vsa_cuse *cuse, struct vsa_software_nsm *nsm, const char *name,
                              struct vsa_error *error)
{
    size_t length = strlen(name);
    if (length == 0 || length >= VSA_CUSE_MAX_NAME || strspn(name, name_characters) != length)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "'%.80s' cannot be the name of a device: letters, digits, '_' and '-', "
                        "%d at most",
                        name, VSA_CUSE_MAX_NAME - 1);
    memset(cuse, 0, sizeof(*cuse));
    cuse->nsm = nsm;
    memcpy(cuse->name, name, length + 1);
    return VSA_OK;
}

/* --- replies --------------------------------------------------------------------------------- */

/* Returns where the body of a reply goes. */
static uint8_t *body_of_reply(const struct call *call)
{
    return call->cuse->reply + sizeof(struct fuse_out_header);
}

/* Completes a reply with `body_size` bytes in body_of_reply(); `number` is 0 or an errno value. */
static struct vsa_slice finish(const struct call *call, int number, size_t body_size)
{
    struct fuse_out_header header = {
        .len = (uint32_t)(sizeof(header) + body_size),
        .error = -number,
        .unique = call->header.unique,
    };
    memcpy(call->cuse->reply, &header, sizeof(header));
    return vsa_slice_of(call->cuse->reply, header.len);
}

static struct vsa_slice refuse(const struct call *call, int number)
{
    return finish(call, number, 0);
}

static struct vsa_slice no_reply(void)
{
    return (struct vsa_slice){.data = NULL, .size = 0};
}

/* --- the device comes into being ------------------------------------------------------------- */

static struct vsa_slice answer_init(const struct call *call)
{
    struct cuse_init_in in;
    struct cuse_init_out out = {.major = FUSE_KERNEL_VERSION};
    if (call->body.size < sizeof(in))
        return refuse(call, EIO);
    memcpy(&in, call->body.data, sizeof(in));
    if (in.major != FUSE_KERNEL_VERSION || in.minor < LEAST_MINOR)
        return refuse(call, EPROTO);
    out.minor = in.minor < OUR_MINOR ? in.minor : OUR_MINOR;
    /* We name the memory of the program that the kernel copies: the iovecs are nested. */
    out.flags = CUSE_UNRESTRICTED_IOCTL;
    out.max_read = VSA_NSM_MAX_REQUEST;
    out.max_write = VSA_NSM_MAX_REQUEST;
    memcpy(body_of_reply(call), &out, sizeof(out));
    int length = snprintf((char *)body_of_reply(call) + sizeof(out), VSA_CUSE_MAX_NAME + 8,
                          "DEVNAME=%s", call->cuse->name);
    return finish(call, 0, sizeof(out) + (size_t)length + 1);
}

static struct vsa_slice answer_open(const struct call *call)
{
    struct fuse_open_out out = {.open_flags = FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE};
    memcpy(body_of_reply(call), &out, sizeof(out));
    return finish(call, 0, sizeof(out));
}

/* --- ioctl ----------------------------------------------------------------------------------- */

/* Asks the kernel to copy these pieces of the program's memory and to call again. */
static struct vsa_slice ask_for(const struct call *call, const struct fuse_ioctl_iovec *pieces,
                                uint32_t in_count, uint32_t out_count)
{
    struct fuse_ioctl_out out = {
        .flags = FUSE_IOCTL_RETRY,
        .in_iovs = in_count,
        .out_iovs = out_count,
    };
    size_t pieces_size = (in_count + out_count) * sizeof(*pieces);
    memcpy(body_of_reply(call), &out, sizeof(out));
    memcpy(body_of_reply(call) + sizeof(out), pieces, pieces_size);
    return finish(call, 0, sizeof(out) + pieces_size);
}

/* Answers the first pass, of which nothing was copied yet. */
static struct vsa_slice ask_for_struct(const struct call *call, const struct ioctl_call *ioctl)
{
    struct fuse_ioctl_iovec piece = {ioctl->in.arg, sizeof(struct vsa_nsm_raw)};
    return ask_for(call, &piece, 1, 0);
}

static uint64_t response_room(const struct vsa_nsm_raw *raw)
{
    return raw->response.length < VSA_NSM_MAX_RESPONSE ? raw->response.length
                                                       : VSA_NSM_MAX_RESPONSE;
}

/* Answers the second pass: struct nsm_raw has the addresses of request and response. */
static struct vsa_slice ask_for_buffers(const struct call *call, const struct ioctl_call *ioctl,
                                        const struct vsa_nsm_raw *raw)
{
    struct fuse_ioctl_iovec pieces[4];
    uint32_t in_count = 0;
    uint32_t out_count = 0;
    const struct fuse_ioctl_iovec whole_struct = {ioctl->in.arg, sizeof(*raw)};
    if (raw->request.length > VSA_NSM_MAX_REQUEST)
        return refuse(call, EMSGSIZE);
    pieces[in_count++] = whole_struct;
    if (raw->request.length > 0)
        pieces[in_count++] = (struct fuse_ioctl_iovec){raw->request.address, raw->request.length};
    pieces[in_count + out_count++] = whole_struct;
    if (response_room(raw) > 0)
        pieces[in_count + out_count++] =
            (struct fuse_ioctl_iovec){raw->response.address, response_room(raw)};
    return ask_for(call, pieces, in_count, out_count);
}

/* Answers the third pass: request in, response out, truncated to the room for it. */
static struct vsa_slice answer_request(const struct call *call, const struct ioctl_call *ioctl,
                                       struct vsa_nsm_raw raw)
{
    struct vsa_slice response;
    struct fuse_ioctl_out out = {.result = 0};
    uint8_t *to = body_of_reply(call);
    /* Another thread of the program may have changed the struct since the second pass. */
    if (raw.request.length != ioctl->data.size - sizeof(raw) ||
        response_room(&raw) != ioctl->in.out_size - sizeof(raw))
        return refuse(call, EFAULT);
    vsa_software_nsm_respond(
        call->cuse->nsm,
        vsa_slice_of(ioctl->data.data + sizeof(raw), ioctl->data.size - sizeof(raw)), call->now_ms,
        &response, call->failure);
    if (response.size > response_room(&raw))
        response.size = (size_t)response_room(&raw);
    raw.response.length = response.size;
    memcpy(to, &out, sizeof(out));
    memcpy(to + sizeof(out), &raw, sizeof(raw));
    if (response.size > 0)
        memcpy(to + sizeof(out) + sizeof(raw), response.data, response.size);
    return finish(call, 0, sizeof(out) + sizeof(raw) + response.size);
}

/*
 * Answers one ioctl of a program, which is three messages: only the memory that was asked for in
 * the answer to the one before comes with a message. Which pass it is shows in the sizes.
 */
static struct vsa_slice answer_ioctl(const struct call *call)
{
    struct ioctl_call ioctl;
    struct vsa_nsm_raw raw;
    if (call->body.size < sizeof(ioctl.in))
        return refuse(call, EIO);
    memcpy(&ioctl.in, call->body.data, sizeof(ioctl.in));
    ioctl.data =
        vsa_slice_of(call->body.data + sizeof(ioctl.in), call->body.size - sizeof(ioctl.in));
    if (ioctl.in.in_size != ioctl.data.size || !(ioctl.in.flags & FUSE_IOCTL_UNRESTRICTED))
        return refuse(call, EIO);
    if (ioctl.in.cmd != NSM_IOCTL_RAW)
        return refuse(call, EINVAL);
    if (ioctl.data.size == 0 && ioctl.in.out_size == 0)
        return ask_for_struct(call, &ioctl);
    if (ioctl.data.size < sizeof(raw))
        return refuse(call, EIO);
    memcpy(&raw, ioctl.data.data, sizeof(raw));
    if (ioctl.data.size == sizeof(raw) && ioctl.in.out_size == 0)
        return ask_for_buffers(call, &ioctl, &raw);
    if (ioctl.in.out_size < sizeof(raw))
        return refuse(call, EIO);
    return answer_request(call, &ioctl, raw);
}

/* --- all messages ---------------------------------------------------------------------------- */

static struct vsa_slice dispatch(const struct call *call)
{
    switch (call->header.opcode) {
    case CUSE_INIT:
        return answer_init(call);
    case FUSE_OPEN:
        return answer_open(call);
    case FUSE_IOCTL:
        return answer_ioctl(call);
    case FUSE_RELEASE:
    case FUSE_FLUSH:
        return finish(call, 0, 0);
    case FUSE_READ:
    case FUSE_WRITE:
    case FUSE_FSYNC:
        /* The real driver has none of them, and this is how the kernel says so. */
        return refuse(call, EINVAL);
    case FUSE_INTERRUPT:
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
        /* Wants no reply. What an interrupt is about has been answered already. */
        return no_reply();
    default:
        /* The kernel asks no more, and does itself what can be done. */
        return refuse(call, ENOSYS);
    }
}

void vsa_cuse_answer(struct vsa_cuse *cuse, struct vsa_slice message, int64_t now_ms,
                     struct vsa_slice *reply, struct vsa_error *failure)
{
    struct call call = {.cuse = cuse, .now_ms = now_ms, .failure = failure};
    memset(failure, 0, sizeof(*failure));
    *reply = no_reply();
    if (message.size < sizeof(call.header))
        return;
    memcpy(&call.header, message.data, sizeof(call.header));
    call.body =
        vsa_slice_of(message.data + sizeof(call.header), message.size - sizeof(call.header));
    *reply = call.header.len == message.size ? dispatch(&call) : refuse(&call, EIO);
}
