/* SPDX-License-Identifier: Apache-2.0 */
/* The device's side of CUSE, played by the kernel's: messages in, replies out. No /dev/cuse. */
#include "software_nsm/cuse.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>

#include "nsm/message.h"
#include "nsm/transport.h"
#include "software_nsm_fixture.h"
#include "unit_test.h"

#define NSM_IOCTL 0xc0200a00u
#define ARGUMENT  0x7ffc00001000u /* where the program has its struct nsm_raw */
#define REQUEST   0x7ffc00002000u
#define RESPONSE  0x7ffc00003000u
#define UNIQUE    0x1234567890u

struct context {
    struct vsa_software_nsm *nsm;
    struct vsa_cuse cuse;
    struct vsa_slice reply;
    struct vsa_error failure;
    uint8_t message[VSA_CUSE_MAX_MESSAGE];
    size_t size;
};

/* --- the kernel's part ----------------------------------------------------------------------- */

static void begin(struct context *context, uint32_t opcode)
{
    struct fuse_in_header header = {.opcode = opcode, .unique = UNIQUE, .pid = 4711};
    memcpy(context->message, &header, sizeof(header));
    context->size = sizeof(header);
}

static void add(struct context *context, const void *data, size_t size)
{
    assert_in_range(context->size + size, 0, sizeof(context->message));
    memcpy(context->message + context->size, data, size);
    context->size += size;
}

static void set_length(struct context *context, uint32_t length)
{
    memcpy(context->message, &length, sizeof(length));
}

/* Exactly as many bytes as the message has, so that AddressSanitizer sees reading beyond. */
static void deliver_bytes(struct context *context)
{
    uint8_t *copy = malloc(context->size ? context->size : 1);
    assert_non_null(copy);
    memcpy(copy, context->message, context->size);
    vsa_cuse_answer(&context->cuse, vsa_slice_of(copy, context->size), FIXTURE_NOW_MS,
                    &context->reply, &context->failure);
    free(copy);
}

/* The error of the reply: 0 or an errno value. */
static int deliver(struct context *context)
{
    struct fuse_out_header header;
    set_length(context, (uint32_t)context->size);
    deliver_bytes(context);
    assert_non_null(context->reply.data);
    assert_in_range(context->reply.size, sizeof(header), VSA_CUSE_MAX_REPLY);
    memcpy(&header, context->reply.data, sizeof(header));
    assert_int_equal(header.len, context->reply.size);
    assert_int_equal(header.unique, UNIQUE);
    return -header.error;
}

static const uint8_t *reply_body(const struct context *context, size_t least)
{
    assert_in_range(context->reply.size, sizeof(struct fuse_out_header) + least,
                    VSA_CUSE_MAX_REPLY);
    return context->reply.data + sizeof(struct fuse_out_header);
}

static int send_ioctl(struct context *context, uint32_t out_size, const struct vsa_nsm_raw *raw,
                      struct vsa_slice request)
{
    struct fuse_ioctl_in in = {
        .flags = FUSE_IOCTL_UNRESTRICTED,
        .cmd = NSM_IOCTL,
        .arg = ARGUMENT,
        .in_size = (uint32_t)((raw ? sizeof(*raw) : 0) + request.size),
        .out_size = out_size,
    };
    begin(context, FUSE_IOCTL);
    add(context, &in, sizeof(in));
    if (raw)
        add(context, raw, sizeof(*raw));
    if (request.size)
        add(context, request.data, request.size);
    return deliver(context);
}

static const struct vsa_slice nothing = {.data = NULL, .size = 0};

static struct vsa_nsm_raw raw_of(uint64_t request, uint64_t response)
{
    return (struct vsa_nsm_raw){{REQUEST, request}, {RESPONSE, response}};
}

static struct fuse_ioctl_out ioctl_out(const struct context *context)
{
    struct fuse_ioctl_out out;
    memcpy(&out, reply_body(context, sizeof(out)), sizeof(out));
    return out;
}

static void assert_piece(const struct context *context, size_t index, uint64_t base,
                         uint64_t length)
{
    struct fuse_ioctl_iovec piece;
    size_t at = sizeof(struct fuse_ioctl_out) + index * sizeof(piece);
    memcpy(&piece, reply_body(context, at + sizeof(piece)) + at, sizeof(piece));
    assert_int_equal(piece.base, base);
    assert_int_equal(piece.len, length);
}

