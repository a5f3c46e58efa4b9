/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/slice.h"
#include "seal/exchange.h"

#define MAX_BYTES 512

struct bytes {
    uint8_t data[MAX_BYTES];
    size_t size;
};

static struct bytes from_hex(const char *hex)
{
    struct bytes bytes = {.size = strlen(hex) / 2};
    assert_true(bytes.size <= MAX_BYTES);
    assert_int_equal(vsa_hex_decode(vsa_slice_of_text(hex), bytes.data, bytes.size, NULL), VSA_OK);
    return bytes;
}

static struct vsa_slice slice(const struct bytes *bytes)
{
    return vsa_slice_of(bytes->data, bytes->size);
}

/* Key, request and reply of one case, all fixed. */
struct known {
    uint16_t kem;
    const char *scalar;
    const char *public_key;
    const char *sealed;
    const char *reply;
};

/* Opened by Go's crypto/hpke, @hpke/core and pyhpke when they were made. */
static const struct known ours[] = {
    {
        .kem = 0x0020,
        .scalar = "ee37f4b4e59ea5b757d7df8353c0a684c44c85697b651071cae50f9ef7cf711c",
        .public_key = "b53b2bbe0a36b16c9f82cdf46ea3a9f5e7b0096aa9dfcaa4c280c78b10937049",
        .sealed = "070020000100020bfce5c98ea1bd53bc735dd33bbcd2d41e0b045110094cb0f75d2c9c8a1c0f229b"
                  "67f06bfa"
                  "b5ce3de6032a630f483646b0792f99db9706fb557ed9b65da15fc102080a1750d4adf1e9499d151b"
                  "32d22d",
        .reply = "1e13993ffd096ac28c75ee178be835f560b6e7066ad264776337d127b4aeeec3dee9db307e62c2fd1"
                 "2e80e43"
                 "5805d920c811d601d56d3e46dabf9baac3164480250e15c951b5bfc47cb31fb141e42bdd0a1596034"
                 "d675b36",
    },
    {
        .kem = 0x0010,
        .scalar = "1e47c623e42b17e8ef922b1f3d8e0df05f3d5eb19feb866348034271153ce2fb",
        .public_key = "0490c2c8437f2efab305a504f251ab2c7a967670328d59827703851d4acee95ee9f907f2b3a8"
                      "af9f31832806"
                      "134c2a6f15f702c4b83c64809f1bd2f1822fb61916",
        .sealed = "07001000010002046ec664a3b0d5e3eeae9c43cac4669a5cb42f0b974781cce59e69ebb20814a298"
                  "9e06bf48"
                  "8a192eec8f8a85c3f6e76cf36e15a56da64120effc5ef9d1828b85751aefb78575003b66cb94fd3a"
                  "0054ab16"
                  "5a816522ad8ddcb73ab6412323f2cb6a95cb222aec9b85cc2ff7aa4dee8335fc",
        .reply = "1e13993ffd096ac28c75ee178be835f560b6e7066ad264776337d127b4aeeec32eb1787b3769d083d"
                 "f72c8ed"
                 "b4795798d622f790d915fc9c8f5f78971325e3a9cb2c62a08338c91e71dc1b0a553c15a807884e4cf"
                 "00de7ec",
    },
    {
        .kem = 0x0011,
        .scalar = "1d3c65bc84f5286e21cbe456de9cce5a52c0d05409e785ef37038c270aada03d7822a3ad9e7a3f3a"
                  "2ccd681e"
                  "b4c4611b",
        .public_key = "04432f2dffe648892c656e404870cc95661d367d4cc95dc1f598b3a8a53b224e25032ae56c0f"
                      "6cf0168e7897"
                      "2b242ff49a0c17f6e6ea516c84b5b975508ebcea0d496da9fb741441b1b019dfb87c25766cf8"
                      "d10949fed6aa"
                      "819e9e9de3e65db2de",
        .sealed = "07001100020002046d69552e0f7187adcc753bf516890fe432f103edbe469ef00de8f3d344f944d8"
                  "a128fdd3"
                  "db47fb5d80ca251c8e3845fb5e0547093c772077046a38083f1e0aca1da14a5815240d0cfade9942"
                  "541f5ae2"
                  "7ffa3df0f507044c2659251507c6b22ef0b2ed37f28a5e3b1a7d5a7d4d20eb46407c96801d43905c"
                  "54890408"
                  "108fe7fce61ef3737c8017e87fc40d067cbefacb",
        .reply = "1e13993ffd096ac28c75ee178be835f560b6e7066ad264776337d127b4aeeec39c5bdc5881a2c6d20"
                 "3471440"
                 "34311b22c91927399840c9f27c4ac16c26c048ae616a102c65d7d7eb3757f0a75b86cb619cb2b91e0"
                 "c0390c5",
    },
};

