/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed requests of the client, against an enclave and a parent with a script. */
#include "unit_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/slice.h"
#include "forge.h"
#include "seal/exchange.h"
#include "seal/sender.h"
#include "json/value.h"
#include <vsattest/client.h>
#include <vsattest/key.h>
#include <vsattest/seal.h>
#include <vsattest/transport.h>

#define PATIENCE_MS 20000

/* What is done with a sealed request, by the enclave or on the way. */
enum deed {
    ANSWER,         /* {"success":true,"got":<the request's text>} */
    ANSWER_REFUSES, /* an error, inside of the seal */
    ANSWER_NO_JSON,
    ANSWER_OLD,  /* the reply to the first request once more */
    FLIP,        /* a bit of the reply */
    CUT,         /* its last byte */
    NO_SEALED,   /* success, and nothing sealed */
    BAD_BASE64,  /* in "sealed" */
    OUTER_ERROR, /* sealed_key_unknown, in clear */
    OUTER_BUSY,  /* with a wish to be asked again */
    HANG_UP,     /* after the request */
    SILENCE,     /* until the client goes */
};

struct peer {
    struct vsa_listener listener;
    pthread_t thread;
    bool ended;
    char address[VSA_MAX_ADDRESS];
    char directory[32];
    /* Read and written at the same time where the peer hangs up or keeps silent, so atomic. */
    _Atomic(enum deed) deed;
    size_t flipped; /* bit of the reply */
    long expires_in_ms;
    bool other_purpose; /* of the document */
    struct vsa_dh_key *key;
    struct vsa_key_config config;
    /* seen */
    atomic_int keys;
    atomic_int requests;
    char text[VSA_SEAL_MAX_PLAINTEXT + 1]; /* the last opened request */
    char sender[VSA_SENDER_THUMBPRINT + 1];
    char first_reply[2 * VSA_SEAL_MAX_SEALED];
};

static struct peer peer;
static struct forge forge;

/* --- the enclave ------------------------------------------------------------------------------ */

static void say(int fd, const char *text)
{
    enum vsa_status ignored =
        vsa_send_all(fd, vsa_slice_of_text(text), vsa_deadline(PATIENCE_MS), NULL);
    (void)ignored; /* a client that is gone is the client's affair */
}

/* A byte string of CBOR in hex. */
static void set_field(enum forge_field field, struct vsa_slice bytes)
{
    static char hex[2][2 * VSA_MAX_FIELD + 16];
    static int used;
    char *text = hex[used++ % 2];
    int head = snprintf(text, 16, "58%02zx", bytes.size);
    vsa_hex_encode(bytes, text + head, sizeof(hex[0]) - (size_t)head);
    forge_set(&forge, field, text);
}

static void new_key(uint16_t kem)
{
    vsa_dh_key_free(peer.key);
    peer.key = NULL;
    peer.config.suite = vsa_hpke_find_suite(kem);
    peer.config.key_id++;
    assert_int_equal(vsa_dh_key_generate(peer.config.suite->group, &peer.key, NULL), VSA_OK);
    vsa_dh_public(peer.key, peer.config.public_key);
}

