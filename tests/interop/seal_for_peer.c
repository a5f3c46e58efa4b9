/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seals random requests to a key that a peer made, and opens the peer's replies:
 *
 *     seal_for_peer NSM_ADDRESS ROOT_FILE KEY_CONFIG_HEX COUNT <replies >requests
 *
 * The software NSM signs a document about the key, so that requests are sealed to verified claims,
 * as a user's are. A reply holds the associated data in hex, and the request as it came.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "seal/key_config.h"
#include "json/value.h"
#include <vsattest/attestation.h>
#include <vsattest/nsm.h>
#include <vsattest/seal.h>

/* Of 31 members with 71 bytes each. */
#define MAX_FILLING (31 * 71)

static struct vsa_error error;

static void check(enum vsa_status status, const char *what)
{
    if (status == VSA_OK)
        return;
    fprintf(stderr, "seal_for_peer: %s: %s [%s]\n", what, error.detail, vsa_status_code(status));
    exit(1);
}

static void require(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "seal_for_peer: %s\n", what);
    exit(1);
}

static struct vsa_verifier *trust(const char *path)
{
    static char pem[16384];
    FILE *file = fopen(path, "rb");
    require(file, "no root certificate");
    size_t size = fread(pem, 1, sizeof(pem), file);
    (void)fclose(file);
    struct vsa_verifier *verifier = vsa_verifier_new();
    check(vsa_verifier_add_root(verifier, vsa_slice_of(pem, size), &error), "root");
    return verifier;
}

