/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's sealed requests, against a parent and an enclave of which the input says what they
 * reply: three bytes for the KEM, the reply to `seal_key` and the one to `sealed`, the rest for
 * what is in them. Documents are genuine, and so is the seal, unless it says otherwise: what comes
 * behind signature and tag is reached.
 */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/slice.h"
#include "fuzz.h"
#include "one_peer.h"
#include "seal/exchange.h"
#include "software_nsm/documents.h"
#include "json/value.h"
#include <vsattest/client.h>
#include <vsattest/seal.h>
#include <vsattest/transport.h>

/* 2026-01-01T00:00:00Z */
#define NOW_MS   INT64_C(1767225600000)
#define MAX_REST 4096
#define MAX_LINE (3 * VSA_SEAL_MAX_SEALED)

enum key_reply {
    KEY_GOOD,
    KEY_EXPIRES,     /* the rest is the JSON of "expires_in_ms" */
    KEY_LINE,        /* the rest is the line */
    KEY_USER_DATA,   /* the document's is another one: the rest is xored to it */
    KEY_PUBLIC_KEY,  /* ... its public key */
    KEY_NO_DOCUMENT, /* the rest is what is signed instead */
    KEY_REPLIES,
};

enum sealed_reply {
    SEALED_TEXT,  /* the rest is sealed */
    SEALED_XOR,   /* the rest is xored to a sealed reply */
    SEALED_CUT,   /* of a sealed reply, as many bytes are missing as the rest has */
    SEALED_BYTES, /* the rest is not sealed, only in base64 */
    SEALED_LINE,  /* the rest is the line */
    SEALED_HANG_UP,
    SEALED_REPLIES,
};

static const uint16_t kems[] = {VSA_HPKE_X25519, VSA_HPKE_P256, VSA_HPKE_P384};

static struct {
    struct vsa_authority *authority;
    struct vsa_verifier *verifier;
    struct vsa_key_config configs[3];
    struct vsa_dh_key *keys[3];

    struct vsa_key_config config;
    const struct vsa_dh_key *key;
    enum key_reply key_reply;
    enum sealed_reply sealed_reply;
    struct vsa_slice rest;
    bool altered; /* the rest changed something: nothing may come of it */
    char line[VSA_MAX_REQUEST_LINE];
    size_t filled;
} enclave;

/* --- the enclave ------------------------------------------------------------------------------ */