static void assert_asks(const struct context *context, uint32_t in_count, uint32_t out_count)
{
    struct fuse_ioctl_out out = ioctl_out(context);
    assert_int_equal(out.flags, FUSE_IOCTL_RETRY);
    assert_int_equal(out.in_iovs, in_count);
    assert_int_equal(out.out_iovs, out_count);
    assert_int_equal(context->reply.size,
                     sizeof(struct fuse_out_header) + sizeof(out) +
                         (in_count + out_count) * sizeof(struct fuse_ioctl_iovec));
}

/* All three passes, as the kernel makes them of one ioctl; what it copies to the program. */
static struct vsa_slice exchange(struct context *context, struct vsa_slice request, uint64_t room,
                                 uint64_t *length)
{
    struct vsa_nsm_raw raw = raw_of(request.size, room);
    uint64_t most = room < VSA_NSM_MAX_RESPONSE ? room : VSA_NSM_MAX_RESPONSE;
    assert_int_equal(send_ioctl(context, 0, NULL, nothing), 0);
    assert_asks(context, 1, 0);
    assert_piece(context, 0, ARGUMENT, 32);
    assert_int_equal(send_ioctl(context, 0, &raw, nothing), 0);
    uint32_t in_count = request.size ? 2 : 1;
    assert_asks(context, in_count, room ? 2 : 1);
    assert_piece(context, 0, ARGUMENT, 32);
    if (request.size)
        assert_piece(context, 1, REQUEST, request.size);
    assert_piece(context, in_count, ARGUMENT, 32);
    if (room)
        assert_piece(context, in_count + 1, RESPONSE, most);
    assert_int_equal(send_ioctl(context, (uint32_t)(32 + most), &raw, request), 0);
    struct fuse_ioctl_out out = ioctl_out(context);
    assert_int_equal(out.flags, 0);
    assert_int_equal(out.result, 0);
    const uint8_t *body = reply_body(context, sizeof(out) + sizeof(raw)) + sizeof(out);
    memcpy(&raw, body, sizeof(raw));
    assert_int_equal(raw.request.address, REQUEST);
    assert_int_equal(raw.request.length, request.size);
    assert_int_equal(raw.response.address, RESPONSE);
    *length = raw.response.length;
    size_t size = context->reply.size - sizeof(struct fuse_out_header) - sizeof(out) - sizeof(raw);
    assert_int_equal(size, raw.response.length);
    assert_in_range(size, 0, most);
    return vsa_slice_of(body + sizeof(raw), size);
}

/* --- the device comes and goes --------------------------------------------------------------- */

static int send_init(struct context *context, uint32_t major, uint32_t minor)
{
    struct cuse_init_in in = {.major = major, .minor = minor, .flags = CUSE_UNRESTRICTED_IOCTL};
    begin(context, CUSE_INIT);
    add(context, &in, sizeof(in));
    return deliver(context);
}

static void test_init(void **state)
{
    struct context *context = *state;
    struct cuse_init_out out;
    static const char name[] = "DEVNAME=nsm";
    assert_int_equal(send_init(context, 7, 38), 0);
    assert_int_equal(context->reply.size,
                     sizeof(struct fuse_out_header) + sizeof(out) + sizeof(name));
    memcpy(&out, reply_body(context, sizeof(out)), sizeof(out));
    assert_int_equal(out.major, 7);
    assert_int_equal(out.minor, 31);
    assert_int_equal(out.flags, CUSE_UNRESTRICTED_IOCTL);
    assert_int_equal(out.dev_major, 0);
    assert_int_equal(out.dev_minor, 0);
    assert_memory_equal(reply_body(context, sizeof(out) + sizeof(name)) + sizeof(out), name,
                        sizeof(name));
}

static void test_init_versions(void **state)
{
    struct context *context = *state;
    struct cuse_init_out out;
    assert_int_equal(send_init(context, 7, 20), 0);
    memcpy(&out, reply_body(context, sizeof(out)), sizeof(out));
    assert_int_equal(out.minor, 20);
    assert_int_equal(send_init(context, 7, 15), EPROTO);
    assert_int_equal(send_init(context, 8, 0), EPROTO);
    assert_int_equal(send_init(context, 0, 0), EPROTO);
    begin(context, CUSE_INIT);
    add(context, "\7\0\0\0", 4);
    assert_int_equal(deliver(context), EIO);
}

