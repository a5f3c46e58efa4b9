/* SPDX-License-Identifier: Apache-2.0 */
#include "sealed_lines.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/pem.h"
#include "base/slice.h"
#include "fuzz.h"
#include "seal/key_config.h"
#include "seal/sender.h"
#include "json/value.h"
#include <vsattest/limits.h>

static struct {
    struct vsa_seal_recipient *recipient;
    struct vsa_sender *sender;
    char pem[1024];
} clients;

static struct vsa_seal_recipient *recipient_of(struct vsa_slice user_data,
                                               struct vsa_slice public_key)
{
    struct vsa_seal_recipient *recipient = NULL;
    struct vsa_claims claims = {
        .nonce_checked = true, .user_data = user_data, .public_key = public_key};
    return vsa_seal_recipient_new(&claims, &recipient, NULL) == VSA_OK ? recipient : NULL;
}

static void take(struct vsa_seal_recipient *recipient)
{
    if (!recipient)
        return;
    vsa_seal_recipient_free(clients.recipient);
    clients.recipient = recipient;
}

static void make_sender(void)
{
    static uint8_t private_key[512];
    struct vsa_key *key = NULL;
    struct vsa_slice der;
    FUZZ_REQUIRE(vsa_key_generate(VSA_CURVE_P384, &key, NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_key_write_private(key, private_key, sizeof(private_key), &der, NULL) ==
                 VSA_OK);
    FUZZ_REQUIRE(vsa_sender_new(der, &clients.sender, NULL) == VSA_OK);
    char *base64 = clients.pem + sprintf(clients.pem, "-----BEGIN PUBLIC KEY-----\n");
    FUZZ_REQUIRE(vsa_base64_encode(vsa_slice_of(clients.sender->public_key, VSA_P384_SPKI_SIZE),
                                   base64, 256, NULL) == VSA_OK);
    (void)strcat(clients.pem, "\n-----END PUBLIC KEY-----\n");
    vsa_key_free(key);
}

void sealed_lines_begin(void)
{
    static struct vsa_key_config other;
    uint8_t user_data[VSA_SEAL_PURPOSE_SIZE + VSA_MAX_KEY_CONFIG];
    uint8_t spki[VSA_MAX_DH_SPKI];
    if (!clients.sender)
        make_sender();
    if (!other.suite) {
        struct vsa_dh_key *key = NULL;
        other.suite = vsa_hpke_find_suite(VSA_HPKE_X25519);
        FUZZ_REQUIRE(vsa_dh_key_generate(other.suite->group, &key, NULL) == VSA_OK);
        vsa_dh_public(key, other.public_key);
        vsa_dh_key_free(key);
    }
    size_t size = vsa_key_config_write(&other, user_data);
    size_t spki_size = vsa_dh_write_spki(other.suite->group, other.public_key, spki);
    take(recipient_of(vsa_slice_of(user_data, size), vsa_slice_of(spki, spki_size)));
}

/* A hostile NSM's document may be anything. */
void sealed_lines_learn(const json_t *reply)
{
    static uint8_t buffer[VSA_MAX_DOCUMENT];
    struct vsa_unverified_document parsed;
    struct vsa_slice document;
    const json_t *text = json_object_get(reply, "attestation_document");
    if (!json_is_string(text) || !json_object_get(reply, "key_id"))
        return;
    if (vsa_base64_decode(vsa_json_string_slice(text), VSA_BASE64_STRICT, buffer, sizeof(buffer),
                          &document, NULL) == VSA_OK &&
        vsa_document_parse(document, &parsed, NULL) == VSA_OK)
        take(recipient_of(parsed.user_data, parsed.public_key));
}

struct vsa_slice sealed_lines_sender(void)
{
    return vsa_slice_of_text(clients.pem);
}

void sealed_lines_write(const char *inner, unsigned manner, long long id, char *line,
                        size_t capacity, struct vsa_seal_pending **pending)
{
    static uint8_t bytes[VSA_SEAL_MAX_SEALED];
    static char base64[2 * VSA_SEAL_MAX_SEALED];
    const struct vsa_sender *sender = manner & SEALED_SIGNED ? clients.sender : NULL;
    struct vsa_slice aad = vsa_slice_of_text(sender ? "tenant" : "");
    struct vsa_slice sealed;
    FUZZ_REQUIRE(vsa_seal_signed_request(clients.recipient, sender, aad, vsa_slice_of_text(inner),
                                         bytes, sizeof(bytes), &sealed, pending, NULL) == VSA_OK);
    if (manner & SEALED_CHANGED)
        bytes[(size_t)id * 7 % sealed.size] ^= 1;
    FUZZ_REQUIRE(vsa_base64_encode(sealed, base64, sizeof(base64), NULL) == VSA_OK);
    int size =
        snprintf(line, capacity, "{\"command\":\"sealed\",\"sealed\":\"%s\",%s\"id\":%lld}\n",
                 base64, sender ? "\"aad\":\"dGVuYW50\"," : "", id);
    FUZZ_REQUIRE(size > 0 && (size_t)size < capacity);
}

void sealed_lines_check(struct vsa_seal_pending *pending, const json_t *reply)
{
    static uint8_t sealed[VSA_SEAL_MAX_SEALED];
    static uint8_t opened[VSA_SEAL_MAX_SEALED];
    struct vsa_slice bytes;
    struct vsa_slice text;
    FUZZ_REQUIRE(vsa_base64_decode(vsa_json_string_slice(json_object_get(reply, "sealed")),
                                   VSA_BASE64_STRICT, sealed, sizeof(sealed), &bytes,
                                   NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_seal_open_reply(pending, bytes, opened, sizeof(opened), &text, NULL) ==
                 VSA_OK);
    FUZZ_REQUIRE(text.size % 256 == 0);
    json_t *inner = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *success = json_object_get(inner, "success");
    FUZZ_REQUIRE(json_is_boolean(success));
    FUZZ_REQUIRE(json_is_true(success) == !json_object_get(inner, "error_code"));
    json_decref(inner);
}
