/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed requests and replies, and the key configuration of a document. The first byte chooses the
 * KEM and which of the three the rest is; keys are always the same.
 */
#include <string.h>

#include "fuzz.h"
#include "seal/exchange.h"

#define MAX_SEALED 4096

enum part { CONFIG, REQUEST, REPLY, PARTS };

static const struct kem {
    uint16_t number;
    size_t scalar_size;
} kems[] = {{VSA_HPKE_X25519, 32}, {VSA_HPKE_P256, 32}, {VSA_HPKE_P384, 48}};

struct party {
    struct vsa_key_config config;
    struct vsa_dh_key *key;
};

static const struct party *party_of(size_t index)
{
    static struct party parties[sizeof(kems) / sizeof(kems[0])];
    static const uint8_t scalar[VSA_MAX_DH_SECRET] = {1, 2, 3, [31] = 4, [47] = 5};
    struct party *party = &parties[index];
    if (party->key)
        return party;
    party->config.suite = vsa_hpke_find_suite(kems[index].number);
    FUZZ_REQUIRE(party->config.suite != NULL);
    FUZZ_REQUIRE(vsa_dh_key_from_scalar(party->config.suite->group,
                                        vsa_slice_of(scalar, kems[index].scalar_size), &party->key,
                                        NULL) == VSA_OK);
    vsa_dh_public(party->key, party->config.public_key);
    return party;
}

/* What is read is written to the same bytes. */
static void check_config(const struct party *party, struct vsa_slice user_data)
{
    uint8_t spki[VSA_MAX_DH_SPKI];
    uint8_t written[VSA_SEAL_PURPOSE_SIZE + VSA_MAX_KEY_CONFIG];
    struct vsa_key_config config;
    size_t size = vsa_dh_write_spki(party->config.suite->group, party->config.public_key, spki);
    if (vsa_key_config_read(user_data, vsa_slice_of(spki, size), &config, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(vsa_key_config_write(&config, written) == user_data.size);
    FUZZ_REQUIRE(memcmp(written, user_data.data, user_data.size) == 0);
    FUZZ_CALL(vsa_key_config_read(vsa_slice_of(spki, size), user_data, &config, NULL));
}

static void check_request(const struct party *party, struct vsa_slice sealed)
{
    static uint8_t plaintext[MAX_SEALED];
    struct vsa_seal_exchange exchange = {.label = VSA_SEAL_LABEL};
    FUZZ_CALL(vsa_seal_read_request(&party->config, party->key, vsa_slice_of(NULL, 0), sealed,
                                    plaintext, &exchange, NULL));
    vsa_seal_exchange_wipe(&exchange);
}

/* To a request that was really made. */
static void check_reply(const struct party *party, struct vsa_slice sealed)
{
    static uint8_t buffer[MAX_SEALED];
    struct vsa_seal_exchange exchange = {.label = VSA_SEAL_LABEL};
    FUZZ_REQUIRE(vsa_seal_write_request(&party->config, NULL, vsa_slice_of(NULL, 0),
                                        vsa_slice_of_text("{}"), buffer, &exchange,
                                        NULL) == VSA_OK);
    /* Its key is of a fresh exchange: nothing that was made before opens. */
    FUZZ_REQUIRE(vsa_seal_read_reply(&exchange, sealed, buffer, NULL) != VSA_OK);
    vsa_seal_exchange_wipe(&exchange);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > MAX_SEALED)
        return 0;
    const struct party *party = party_of(data[0] / PARTS % (sizeof(kems) / sizeof(kems[0])));
    struct vsa_slice bytes = vsa_slice_of(data + 1, size - 1);
    switch ((enum part)(data[0] % PARTS)) {
    case CONFIG:
        check_config(party, bytes);
        break;
    case REQUEST:
        check_request(party, bytes);
        break;
    case REPLY:
    case PARTS:
        check_reply(party, bytes);
        break;
    }
    return 0;
}