static void test_names(void **state)
{
    struct context *context = *state;
    struct vsa_cuse cuse;
    static const char longest[] = "0123456789abcdefghijklmnopqrstuv";
    static const char *const bad[] = {
        "",         ".",   "..",           "a/b",
        "/dev/nsm", "a b", "a\nDEVNAME=b", "0123456789abcdefghijklmnopqrstuvw",
    };
    assert_int_equal(vsa_cuse_init(&cuse, context->nsm, longest, NULL), VSA_OK);
    assert_string_equal(cuse.name, longest);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(vsa_cuse_init(&cuse, context->nsm, bad[i], NULL), VSA_ERR_ARGUMENT);
    /* The longest name fits the reply. */
    assert_int_equal(vsa_cuse_init(&context->cuse, context->nsm, longest, NULL), VSA_OK);
    assert_int_equal(send_init(context, 7, 38), 0);
    const uint8_t *name =
        reply_body(context, sizeof(struct cuse_init_out)) + sizeof(struct cuse_init_out);
    assert_string_equal((const char *)name + strlen("DEVNAME="), longest);
}

static void test_open_and_release(void **state)
{
    struct context *context = *state;
    struct fuse_open_in in = {0};
    begin(context, FUSE_OPEN);
    add(context, &in, sizeof(in));
    assert_int_equal(deliver(context), 0);
    assert_int_equal(context->reply.size,
                     sizeof(struct fuse_out_header) + sizeof(struct fuse_open_out));
    begin(context, FUSE_RELEASE);
    assert_int_equal(deliver(context), 0);
    assert_int_equal(context->reply.size, sizeof(struct fuse_out_header));
}

/* --- requests -------------------------------------------------------------------------------- */

static void test_request(void **state)
{
    struct context *context = *state;
    struct vsa_nsm_response response;
    uint64_t length = 0;
    struct vsa_slice answer =
        exchange(context, from_hex("6b 44657363726962654e534d"), VSA_NSM_MAX_RESPONSE, &length);
    assert_int_equal(vsa_nsm_response_decode(answer, &response, NULL), VSA_OK);
    assert_int_equal(response.kind, VSA_NSM_DESCRIBE_NSM);
    assert_string_equal(response.description.module_id, FIXTURE_MODULE_ID);
    assert_int_equal(context->failure.status, VSA_OK);
}

static const char attestation[] = "a1 6b 4174746573746174696f6e a3 69 757365725f64617461 f6 "
                                  "65 6e6f6e6365 f6 6a 7075626c69635f6b6579 f6";

static void test_document(void **state)
{
    struct context *context = *state;
    struct vsa_nsm_response response;
    uint64_t length = 0;
    /* More room than any response takes, as a program may offer, is not more than the limit. */
    struct vsa_slice answer = exchange(context, from_hex(attestation), UINT64_MAX, &length);
    assert_in_range(length, 3000, VSA_NSM_MAX_RESPONSE);
    assert_int_equal(vsa_nsm_response_decode(answer, &response, NULL), VSA_OK);
    assert_int_equal(response.kind, VSA_NSM_ATTESTATION);
}

static void test_cut_response(void **state)
{
    struct context *context = *state;
    uint64_t length = 0;
    struct vsa_slice answer = exchange(context, from_hex(attestation), 100, &length);
    struct vsa_slice head = from_hex("a1 6b 4174746573746174696f6e a1 68 646f63756d656e74 59");
    assert_int_equal(length, 100);
    assert_memory_equal(answer.data, head.data, head.size);
    (void)exchange(context, from_hex(attestation), 1, &length);
    assert_int_equal(length, 1);
    (void)exchange(context, from_hex(attestation), 0, &length);
    assert_int_equal(length, 0);
}