static void say_key(int fd, const json_t *request, long long id)
{
    static char base64[2 * VSA_MAX_DOCUMENT];
    static char line[VSA_MAX_REPLY_LINE];
    uint8_t user_data[VSA_SEAL_PURPOSE_SIZE + VSA_MAX_KEY_CONFIG];
    uint8_t spki[VSA_MAX_DH_SPKI];
    forge_reset(&forge);
    size_t size = vsa_key_config_write(&peer.config, user_data);
    user_data[9] ^= peer.other_purpose ? 1 : 0;
    set_field(FORGE_FIELD_USER_DATA, vsa_slice_of(user_data, size));
    size = vsa_dh_write_spki(peer.config.suite->group, peer.config.public_key, spki);
    set_field(FORGE_FIELD_PUBLIC_KEY, vsa_slice_of(spki, size));
    char nonce[4 + 2 * VSA_NONCE_TEXT_SIZE] = "5840";
    vsa_hex_encode(vsa_json_string_slice(json_object_get(request, "nonce")), nonce + 4,
                   sizeof(nonce) - 4);
    forge_set(&forge, FORGE_FIELD_NONCE, nonce);
    assert_int_equal(vsa_base64_encode(forge_build(&forge), base64, sizeof(base64), NULL), VSA_OK);
    (void)snprintf(line, sizeof(line),
                   "{\"success\":true,\"id\":%lld,\"attestation_document\":\"%s\","
                   "\"expires_in_ms\":%ld}\n",
                   id, base64, peer.expires_in_ms);
    peer.keys++;
    say(fd, line);
}

static struct vsa_slice decoded(const json_t *request, const char *key, uint8_t *buffer,
                                size_t capacity)
{
    struct vsa_slice bytes = {0};
    const json_t *member = json_object_get(request, key);
    if (member)
        assert_int_equal(vsa_base64_decode(vsa_json_string_slice(member), VSA_BASE64_STRICT, buffer,
                                           capacity, &bytes, NULL),
                         VSA_OK);
    return bytes;
}

/* Opens the request, checks its signature, and keeps its text. */
static void open_request(const json_t *request, struct vsa_seal_exchange *exchange)
{
    static uint8_t sealed[VSA_SEAL_MAX_SEALED];
    static uint8_t opened[VSA_SEAL_MAX_SEALED];
    uint8_t buffer[VSA_SEAL_MAX_AAD];
    struct vsa_slice bytes = decoded(request, "sealed", sealed, sizeof(sealed));
    struct vsa_slice aad = decoded(request, "aad", buffer, sizeof(buffer));
    struct vsa_sender_binding binding = {.aad = aad};
    assert_int_equal(
        vsa_seal_read_request(&peer.config, peer.key, aad, bytes, opened, exchange, NULL), VSA_OK);
    struct vsa_slice text =
        vsa_slice_of(opened, bytes.size - vsa_seal_request_overhead(peer.config.suite));
    binding.enc = vsa_slice_of(exchange->enc, peer.config.suite->enc_size);
    peer.sender[0] = '\0';
    assert_int_equal(text.size % 256, 0);
    if (vsa_sender_is_signed(text))
        assert_int_equal(vsa_sender_verify(text, &binding, &text, peer.sender, NULL), VSA_OK);
    while (text.size > 0 && text.data[text.size - 1] == ' ')
        text.size--;
    memcpy(peer.text, text.data, text.size);
    peer.text[text.size] = '\0';
}

static const char *inner_reply(void)
{
    static char text[VSA_SEAL_MAX_PLAINTEXT + 100];
    static char longest[] = "{\"success\":true}";
    if (peer.deed == ANSWER_REFUSES)
        return "{\"success\":false,\"error\":\"queue full\",\"error_code\":\"busy\","
               "\"retry_after_ms\":5}";
    if (peer.deed == ANSWER_NO_JSON)
        return "no JSON";
    if (strlen(peer.text) > VSA_SEAL_MAX_PLAINTEXT / 2)
        return longest;
    (void)snprintf(text, sizeof(text), "{\"success\":true,\"got\":%s}   ", peer.text);
    return text;
}

