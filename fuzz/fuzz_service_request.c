/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests to the verification service, and its file of clients. */
#include "base/printable.h"
#include "base/slice.h"
#include "fuzz.h"
#include "verifierd/clients.h"
#include "verifierd/request.h"
#include "json/load.h"

static void check_challenge_request(struct vsa_slice body)
{
    json_t *json = NULL;
    struct vsa_slice policy = {0};
    if (vsa_challenge_request_parse(body, &json, &policy, NULL) == VSA_OK)
        FUZZ_REQUIRE(policy.data);
    json_decref(json);
}

static void check_verify_request(struct vsa_slice body)
{
    struct vsa_verify_request request = {0};
    uint8_t *buffer = malloc(body.size + 1);
    FUZZ_REQUIRE(buffer);
    if (vsa_verify_request_parse(body, buffer, body.size, &request, NULL) == VSA_OK) {
        FUZZ_REQUIRE(request.document.data && request.policy.data);
        FUZZ_REQUIRE(request.document.size < body.size);
        FUZZ_REQUIRE(!request.audience.data || vsa_printable_all(request.audience));
    }
    vsa_verify_request_free(&request);
    free(buffer);
}

/* A string that is kept apart is the one that would be in the object. */
static void check_apart(struct vsa_slice body)
{
    static const struct vsa_json_limits limits = {.name = "it", .max_size = 65536, .max_depth = 8};
    json_t *whole = NULL;
    json_t *object = NULL;
    struct vsa_slice apart;
    enum vsa_status status = vsa_json_load_object(body, &limits, &whole, NULL);
    FUZZ_REQUIRE(vsa_json_load_object_apart(body, &limits, &object, &apart, NULL) == status);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        json_t *other = json_object_get(whole, key);
        FUZZ_REQUIRE(other && json_typeof(other) == json_typeof(value));
        if (json_is_string(value))
            FUZZ_REQUIRE(
                vsa_slice_equal(vsa_json_apart_slice(value, apart), vsa_json_string_slice(other)));
    }
    FUZZ_REQUIRE(json_object_size(object) == json_object_size(whole));
    json_decref(whole);
    json_decref(object);
}

static void check_clients(struct vsa_slice file)
{
    static struct vsa_client_list list;
    if (vsa_client_list_parse(file, &list, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(list.count <= VSA_MAX_CLIENTS);
    for (size_t i = 0; i < list.count; i++)
        FUZZ_REQUIRE(list.clients[i].name[0]);
    FUZZ_REQUIRE(!vsa_client_list_find(&list, "Bearer 0123456789012345678901234567890123"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_slice input = vsa_slice_of(data, size);
    check_challenge_request(input);
    check_verify_request(input);
    check_apart(input);
    FUZZ_CALL(vsa_audience_check(input, NULL));
    check_clients(input);
    return 0;
}