static void test_no_request(void **state)
{
    struct context *context = *state;
    struct vsa_slice error = from_hex("a1 65 4572726f72 70 496e76616c69644f7065726174696f6e");
    uint64_t length = 0;
    struct vsa_slice answer = exchange(context, nothing, VSA_NSM_MAX_RESPONSE, &length);
    assert_int_equal(answer.size, error.size);
    assert_memory_equal(answer.data, error.data, error.size);
    uint8_t longest[VSA_NSM_MAX_REQUEST];
    memset(longest, 0xff, sizeof(longest));
    answer =
        exchange(context, vsa_slice_of(longest, sizeof(longest)), VSA_NSM_MAX_RESPONSE, &length);
    assert_int_equal(answer.size, error.size);
    assert_memory_equal(answer.data, error.data, error.size);
}

/* --- what the real driver refuses ------------------------------------------------------------ */

static void test_request_too_long(void **state)
{
    struct context *context = *state;
    const uint64_t lengths[] = {VSA_NSM_MAX_REQUEST + 1, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct vsa_nsm_raw raw = raw_of(lengths[i], VSA_NSM_MAX_RESPONSE);
        assert_int_equal(send_ioctl(context, 0, &raw, nothing), EMSGSIZE);
        assert_int_equal(context->reply.size, sizeof(struct fuse_out_header));
    }
}

static void test_other_ioctls(void **state)
{
    struct context *context = *state;
    const uint32_t commands[] = {0, 0xc0200a01, 0xc0100a00, 0x5401, UINT32_MAX};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct fuse_ioctl_in in = {.flags = FUSE_IOCTL_UNRESTRICTED, .cmd = commands[i]};
        begin(context, FUSE_IOCTL);
        add(context, &in, sizeof(in));
        assert_int_equal(deliver(context), EINVAL);
    }
}

static void test_other_operations(void **state)
{
    struct context *context = *state;
    const uint32_t refused[] = {FUSE_READ, FUSE_WRITE, FUSE_FSYNC};
    const uint32_t unknown[] = {FUSE_POLL, FUSE_INIT, FUSE_LOOKUP, 0, 4095, UINT32_MAX};
    const uint32_t silent[] = {FUSE_INTERRUPT, FUSE_FORGET, FUSE_BATCH_FORGET};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        begin(context, refused[i]);
        assert_int_equal(deliver(context), EINVAL);
    }
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        begin(context, unknown[i]);
        assert_int_equal(deliver(context), ENOSYS);
    }
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
        begin(context, silent[i]);
        set_length(context, (uint32_t)context->size);
        deliver_bytes(context);
        assert_null(context->reply.data);
    }
}

/* --- messages that no kernel sends, and programs that change their memory meanwhile ---------- */

static void test_changed_struct(void **state)
{
    struct context *context = *state;
    struct vsa_slice request = from_hex("6b 44657363726962654e534d");
    struct vsa_nsm_raw raw = raw_of(request.size + 1, VSA_NSM_MAX_RESPONSE);
    assert_int_equal(send_ioctl(context, 32 + VSA_NSM_MAX_RESPONSE, &raw, request), EFAULT);
    raw = raw_of(UINT64_MAX, VSA_NSM_MAX_RESPONSE);
    assert_int_equal(send_ioctl(context, 32 + VSA_NSM_MAX_RESPONSE, &raw, request), EFAULT);
    raw = raw_of(request.size, 200);
    assert_int_equal(send_ioctl(context, 32 + 100, &raw, request), EFAULT);
    assert_int_equal(send_ioctl(context, 32, &raw, request), EFAULT);
    assert_int_equal(send_ioctl(context, 32 + 200, &raw, request), 0);
}

static void test_bad_sizes(void **state)
{
    struct context *context = *state;
    struct vsa_slice request = from_hex("6b 44657363726962654e534d");
    struct vsa_nsm_raw raw = raw_of(request.size, 100);
    /* Room for less than the struct. */
    assert_int_equal(send_ioctl(context, 31, &raw, request), EIO);
    assert_int_equal(send_ioctl(context, 0, &raw, request), EIO);
    /* Less than the struct. */
    assert_int_equal(send_ioctl(context, 0, NULL, request), EIO);
    assert_int_equal(send_ioctl(context, 132, NULL, nothing), EIO);
    /* in_size is not what follows. */
    struct fuse_ioctl_in in = {.flags = FUSE_IOCTL_UNRESTRICTED, .cmd = NSM_IOCTL};
    for (uint32_t size = 1; size != 0; size *= 2) {
        in.in_size = size;
        begin(context, FUSE_IOCTL);
        add(context, &in, sizeof(in));
        assert_int_equal(deliver(context), EIO);
    }
    /* Not asked for unrestricted ioctls after all. */
    in = (struct fuse_ioctl_in){.cmd = NSM_IOCTL};
    begin(context, FUSE_IOCTL);
    add(context, &in, sizeof(in));
    assert_int_equal(deliver(context), EIO);
}