static void say_reply(int fd, const json_t *request, long long id)
{
    static uint8_t sealed[VSA_SEAL_MAX_SEALED + 200];
    static char base64[2 * VSA_SEAL_MAX_SEALED];
    static char line[2 * VSA_SEAL_MAX_SEALED + 100];
    struct vsa_seal_exchange exchange = {.label = VSA_SEAL_LABEL};
    open_request(request, &exchange);
    struct vsa_slice text = vsa_slice_of_text(inner_reply());
    assert_int_equal(vsa_seal_write_reply(&exchange, NULL, text, sealed, NULL), VSA_OK);
    vsa_seal_exchange_wipe(&exchange);
    size_t size = text.size + vsa_seal_reply_overhead(peer.config.suite);
    if (peer.deed == FLIP)
        sealed[peer.flipped / 8 % size] ^= (uint8_t)(1 << peer.flipped % 8);
    if (peer.deed == CUT)
        size--;
    assert_int_equal(vsa_base64_encode(vsa_slice_of(sealed, size), base64, sizeof(base64), NULL),
                     VSA_OK);
    if (peer.deed != ANSWER_OLD || !peer.first_reply[0])
        (void)snprintf(peer.first_reply, sizeof(peer.first_reply), "%s", base64);
    (void)snprintf(line, sizeof(line), "{\"success\":true,\"id\":%lld,\"sealed\":\"%s\"}\n", id,
                   peer.first_reply);
    say(fd, line);
}

static bool on_sealed(int fd, const json_t *request, long long id)
{
    static const struct {
        enum deed deed;
        const char *members;
    } outer[] = {
        {NO_SEALED, "\"success\":true"},
        {BAD_BASE64, "\"success\":true,\"sealed\":\"?\""},
        {OUTER_ERROR, "\"success\":false,\"error\":\"no such key\","
                      "\"error_code\":\"sealed_key_unknown\""},
        {OUTER_BUSY, "\"success\":false,\"error\":\"queue full\","
                     "\"error_code\":\"busy\",\"retry_after_ms\":1"},
    };
    char line[200];
    peer.requests++;
    if (peer.deed == HANG_UP)
        return false;
    if (peer.deed == SILENCE)
        return true;
    for (size_t i = 0; i < sizeof(outer) / sizeof(outer[0]); i++)
        if (outer[i].deed == peer.deed) {
            (void)snprintf(line, sizeof(line), "{\"id\":%lld,%s}\n", id, outer[i].members);
            say(fd, line);
            return true;
        }
    say_reply(fd, request, id);
    return true;
}

static void serve_connection(int fd)
{
    static char buffer[VSA_MAX_REQUEST_LINE];
    struct vsa_line_reader reader = {fd, buffer, sizeof(buffer), 0, 0};
    struct vsa_slice line;
    bool goes_on = true;
    while (goes_on && vsa_read_line(&reader, vsa_deadline(PATIENCE_MS), &line, NULL) == VSA_OK) {
        json_t *request = json_loadb((const char *)line.data, line.size, 0, NULL);
        long long id = json_integer_value(json_object_get(request, "id"));
        if (strcmp(json_string_value(json_object_get(request, "command")), "seal_key") == 0)
            say_key(fd, request, id);
        else
            goes_on = on_sealed(fd, request, id);
        json_decref(request);
    }
    (void)close(fd);
}

