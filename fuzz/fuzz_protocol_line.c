/* SPDX-License-Identifier: Apache-2.0 */
/* One line of the wire protocol, as the server reads a request and as the client reads a reply. */
#include "fuzz.h"

#include <string.h>

#include "base/slice.h"
#include "protocol/attest.h"
#include "protocol/forwarded.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "protocol/service.h"

static bool same(struct vsa_slice a, struct vsa_slice b)
{
    return (a.data == NULL) == (b.data == NULL) && a.size == b.size &&
           (a.size == 0 || (a.data && b.data && memcmp(a.data, b.data, a.size) == 0));
}

/* What was understood means the same when it is sent on. */
static void check_attest_request(const json_t *object)
{
    static struct vsa_attest_buffers buffers;
    static struct vsa_attest_buffers buffers_again;
    struct vsa_attest_request request;
    struct vsa_attest_request again;
    if (vsa_attest_request_decode(object, &buffers, &request, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(request.user_data.size <= VSA_MAX_FIELD && request.nonce.size <= VSA_MAX_FIELD);
    VSA_AUTO_JSON json_t *encoded = NULL;
    FUZZ_REQUIRE(vsa_attest_request_encode(&request, &encoded, NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_attest_request_decode(encoded, &buffers_again, &again, NULL) == VSA_OK);
    FUZZ_REQUIRE(same(request.user_data, again.user_data) && same(request.nonce, again.nonce) &&
                 request.generate_key == again.generate_key);
    struct vsa_slice nonce = {0};
    FUZZ_REQUIRE(vsa_attest_nonce_decode(object, buffers_again.nonce, &nonce, NULL) == VSA_OK);
    FUZZ_REQUIRE(same(request.nonce, nonce));
}

/* Only what is sealed stays in the line, and is the member that would be in the object. */
static void check_sealed(struct vsa_slice line, const json_t *whole, enum vsa_status status)
{
    VSA_AUTO_JSON json_t *object = NULL;
    struct vsa_slice apart = {0};
    FUZZ_REQUIRE(vsa_json_parse_sealed(line, &object, &apart, NULL) == status);
    if (apart.data) {
        FUZZ_REQUIRE(
            vsa_slice_equal(vsa_json_string_slice(json_object_get(whole, "sealed")), apart));
        FUZZ_REQUIRE(json_object_del(object, "sealed") == 0);
        FUZZ_REQUIRE(json_object_size(object) + 1 == json_object_size(whole));
        FUZZ_REQUIRE(json_object_update_missing(object, (json_t *)(uintptr_t)whole) == 0);
    }
    FUZZ_REQUIRE(status != VSA_OK || json_equal(object, whole));
}

static void check_request(const json_t *object)
{
    const char *command = NULL;
    json_t *id = NULL;
    FUZZ_CALL(vsa_request_command(object, &command, NULL));
    FUZZ_CALL(vsa_request_id(object, &id, NULL));
    check_attest_request(object);
}

static void check_reply(const json_t *object)
{
    static struct vsa_attest_reply_buffers buffers;
    struct vsa_attest_reply attestation;
    struct vsa_service_status status;
    struct vsa_error error = {.status = VSA_OK};
    if (vsa_reply_check(object, &error) != VSA_OK)
        FUZZ_REQUIRE(memchr(error.detail, '\0', sizeof(error.detail)) != NULL);
    FUZZ_CALL(vsa_ping_reply_decode(object, NULL));
    FUZZ_CALL(vsa_service_status_decode(object, &status, NULL));
    if (vsa_attest_reply_decode(object, &buffers, &attestation, NULL) == VSA_OK)
        FUZZ_REQUIRE(attestation.document.size > 0 &&
                     attestation.document.size <= VSA_MAX_DOCUMENT);
}

/* A line as an application's reply, and as a request on its way there. */
static void check_forwarded(struct vsa_slice line, json_t *object)
{
    static char buffer[VSA_MAX_REPLY_LINE];
    const struct vsa_forwarded_facts facts = {true, vsa_slice_of("a", 1), 3, "sender"};
    VSA_AUTO_JSON json_t *reply = NULL;
    enum vsa_status said = VSA_ERR_INTERNAL;
    struct vsa_slice written;
    if (vsa_forwarded_reply_decode(line, &reply, &said, NULL) == VSA_OK)
        FUZZ_REQUIRE((said == VSA_OK) == json_is_true(json_object_get(reply, "success")));
    if (vsa_forwarded_encode(object, &facts, buffer, &written, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(written.size <= sizeof(buffer) &&
                 memchr(written.data, '\n', written.size) == written.data + written.size - 1);
    FUZZ_REQUIRE(json_is_true(json_object_get(json_object_get(object, "vsattest"), "sealed")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VSA_AUTO_JSON json_t *object = NULL;
    struct vsa_slice line = vsa_slice_of(data, size);
    if (size > VSA_MAX_REPLY_LINE)
        return 0;
    enum vsa_status status = vsa_json_parse(line, &object, NULL);
    check_sealed(line, object, status);
    if (status != VSA_OK)
        return 0;
    FUZZ_REQUIRE(json_is_object(object));
    check_request(object);
    check_reply(object);
    check_forwarded(line, object);
    return 0;
}