static void test_short_messages(void **state)
{
    struct context *context = *state;
    struct fuse_ioctl_in in = {.flags = FUSE_IOCTL_UNRESTRICTED, .cmd = NSM_IOCTL};
    for (size_t size = 0; size < sizeof(struct fuse_in_header); size++) {
        begin(context, FUSE_IOCTL);
        context->size = size;
        deliver_bytes(context);
        assert_null(context->reply.data);
    }
    for (size_t size = 0; size < sizeof(in); size++) {
        begin(context, FUSE_IOCTL);
        add(context, &in, size);
        assert_int_equal(deliver(context), EIO);
    }
}

static void test_wrong_length(void **state)
{
    struct context *context = *state;
    const uint32_t lengths[] = {0, 1, sizeof(struct fuse_in_header) - 1,
                                sizeof(struct fuse_in_header) + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct fuse_out_header header;
        begin(context, FUSE_OPEN);
        set_length(context, lengths[i]);
        deliver_bytes(context);
        assert_int_equal(context->reply.size, sizeof(header));
        memcpy(&header, context->reply.data, sizeof(header));
        assert_int_equal(header.error, -EIO);
    }
}

/* Whatever comes, an answer is absent or fits and repeats what the message was. */
static void test_any_bytes(void **state)
{
    struct context *context = *state;
    const uint32_t opcodes[] = {CUSE_INIT, FUSE_OPEN, FUSE_IOCTL, FUSE_IOCTL, FUSE_IOCTL};
    uint64_t random = 0x9e3779b97f4a7c15; /* xorshift64, the same bytes every time */
    for (unsigned round = 0; round < 20000; round++) {
        struct fuse_ioctl_in in = {.flags = FUSE_IOCTL_UNRESTRICTED, .cmd = NSM_IOCTL};
        begin(context, opcodes[round % 5]);
        size_t size = (size_t)(random % 200);
        in.in_size = (uint32_t)(size > sizeof(in) ? size - sizeof(in) : 0);
        in.out_size = round % 3 ? (uint32_t)(random >> 32) % 13000 : 0;
        for (size_t i = 0; i < size; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            uint8_t byte = (uint8_t)random;
            if (round & 8)
                byte = i % 8 ? 0 : byte; /* small numbers */
            add(context, &byte, 1);
        }
        if (round & 16 && size >= sizeof(in))
            memcpy(context->message + sizeof(struct fuse_in_header), &in, sizeof(in));
        (void)deliver(context);
    }
}

/* --- */

static int set_up(void **state)
{
    uint8_t root[VSA_MAX_CERTIFICATE];
    size_t root_size = 0;
    struct context *context = calloc(1, sizeof(*context));
    assert_non_null(context);
    context->nsm = fixture_software_nsm(root, &root_size);
    assert_int_equal(vsa_cuse_init(&context->cuse, context->nsm, "nsm", NULL), VSA_OK);
    *state = context;
    return 0;
}

static int tear_down(void **state)
{
    struct context *context = *state;
    vsa_software_nsm_free(context->nsm);
    free(context);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_init),
        TEST(test_init_versions),
        TEST(test_names),
        TEST(test_open_and_release),
        TEST(test_request),
        TEST(test_document),
        TEST(test_cut_response),
        TEST(test_no_request),
        TEST(test_request_too_long),
        TEST(test_other_ioctls),
        TEST(test_other_operations),
        TEST(test_changed_struct),
        TEST(test_bad_sizes),
        TEST(test_short_messages),
        TEST(test_wrong_length),
        TEST(test_any_bytes),
    };
    return cmocka_run_group_tests_name("cuse", tests, NULL, NULL);
}