static void *serve(void *unused)
{
    (void)unused;
    for (;;) {
        int fd = accept4(peer.listener.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        serve_connection(fd);
    }
}

/* --- the client ------------------------------------------------------------------------------- */

static struct vsa_client *client;
static struct vsa_verifier *verifier;
static struct vsa_policy policy;
static struct vsa_client_options options;
static struct vsa_sealed_enclave *enclave;
static struct vsa_error error;

static int set_up(void **state)
{
    (void)state;
    struct vsa_address address;
    static struct forge roots;
    peer = (struct peer){.expires_in_ms = 3600000};
    (void)strcpy(peer.directory, "/tmp/vsa-sealed-XXXXXX");
    if (!mkdtemp(peer.directory))
        return -1;
    (void)snprintf(peer.address, sizeof(peer.address), "unix:%s/s", peer.directory);
    new_key(VSA_HPKE_X25519);
    if (vsa_address_parse(peer.address, &address, NULL) != VSA_OK ||
        vsa_listen(&address, &peer.listener, NULL) != VSA_OK)
        return -1;
    /* Blocking: accept4() waits, and shutdown(2) ends it. */
    (void)fcntl(peer.listener.fd, F_SETFL, 0);
    if (pthread_create(&peer.thread, NULL, serve, NULL) != 0)
        return -1;
    forge_reset(&roots);
    verifier = vsa_verifier_new();
    vsa_policy_init(&policy);
    vsa_client_options_init(&options);
    options.timeout_ms = PATIENCE_MS;
    client = NULL;
    enclave = NULL;
    error = (struct vsa_error){.status = VSA_OK};
    return vsa_verifier_add_root(verifier, forge_genuine_root(&roots), NULL) == VSA_OK ? 0 : -1;
}

/* The client goes; the peer, once it has taken all that was sent. */
static void end_exchange(void)
{
    vsa_sealed_enclave_free(enclave);
    vsa_client_free(client);
    (void)shutdown(peer.listener.fd, SHUT_RDWR);
    (void)pthread_join(peer.thread, NULL);
    peer.ended = true;
}

static int tear_down(void **state)
{
    (void)state;
    if (!peer.ended)
        end_exchange();
    vsa_verifier_free(verifier);
    vsa_listener_close(&peer.listener);
    vsa_dh_key_free(peer.key);
    return rmdir(peer.directory);
}

static int64_t clock_of_forge(const void *context)
{
    (void)context;
    return FORGE_NOW_MS;
}

static enum vsa_status try_to_seal(const struct vsa_sender *sender)
{
    if (!client)
        assert_int_equal(vsa_client_new(peer.address, &options, &client, NULL), VSA_OK);
    return vsa_client_seal(client, verifier, &policy, clock_of_forge, NULL, sender, &enclave,
                           &error);
}

static void seal(void)
{
    if (try_to_seal(NULL) != VSA_OK)
        fail_msg("%s", error.detail);
}

static enum vsa_status request(const char *text, const char *aad, json_t **reply)
{
    json_t *object = json_loads(text, 0, NULL);
    struct vsa_slice bytes = {0};
    if (aad)
        bytes = vsa_slice_of_text(aad);
    enum vsa_status status = vsa_sealed_request(enclave, object, bytes, reply, &error);
    json_decref(object);
    return status;
}

/* The request reaches the enclave, and its reply the caller. */
static void assert_works(const char *aad)
{
    json_t *reply = NULL;
    int before = peer.requests;
    peer.deed = ANSWER;
    if (request("{\"command\":\"sign\",\"secret\":\"\\u00e9\"}", aad, &reply) != VSA_OK)
        fail_msg("%s", error.detail);
    assert_int_equal(peer.requests, before + 1);
    const json_t *got = json_object_get(reply, "got");
    assert_string_equal(json_string_value(json_object_get(got, "secret")), "\xc3\xa9");
    assert_null(json_object_get(got, "id"));
    json_decref(reply);
}

static void assert_unknown(enum deed deed, const char *words)
{
    json_t *reply = NULL;
    int requests = peer.requests;
    int keys = peer.keys;
    peer.deed = deed;
    assert_int_equal(request("{\"command\":\"sign\"}", NULL, &reply), VSA_ERR_OUTCOME);
    assert_int_equal(error.status, VSA_ERR_OUTCOME);
    if (!strstr(error.detail, words))
        fail_msg("\"%s\" does not say \"%s\"", error.detail, words);
    assert_null(reply);
    /* Sent once, whatever `retries` says; and the key is not used any more. */
    assert_int_equal(peer.requests, requests + 1);
    assert_works(NULL);
    assert_int_equal(peer.keys, keys + 1);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_request_and_reply(void **state)
{
    (void)state;
    static const uint16_t kems[] = {VSA_HPKE_X25519, VSA_HPKE_P384};
    for (size_t i = 0; i < 2; i++) {
        new_key(kems[i]);
        seal();
        for (int n = 0; n < 3; n++)
            assert_works(n ? "tenant-1" : NULL);
        assert_int_equal(peer.keys, i + 1);
        vsa_sealed_enclave_free(enclave);
        enclave = NULL;
    }
}

static void test_sender(void **state)
{
    (void)state;
    static const char key[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBrcm0K2TWPdsdvOmkI\n"
                              "-----END PRIVATE KEY-----\n";
    struct vsa_sender *sender = NULL;
    struct vsa_key_pair pair;
    assert_int_not_equal(vsa_sender_new(vsa_slice_of_text(key), &sender, NULL), VSA_OK);
    assert_int_equal(vsa_key_pair_generate(&pair, NULL), VSA_OK);
    assert_int_equal(
        vsa_sender_new(vsa_slice_of(pair.private_key, pair.private_key_size), &sender, NULL),
        VSA_OK);
    assert_int_equal(try_to_seal(sender), VSA_OK);
    assert_works("tenant-1");
    assert_string_equal(peer.sender, vsa_sender_thumbprint(sender));
    vsa_sealed_enclave_free(enclave);
    enclave = NULL;
    seal();
    assert_works(NULL);
    assert_string_equal(peer.sender, "");
    vsa_sender_free(sender);
    vsa_key_pair_wipe(&pair);
}

/* What the enclave itself refuses is its authentic word: nothing is unknown, the key stays. */
static void test_inner_error(void **state)
{
    (void)state;
    json_t *reply = NULL;
    options.retries = 5;
    seal();
    peer.deed = ANSWER_REFUSES;
    assert_int_equal(request("{\"command\":\"sign\"}", NULL, &reply), VSA_ERR_BUSY);
    assert_int_equal(peer.requests, 1);
    assert_works(NULL);
    assert_int_equal(peer.keys, 1);
}

static void test_unknown_outcomes(void **state)
{
    (void)state;
    options.retries = 5;
    seal();
    assert_works(NULL);
    assert_unknown(ANSWER_OLD, "perhaps carried out");
    assert_unknown(ANSWER_NO_JSON, "perhaps carried out");
    assert_unknown(CUT, "perhaps carried out");
    assert_unknown(NO_SEALED, "no \"sealed\"");
    assert_unknown(BAD_BASE64, "perhaps carried out");
    assert_unknown(OUTER_ERROR, "no such key");
    assert_unknown(OUTER_BUSY, "queue full");
    assert_unknown(HANG_UP, "closed the connection");
}

static void test_silence(void **state)
{
    (void)state;
    options.timeout_ms = 200;
    options.retries = 5;
    seal();
    json_t *reply = NULL;
    peer.deed = SILENCE;
    assert_int_equal(request("{\"command\":\"sign\"}", NULL, &reply), VSA_ERR_OUTCOME);
    end_exchange();
    assert_int_equal(peer.requests, 1);
}

/* No bit of the reply can be changed on its way. */
static void test_bit_flips(void **state)
{
    (void)state;
    seal();
    json_t *reply = NULL;
    size_t bits = 8 * (32 + 40 + 16);
    for (peer.flipped = 0; peer.flipped < bits; peer.flipped += 5) {
        peer.deed = FLIP;
        assert_int_equal(request("{\"command\":\"sign\"}", NULL, &reply), VSA_ERR_OUTCOME);
    }
    assert_works(NULL);
}

/* Nothing is sent, so nothing is unknown. */
static void test_not_sent(void **state)
{
    (void)state;
    json_t *reply = NULL;
    char *large = malloc(VSA_SEAL_MAX_PLAINTEXT + 100);
    char aad[VSA_SEAL_MAX_AAD + 2];
    seal();
    assert_int_equal(request("{}", NULL, &reply), VSA_ERR_REQUEST);
    assert_int_equal(request("[]", NULL, &reply), VSA_ERR_REQUEST);
    assert_int_equal(request("{\"command\":\"x\",\"id\":1}", NULL, &reply), VSA_ERR_REQUEST);
    memset(aad, 'a', sizeof(aad) - 1);
    aad[sizeof(aad) - 1] = '\0';
    assert_int_equal(request("{\"command\":\"x\"}", aad, &reply), VSA_ERR_TOO_LARGE);
    int head = sprintf(large, "{\"command\":\"x\",\"x\":\"");
    for (int i = 0; i < 3; i++) {
        static const size_t sizes[] = {VSA_SEAL_MAX_PLAINTEXT, VSA_SEAL_MAX_PLAINTEXT + 1,
                                       VSA_SEAL_MAX_PLAINTEXT + 90};
        memset(large + head, 'x', sizes[i] - (size_t)head - 2);
        strcpy(large + sizes[i] - 2, "\"}");
        assert_int_equal(request(large, NULL, &reply), i == 0 ? VSA_OK : VSA_ERR_TOO_LARGE);
    }
    assert_int_equal(peer.requests, 1);
    json_decref(reply);
    free(large);
}

/* A key is used for 7/8 of its life, and a new one is verified as the first was. */
static void test_expiry(void **state)
{
    (void)state;
    peer.expires_in_ms = 0;
    seal();
    assert_works(NULL);
    assert_works(NULL);
    assert_int_equal(peer.keys, 3);
    peer.expires_in_ms = 3600000;
    assert_works(NULL);
    assert_works(NULL);
    assert_int_equal(peer.keys, 4);
    peer.expires_in_ms = -1;
    vsa_sealed_enclave_free(enclave);
    enclave = NULL;
    assert_int_equal(try_to_seal(NULL), VSA_ERR_REPLY);
}

/* What does not verify gets no request: not at the beginning, and not with a later key. */
static void test_policy(void **state)
{
    (void)state;
    static uint8_t pcr[VSA_PCR_SIZE] = {1};
    policy.nonce = vsa_slice_of_text("mine");
    assert_int_equal(try_to_seal(NULL), VSA_ERR_ARGUMENT);
    policy.nonce = (struct vsa_slice){0};
    policy.user_data = vsa_slice_of_text("mine");
    assert_int_equal(try_to_seal(NULL), VSA_ERR_ARGUMENT);
    policy.user_data = (struct vsa_slice){0};
    assert_int_equal(vsa_policy_expect_pcr(&policy, 0, vsa_slice_of(pcr, sizeof(pcr)), NULL),
                     VSA_OK);
    assert_int_equal(try_to_seal(NULL), VSA_ERR_PCR_MISMATCH);
    vsa_policy_init(&policy);
    peer.other_purpose = true;
    assert_int_equal(try_to_seal(NULL), VSA_ERR_FIELD);
    assert_null(enclave);
    peer.other_purpose = false;
    peer.expires_in_ms = 0;
    seal();
    peer.other_purpose = true;
    json_t *reply = NULL;
    assert_int_equal(request("{\"command\":\"sign\"}", NULL, &reply), VSA_ERR_FIELD);
    assert_int_equal(peer.requests, 0);
}

static void *ask_many(void *failed)
{
    for (int i = 0; i < 20; i++) {
        json_t *object = json_pack("{s:s}", "command", "x");
        json_t *reply = NULL;
        struct vsa_slice none = {0};
        if (vsa_sealed_request(enclave, object, none, &reply, NULL) != VSA_OK)
            *(bool *)failed = true;
        json_decref(object);
        json_decref(reply);
    }
    return NULL;
}

/* On one connection, since this enclave serves one at a time. */
static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    bool failed[4] = {false};
    peer.expires_in_ms = 0;
    options.max_connections = 1;
    seal();
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, &failed[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(failed[i]);
    }
    assert_int_equal(peer.requests, 80);
    assert_int_equal(peer.keys, 81);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_request_and_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sender, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inner_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_outcomes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_silence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bit_flips, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expiry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