/* Once, for all inputs. */
static void make_enclave(void)
{
    static uint8_t buffer[VSA_MAX_CERTIFICATE];
    static const uint8_t scalar[VSA_MAX_DH_SECRET] = {1, 2, 3, [31] = 4, [47] = 5};
    struct vsa_slice root;
    struct vsa_key *key = NULL;
    struct vsa_module_id module_id;
    if (enclave.authority)
        return;
    FUZZ_REQUIRE(vsa_module_id_make("i-0123456789abcdef0", 1, &module_id, NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_authority_make_root(NOW_MS, &key, buffer, sizeof(buffer), &root, NULL) ==
                 VSA_OK);
    FUZZ_REQUIRE(vsa_authority_new(key, root, &module_id, &enclave.authority, NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_authority_refresh(enclave.authority, NOW_MS, NULL) == VSA_OK);
    enclave.verifier = vsa_verifier_new();
    FUZZ_REQUIRE(vsa_verifier_add_root(enclave.verifier, root, NULL) == VSA_OK);
    for (size_t i = 0; i < 3; i++) {
        struct vsa_key_config *config = &enclave.configs[i];
        config->suite = vsa_hpke_find_suite(kems[i]);
        struct vsa_slice bytes = vsa_slice_of(scalar, vsa_dh_secret_size(config->suite->group));
        FUZZ_REQUIRE(vsa_dh_key_from_scalar(config->suite->group, bytes, &enclave.keys[i], NULL) ==
                     VSA_OK);
        vsa_dh_public(enclave.keys[i], config->public_key);
    }
}

static void xor_rest(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < enclave.rest.size && i < size; i++) {
        bytes[i] ^= enclave.rest.data[i];
        enclave.altered |= enclave.rest.data[i] != 0;
    }
}

/* The key's number is the enclave's choice: a document with another one is as good. */
static void alter_user_data(uint8_t *user_data, size_t size)
{
    uint8_t chosen[VSA_SEAL_PURPOSE_SIZE + VSA_MAX_KEY_CONFIG];
    xor_rest(user_data, size);
    enclave.config.key_id = user_data[VSA_SEAL_PURPOSE_SIZE];
    (void)vsa_key_config_write(&enclave.config, chosen);
    enclave.altered = memcmp(user_data, chosen, size) != 0;
}

static struct vsa_slice sign_document(struct vsa_slice nonce)
{
    static uint8_t buffer[VSA_MAX_DOCUMENT];
    static struct vsa_pcr_bank bank;
    uint8_t user_data[VSA_SEAL_PURPOSE_SIZE + VSA_MAX_KEY_CONFIG];
    uint8_t spki[VSA_MAX_DH_SPKI];
    struct vsa_slice document;
    size_t user_data_size = vsa_key_config_write(&enclave.config, user_data);
    size_t spki_size =
        vsa_dh_write_spki(enclave.config.suite->group, enclave.config.public_key, spki);
    if (enclave.key_reply == KEY_USER_DATA)
        alter_user_data(user_data, user_data_size);
    if (enclave.key_reply == KEY_PUBLIC_KEY)
        xor_rest(spki, spki_size);
    vsa_pcr_bank_init(&bank);
    struct vsa_software_document content = {
        .pcrs = &bank,
        .timestamp_ms = NOW_MS,
        .public_key = vsa_slice_of(spki, spki_size),
        .user_data = vsa_slice_of(user_data, user_data_size),
        .nonce = nonce,
    };
    FUZZ_REQUIRE(vsa_software_document_sign(enclave.authority, &content, buffer, sizeof(buffer),
                                            &document, NULL) == VSA_OK);
    return document;
}

static void send_line(const char *line)
{
    one_peer_send(vsa_slice_of_text(line));
}

static void send_rest(void)
{
    one_peer_send(enclave.rest);
    one_peer_send(vsa_slice_of_text("\n"));
}

static void reply_with_key(const json_t *request, long long id)
{
    static char base64[2 * VSA_MAX_DOCUMENT];
    static char line[sizeof(base64) + MAX_REST + 200];
    static const char good[] = "3600000";
    struct vsa_slice expires = vsa_slice_of_text(good);
    struct vsa_slice document = enclave.rest;
    if (enclave.key_reply == KEY_LINE) {
        send_rest();
        return;
    }
    if (enclave.key_reply == KEY_EXPIRES)
        expires = enclave.rest;
    if (enclave.key_reply != KEY_NO_DOCUMENT)
        document = sign_document(vsa_json_string_slice(json_object_get(request, "nonce")));
    FUZZ_REQUIRE(vsa_base64_encode(document, base64, sizeof(base64), NULL) == VSA_OK);
    (void)snprintf(line, sizeof(line),
                   "{\"success\":true,\"id\":%lld,\"attestation_document\":\"%s\","
                   "\"expires_in_ms\":%.*s}\n",
                   id, base64, (int)expires.size, (const char *)expires.data);
    send_line(line);
}

/* What the client sealed is what arrives. */
static void open_request(const json_t *request, struct vsa_seal_exchange *exchange)
{
    static uint8_t sealed[VSA_SEAL_MAX_SEALED];
    static uint8_t opened[VSA_SEAL_MAX_SEALED];
    struct vsa_slice bytes;
    FUZZ_REQUIRE(vsa_base64_decode(vsa_json_string_slice(json_object_get(request, "sealed")),
                                   VSA_BASE64_STRICT, sealed, sizeof(sealed), &bytes,
                                   NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_seal_read_request(&enclave.config, enclave.key, vsa_slice_of(NULL, 0), bytes,
                                       opened, exchange, NULL) == VSA_OK);
    FUZZ_REQUIRE(memcmp(opened, "{\"command\":\"x\"} ", 16) == 0);
}

static void reply_sealed(const json_t *request, long long id)
{
    static uint8_t sealed[MAX_REST + 256];
    static char base64[2 * sizeof(sealed)];
    static char line[sizeof(base64) + 100];
    struct vsa_seal_exchange exchange = {.label = VSA_SEAL_LABEL};
    struct vsa_slice text = vsa_slice_of_text("{\"success\":true}");
    if (enclave.sealed_reply == SEALED_TEXT)
        text = enclave.rest;
    open_request(request, &exchange);
    FUZZ_REQUIRE(vsa_seal_write_reply(&exchange, NULL, text, sealed, NULL) == VSA_OK);
    size_t size = text.size + vsa_seal_reply_overhead(enclave.config.suite);
    vsa_seal_exchange_wipe(&exchange);
    struct vsa_slice bytes = vsa_slice_of(sealed, size);
    if (enclave.sealed_reply == SEALED_XOR)
        xor_rest(sealed, size);
    if (enclave.sealed_reply == SEALED_CUT && enclave.rest.size > 0) {
        bytes.size -= enclave.rest.size < size ? enclave.rest.size : size;
        enclave.altered = true;
    }
    if (enclave.sealed_reply == SEALED_BYTES) {
        bytes = enclave.rest;
        enclave.altered = true;
    }
    FUZZ_REQUIRE(vsa_base64_encode(bytes, base64, sizeof(base64), NULL) == VSA_OK);
    (void)snprintf(line, sizeof(line), "{\"success\":true,\"id\":%lld,\"sealed\":\"%s\"}\n", id,
                   base64);
    send_line(line);
}

static void reply_to(const json_t *request)
{
    long long id = json_integer_value(json_object_get(request, "id"));
    const char *command = json_string_value(json_object_get(request, "command"));
    if (strcmp(command, "seal_key") == 0)
        reply_with_key(request, id);
    else if (enclave.sealed_reply == SEALED_LINE)
        send_rest();
    else if (enclave.sealed_reply == SEALED_HANG_UP)
        one_peer_hang_up();
    else
        reply_sealed(request, id);
}

static bool act(struct vsa_slice request)
{
    if (!request.data)
        return false;
    FUZZ_REQUIRE(request.size <= sizeof(enclave.line) - enclave.filled);
    memcpy(enclave.line + enclave.filled, request.data, request.size);
    enclave.filled += request.size;
    if (enclave.line[enclave.filled - 1] != '\n')
        return true;
    json_t *object = json_loadb(enclave.line, enclave.filled, JSON_REJECT_DUPLICATES, NULL);
    FUZZ_REQUIRE(object != NULL);
    enclave.filled = 0;
    reply_to(object);
    json_decref(object);
    return true;
}

/* --- the client ------------------------------------------------------------------------------- */

static int64_t clock_of_input(const void *context)
{
    (void)context;
    return NOW_MS;
}

/* What is not from the enclave makes a request neither fail for sure nor succeed. */
static void check_request(struct vsa_sealed_enclave *sealed_enclave)
{
    json_t *request = json_pack("{s:s}", "command", "x");
    json_t *reply = NULL;
    struct vsa_error error = {.status = VSA_OK};
    struct vsa_slice no_aad = {0};
    enum vsa_status status = vsa_sealed_request(sealed_enclave, request, no_aad, &reply, &error);
    FUZZ_REQUIRE((status == VSA_OK) == (reply != NULL));
    FUZZ_REQUIRE(error.status == status);
    if (status == VSA_OK)
        FUZZ_REQUIRE(!enclave.altered && json_is_true(json_object_get(reply, "success")));
    if (enclave.altered || enclave.sealed_reply == SEALED_LINE ||
        enclave.sealed_reply == SEALED_HANG_UP)
        FUZZ_REQUIRE(status == VSA_ERR_OUTCOME);
    json_decref(reply);
    json_decref(request);
}

static void run_client(struct vsa_client *client)
{
    struct vsa_policy policy;
    struct vsa_error error = {.status = VSA_OK};
    struct vsa_sealed_enclave *sealed_enclave = NULL;
    vsa_policy_init(&policy);
    policy.allow_debug = true; /* no PCR is set */
    enum vsa_status status = vsa_client_seal(client, enclave.verifier, &policy, clock_of_input,
                                             NULL, NULL, &sealed_enclave, &error);
    FUZZ_REQUIRE((status == VSA_OK) == (sealed_enclave != NULL) && error.status == status);
    if (enclave.altered || enclave.key_reply == KEY_LINE || enclave.key_reply == KEY_NO_DOCUMENT)
        FUZZ_REQUIRE(status != VSA_OK);
    if (enclave.key_reply == KEY_GOOD)
        FUZZ_REQUIRE(status == VSA_OK);
    if (status == VSA_OK)
        check_request(sealed_enclave);
    vsa_sealed_enclave_free(sealed_enclave);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char address[VSA_MAX_ADDRESS];
    struct vsa_client *client = NULL;
    if (size < 3 || size - 3 > MAX_REST)
        return 0;
    make_enclave();
    enclave.config = enclave.configs[data[0] % 3];
    enclave.key = enclave.keys[data[0] % 3];
    enclave.key_reply = data[1] % KEY_REPLIES;
    enclave.sealed_reply = data[2] % SEALED_REPLIES;
    enclave.rest = vsa_slice_of(data + 3, size - 3);
    enclave.altered = false;
    enclave.filled = 0;
    (void)snprintf(address, sizeof(address), "unix:%s", one_peer_listen());
    FUZZ_REQUIRE(vsa_client_new(address, NULL, &client, NULL) == VSA_OK);
    one_peer_begin(act);
    run_client(client);
    vsa_client_free(client);
    one_peer_end();
    return 0;
}