/* Has the NSM attest to the key, as an enclave does, and verifies the document. */
static struct vsa_seal_recipient *attested(const char *nsm_address, const char *root,
                                           const char *config_hex)
{
    uint8_t user_data[VSA_SEAL_PURPOSE_SIZE + VSA_MAX_KEY_CONFIG] = VSA_SEAL_PURPOSE;
    uint8_t *config = user_data + VSA_SEAL_PURPOSE_SIZE;
    uint8_t spki[VSA_MAX_DH_SPKI];
    uint8_t nonce[32];
    struct vsa_slice hex = vsa_slice_of_text(config_hex);
    struct vsa_slice document;
    struct vsa_nsm *nsm = NULL;
    struct vsa_seal_recipient *recipient = NULL;
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct timespec now;
    require(hex.size > 6 && hex.size / 2 <= VSA_MAX_KEY_CONFIG, "size of the key configuration");
    check(vsa_hex_decode(hex, config, hex.size / 2, &error), "key configuration");
    const struct vsa_hpke_suite *suite =
        vsa_hpke_find_suite((uint16_t)(config[1] << 8 | config[2]));
    require(suite && hex.size / 2 == (size_t)suite->enc_size + 9, "suite");
    size_t spki_size = vsa_dh_write_spki(suite->group, config + 3, spki);
    check(vsa_random(nonce, sizeof(nonce), &error), "nonce");
    check(vsa_nsm_open(nsm_address, 20000, &nsm, &error), "NSM");
    check(vsa_nsm_attest(nsm, vsa_slice_of(user_data, VSA_SEAL_PURPOSE_SIZE + hex.size / 2),
                         vsa_slice_of(nonce, sizeof(nonce)), vsa_slice_of(spki, spki_size),
                         &document, &error),
          "document");
    vsa_policy_init(&policy);
    policy.nonce = vsa_slice_of(nonce, sizeof(nonce));
    (void)clock_gettime(CLOCK_REALTIME, &now);
    struct vsa_verifier *verifier = trust(root);
    check(vsa_verify(verifier, document, &policy,
                     (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, &claims, &error),
          "verification");
    check(vsa_seal_recipient_new(&claims, &recipient, &error), "recipient");
    vsa_verifier_free(verifier);
    vsa_nsm_free(nsm);
    return recipient;
}

static void send_request(struct vsa_slice sealed, struct vsa_slice aad)
{
    static char text[VSA_MAX_REQUEST_LINE];
    check(vsa_base64_encode(sealed, text, sizeof(text), &error), "base64");
    printf("{\"command\":\"sealed\",\"sealed\":\"%s\"", text);
    if (aad.size > 0) {
        check(vsa_base64_encode(aad, text, sizeof(text), &error), "base64");
        printf(",\"aad\":\"%s\"", text);
    }
    puts("}");
    require(fflush(stdout) == 0, "the peer is gone");
}

static struct vsa_slice receive_reply(uint8_t *sealed, size_t capacity)
{
    static char line[VSA_MAX_REPLY_LINE];
    struct vsa_slice bytes;
    require(fgets(line, sizeof(line), stdin), "no reply");
    json_t *reply = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    json_t *member = json_object_get(reply, "sealed");
    require(json_is_string(member), line);
    check(vsa_base64_decode(vsa_json_string_slice(member), VSA_BASE64_STRICT, sealed, capacity,
                            &bytes, &error),
          "base64 of a reply");
    json_decref(reply);
    return bytes;
}

/* Makes one request, and compares what comes back with what was sent. */
static void exchange_once(const struct vsa_seal_recipient *recipient, bool with_aad)
{
    static uint8_t sealed[VSA_SEAL_MAX_SEALED];
    static uint8_t opened[VSA_SEAL_MAX_SEALED];
    static const char filling[] =
        "................................................................";
    uint8_t random[24];
    char id[2 * 24 + 1];
    char aad_hex[2 * 24 + 1] = "";
    char request[MAX_FILLING + 200];
    char expected[MAX_FILLING + 400];
    struct vsa_seal_pending *pending = NULL;
    struct vsa_slice bytes;
    struct vsa_slice text;
    check(vsa_random(random, sizeof(random), &error), "random");
    vsa_hex_encode(vsa_slice_of(random, sizeof(random)), id, sizeof(id));
    int size = snprintf(request, sizeof(request), "{\"command\":\"ping\",\"id\":\"%s\"", id);
    for (int i = 0; i < random[0] % 32; i++)
        size += snprintf(request + size, sizeof(request) - (size_t)size, ",\"%d\":\"%.*s\"", i,
                         random[1] % 64, filling);
    (void)snprintf(request + size, sizeof(request) - (size_t)size, "}");
    struct vsa_slice aad = vsa_slice_of(random, with_aad ? sizeof(random) : 0);
    vsa_hex_encode(aad, aad_hex, sizeof(aad_hex));
    (void)snprintf(expected, sizeof(expected), "{\"success\":true,\"aad\":\"%s\",\"request\":%s}",
                   aad_hex, request);
    check(vsa_seal_request(recipient, aad, vsa_slice_of_text(request), sealed, sizeof(sealed),
                           &bytes, &pending, &error),
          "sealing");
    send_request(bytes, aad);
    bytes = receive_reply(sealed, sizeof(sealed));
    check(vsa_seal_open_reply(pending, bytes, opened, sizeof(opened), &text, &error),
          "opening the reply");
    require(text.size % 256 == 0, "a reply is not padded");
    while (text.size > 0 && text.data[text.size - 1] == ' ')
        text.size--;
    require(vsa_slice_equal(text, vsa_slice_of_text(expected)), "a reply to another request");
    vsa_seal_pending_free(pending);
}

int main(int argc, char **argv)
{
    require(argc == 5, "usage: seal_for_peer NSM_ADDRESS ROOT_FILE KEY_CONFIG_HEX COUNT");
    struct vsa_seal_recipient *recipient = attested(argv[1], argv[2], argv[3]);
    long count = strtol(argv[4], NULL, 10);
    for (long i = 0; i < count; i++)
        exchange_once(recipient, i % 2 == 1);
    vsa_seal_recipient_free(recipient);
    fprintf(stderr, "%ld", count);
    return 0;
}