static const char request_text[] = "{\"command\":\"ping\",\"id\":1}       ";
static const char reply_text[] = "{\"success\":true,\"message\":\"pong\",\"id\":1}";
static const char reply_nonce[] =
    "1e13993ffd096ac28c75ee178be835f560b6e7066ad264776337d127b4aeeec3";

static struct vsa_dh_key *read_key(const struct vsa_hpke_suite *suite, const char *hex)
{
    struct vsa_dh_key *key = NULL;
    struct bytes scalar = from_hex(hex);
    assert_int_equal(vsa_dh_key_from_scalar(suite->group, slice(&scalar), &key, NULL), VSA_OK);
    return key;
}

static struct vsa_key_config config_of(const struct vsa_dh_key *key,
                                       const struct vsa_hpke_suite *suite, uint8_t key_id)
{
    struct vsa_key_config config = {.key_id = key_id, .suite = suite};
    vsa_dh_public(key, config.public_key);
    return config;
}

static void known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct vsa_hpke_suite *suite = vsa_hpke_find_suite(ours[i].kem);
        VSA_CLEANUP(vsa_cleanup_dh_key) struct vsa_dh_key *key = read_key(suite, ours[i].scalar);
        struct vsa_key_config config = config_of(key, suite, 7);
        struct bytes public_key = from_hex(ours[i].public_key);
        struct bytes sealed = from_hex(ours[i].sealed);
        struct bytes reply = from_hex(ours[i].reply);
        struct bytes nonce = from_hex(reply_nonce);
        struct vsa_seal_exchange exchange = {.label = VSA_SEAL_LABEL};
        uint8_t opened[MAX_BYTES];
        assert_memory_equal(config.public_key, public_key.data, public_key.size);
        assert_int_equal(vsa_seal_read_request(&config, key, vsa_slice_of_text("tenant-2"),
                                               slice(&sealed), opened, &exchange, NULL),
                         VSA_ERR_SEALED);
        assert_int_equal(vsa_seal_read_request(&config, key, vsa_slice_of_text("tenant-1"),
                                               slice(&sealed), opened, &exchange, NULL),
                         VSA_OK);
        assert_int_equal(sealed.size - vsa_seal_request_overhead(suite), strlen(request_text));
        assert_memory_equal(opened, request_text, strlen(request_text));
        uint8_t made[MAX_BYTES];
        assert_int_equal(
            vsa_seal_write_reply(&exchange, nonce.data, vsa_slice_of_text(reply_text), made, NULL),
            VSA_OK);
        assert_int_equal(reply.size, strlen(reply_text) + vsa_seal_reply_overhead(suite));
        assert_memory_equal(made, reply.data, reply.size);
        assert_int_equal(vsa_seal_read_reply(&exchange, slice(&reply), opened, NULL), VSA_OK);
        assert_memory_equal(opened, reply_text, strlen(reply_text));
        vsa_seal_exchange_wipe(&exchange);
    }
}

/* RFC 9458 appendix A: another label, and AES-128-GCM. */
static void known_answer_of_the_rfc(void **state)
{
    (void)state;
    struct vsa_hpke_suite suite = *vsa_hpke_find_suite(VSA_HPKE_X25519);
    suite.aead = 0x0001;
    suite.key_size = 16;
    VSA_CLEANUP(vsa_cleanup_dh_key)
    struct vsa_dh_key *key =
        read_key(&suite, "3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a");
    VSA_CLEANUP(vsa_cleanup_dh_key)
    struct vsa_dh_key *ephemeral =
        read_key(&suite, "bc51d5e930bda26589890ac7032f70ad12e4ecb37abb1b65b1256c9c48999c73");
    struct vsa_key_config config = config_of(key, &suite, 1);
    struct vsa_slice none = vsa_slice_of(NULL, 0);
    struct bytes request = from_hex("00034745540568747470730b6578616d706c652e636f6d012f");
    struct bytes sealed = from_hex(
        "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b47263"
        "74e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525");
    struct bytes response = from_hex("0140c8");
    struct bytes nonce = from_hex("c789e7151fcba46158ca84b04464910d");
    struct bytes reply =
        from_hex("c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd");
    struct vsa_seal_exchange sender = {.label = "message/bhttp"};
    struct vsa_seal_exchange opener = {.label = "message/bhttp"};
    uint8_t made[MAX_BYTES];
    assert_int_equal(
        vsa_seal_write_request(&config, ephemeral, none, slice(&request), made, &sender, NULL),
        VSA_OK);
    assert_int_equal(request.size + vsa_seal_request_overhead(&suite), sealed.size);
    assert_memory_equal(made, sealed.data, sealed.size);
    assert_int_equal(vsa_seal_read_request(&config, key, none, slice(&sealed), made, &opener, NULL),
                     VSA_OK);
    assert_memory_equal(made, request.data, request.size);
    assert_int_equal(vsa_seal_write_reply(&opener, nonce.data, slice(&response), made, NULL),
                     VSA_OK);
    assert_memory_equal(made, reply.data, reply.size);
    assert_int_equal(vsa_seal_read_reply(&sender, slice(&reply), made, NULL), VSA_OK);
    assert_memory_equal(made, response.data, response.size);
}

