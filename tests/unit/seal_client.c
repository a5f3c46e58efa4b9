/* SPDX-License-Identifier: Apache-2.0 */
#include "seal_client.h"

#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/slice.h"

void seal_client_init(struct seal_client *client, const struct vsa_key_config *config)
{
    uint8_t user_data[VSA_SEAL_PURPOSE_SIZE + VSA_MAX_KEY_CONFIG];
    uint8_t spki[VSA_MAX_DH_SPKI];
    struct vsa_claims claims = {.nonce_checked = true};
    memset(client, 0, sizeof(*client));
    claims.user_data = vsa_slice_of(user_data, vsa_key_config_write(config, user_data));
    claims.public_key =
        vsa_slice_of(spki, vsa_dh_write_spki(config->suite->group, config->public_key, spki));
    assert_int_equal(vsa_seal_recipient_new(&claims, &client->recipient, NULL), VSA_OK);
}

void seal_client_free(struct seal_client *client)
{
    vsa_seal_pending_free(client->pending);
    vsa_seal_recipient_free(client->recipient);
    client->pending = NULL;
    client->recipient = NULL;
}

const char *seal_client_line(struct seal_client *client, const char *aad)
{
    char encoded[4 * VSA_SEAL_MAX_AAD];
    size_t at = strlen("{\"command\":\"sealed\",\"sealed\":\"");
    memcpy(client->line, "{\"command\":\"sealed\",\"sealed\":\"", at);
    assert_int_equal(vsa_base64_encode(vsa_slice_of(client->bytes, client->size), client->line + at,
                                       sizeof(client->line) - at, NULL),
                     VSA_OK);
    at = strlen(client->line);
    if (aad) {
        assert_int_equal(vsa_base64_encode(vsa_slice_of_text(aad), encoded, sizeof(encoded), NULL),
                         VSA_OK);
        (void)snprintf(client->line + at, sizeof(client->line) - at,
                       "\",\"aad\":\"%s\",\"id\":\"outer\"}\n", encoded);
    } else {
        (void)snprintf(client->line + at, sizeof(client->line) - at, "\",\"id\":\"outer\"}\n");
    }
    return client->line;
}

const char *seal_client_seal(struct seal_client *client, const struct vsa_sender *sender,
                             const char *aad, const char *json)
{
    struct vsa_slice sealed;
    struct vsa_slice data = aad ? vsa_slice_of_text(aad) : vsa_slice_of(NULL, 0);
    vsa_seal_pending_free(client->pending);
    client->pending = NULL;
    assert_int_equal(vsa_seal_signed_request(
                         client->recipient, sender, data, vsa_slice_of_text(json), client->bytes,
                         sizeof(client->bytes), &sealed, &client->pending, NULL),
                     VSA_OK);
    client->size = sealed.size;
    return seal_client_line(client, aad);
}

const char *seal_client_open(struct seal_client *client, const char *line)
{
    static const char head[] = "{\"success\":true,\"sealed\":\"";
    static const char tail[] = "\",\"id\":\"outer\"}\n";
    static uint8_t bytes[VSA_SEAL_MAX_SEALED];
    static char opened[VSA_SEAL_MAX_SEALED + 1];
    struct vsa_slice sealed;
    struct vsa_slice plaintext;
    size_t size = strlen(line);
    if (strncmp(line, head, strlen(head)) != 0 || size < strlen(head) + strlen(tail) ||
        strcmp(line + size - strlen(tail), tail) != 0)
        fail_msg("no sealed reply: %s", line);
    struct vsa_slice text = vsa_slice_of(line + strlen(head), size - strlen(head) - strlen(tail));
    assert_int_equal(
        vsa_base64_decode(text, VSA_BASE64_STRICT, bytes, sizeof(bytes), &sealed, NULL), VSA_OK);
    assert_int_equal(vsa_seal_open_reply(client->pending, sealed, (uint8_t *)opened,
                                         sizeof(opened) - 1, &plaintext, NULL),
                     VSA_OK);
    assert_int_equal(plaintext.size % 256, 0);
    while (plaintext.size > 0 && opened[plaintext.size - 1] == ' ')
        plaintext.size--;
    opened[plaintext.size] = '\0';
    return opened;
}