struct fixture {
    struct vsa_dh_key *key;
    struct vsa_key_config config;
    struct vsa_seal_exchange sender;
    struct vsa_seal_exchange opener;
    uint8_t sealed[MAX_BYTES];
    size_t size;
};

static void make_request(struct fixture *fixture, uint16_t kem)
{
    const struct vsa_hpke_suite *suite = vsa_hpke_find_suite(kem);
    struct vsa_slice text = vsa_slice_of_text(request_text);
    fixture->sender.label = fixture->opener.label = VSA_SEAL_LABEL;
    assert_int_equal(vsa_dh_key_generate(suite->group, &fixture->key, NULL), VSA_OK);
    fixture->config = config_of(fixture->key, suite, 200);
    assert_int_equal(vsa_seal_write_request(&fixture->config, NULL, vsa_slice_of_text("aad"), text,
                                            fixture->sealed, &fixture->sender, NULL),
                     VSA_OK);
    fixture->size = text.size + vsa_seal_request_overhead(suite);
}

static enum vsa_status open_request(struct fixture *fixture, size_t size, uint8_t *opened)
{
    return vsa_seal_read_request(&fixture->config, fixture->key, vsa_slice_of_text("aad"),
                                 vsa_slice_of(fixture->sealed, size), opened, &fixture->opener,
                                 NULL);
}

static void every_bit_of_a_request_counts(void **state)
{
    (void)state;
    static const uint16_t kems[] = {VSA_HPKE_X25519, VSA_HPKE_P256, VSA_HPKE_P384};
    for (size_t i = 0; i < 3; i++) {
        struct fixture fixture = {0};
        uint8_t opened[MAX_BYTES];
        make_request(&fixture, kems[i]);
        for (size_t bit = 0; bit < 8 * fixture.size; bit++) {
            /* RFC 7748 section 5: the top bit of an X25519 key is masked; `enc` is hashed as it is.
             */
            fixture.sealed[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            assert_int_equal(open_request(&fixture, fixture.size, opened), VSA_ERR_SEALED);
            fixture.sealed[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        size_t least = vsa_seal_request_overhead(fixture.config.suite);
        for (size_t size = 0; size < fixture.size; size++)
            assert_int_equal(open_request(&fixture, size, opened),
                             size < least ? VSA_ERR_FIELD : VSA_ERR_SEALED);
        assert_int_equal(open_request(&fixture, fixture.size, opened), VSA_OK);
        vsa_dh_key_free(fixture.key);
    }
}

static void a_reply_opens_for_its_request_only(void **state)
{
    (void)state;
    struct fixture one = {0};
    struct fixture other = {0};
    uint8_t opened[MAX_BYTES];
    uint8_t reply[MAX_BYTES];
    struct vsa_slice text = vsa_slice_of_text(reply_text);
    make_request(&one, VSA_HPKE_X25519);
    make_request(&other, VSA_HPKE_X25519);
    assert_int_equal(open_request(&one, one.size, opened), VSA_OK);
    assert_int_equal(vsa_seal_write_reply(&one.opener, NULL, text, reply, NULL), VSA_OK);
    size_t size = text.size + vsa_seal_reply_overhead(one.config.suite);
    struct vsa_slice sealed = vsa_slice_of(reply, size);
    assert_int_equal(vsa_seal_read_reply(&other.sender, sealed, opened, NULL), VSA_ERR_SEALED);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        reply[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_equal(vsa_seal_read_reply(&one.sender, sealed, opened, NULL), VSA_ERR_SEALED);
        reply[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(vsa_seal_read_reply(&one.sender, vsa_slice_of(reply, cut), opened, NULL),
                         VSA_ERR_SEALED);
    assert_int_equal(vsa_seal_read_reply(&one.sender, sealed, opened, NULL), VSA_OK);
    assert_memory_equal(opened, text.data, text.size);
    /* Two replies to one request have keys of their own. */
    uint8_t again[MAX_BYTES];
    assert_int_equal(vsa_seal_write_reply(&one.opener, NULL, text, again, NULL), VSA_OK);
    assert_memory_not_equal(reply, again, size);
    vsa_dh_key_free(one.key);
    vsa_dh_key_free(other.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(known_answer_of_the_rfc),
        cmocka_unit_test(every_bit_of_a_request_counts),
        cmocka_unit_test(a_reply_opens_for_its_request_only),
    };
    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
