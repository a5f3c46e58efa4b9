/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/challenge.h"

#include "base/base64.h"
#include "base/builder.h"
#include "base/error.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "crypto/hkdf.h"
#include "verifierd/limits.h"

#define VERSION     0x01
#define HEAD_SIZE   (VSA_CHALLENGE_SIZE - VSA_CHALLENGE_MAC_SIZE)
#define TIME_SIZE   6
#define RANDOM_SIZE 16

static const char purpose[] = "vsattest-challenge-v1";
static const char id_purpose[] = "vsattest-challenge-key-id";

/* --- keys ------------------------------------------------------------------------------------- */

static enum vsa_status name_key(struct vsa_challenge_key *key, struct vsa_error *error)
{
    uint8_t mac[VSA_MAX_HASH_SIZE];
    const struct vsa_slice part = vsa_slice_of_text(id_purpose);
    VSA_TRY(vsa_hmac(VSA_HASH_SHA384, vsa_slice_of(key->secret, key->size), &part, 1, mac, error));
    key->id = mac[0];
    return VSA_OK;
}

static enum vsa_status parse_key(struct vsa_slice line, struct vsa_challenge_key *key,
                                 struct vsa_error *error)
{
    struct vsa_slice secret;
    if (vsa_base64_decode(line, VSA_BASE64_URL | VSA_BASE64_UNPADDED, key->secret,
                          sizeof(key->secret), &secret, NULL) != VSA_OK ||
        secret.size < VSA_MIN_CHALLENGE_SECRET)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "a challenge key is a line of base64, of %d to %d bytes: head -c 48 "
                        "/dev/urandom | base64 -w0",
                        VSA_MIN_CHALLENGE_SECRET, VSA_MAX_CHALLENGE_SECRET);
    key->size = secret.size;
    return name_key(key, error);
}

/* Takes the next line out of `text`, without its end and white space around it. */
static struct vsa_slice next_line(struct vsa_slice *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->size);
    size_t size = end ? (size_t)(end - text->data) : text->size;
    struct vsa_slice line = vsa_slice_of(text->data, size);
    size_t taken = end ? size + 1 : size;
    *text = vsa_slice_of(text->data + taken, text->size - taken);
    while (line.size && (line.data[line.size - 1] == '\r' || line.data[line.size - 1] == ' '))
        line.size--;
    return line;
}

static enum vsa_status parse_keys(struct vsa_slice file, struct vsa_challenge_keys *keys,
                                  struct vsa_error *error)
{
    while (file.size) {
        struct vsa_slice line = next_line(&file);
        if (!line.size)
            continue;
        if (keys->count == 2)
            return vsa_fail(error, VSA_ERR_ARGUMENT, "more than two challenge keys");
        VSA_TRY(parse_key(line, &keys->keys[keys->count], error));
        keys->count++;
    }
    if (!keys->count)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "no challenge key in the file");
    if (keys->count == 2 && keys->keys[0].id == keys->keys[1].id)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "both challenge keys have the id %02x, as one pair in 256 has: make "
                        "another new key",
                        keys->keys[0].id);
    return VSA_OK;
}

enum vsa_status vsa_challenge_keys_parse(struct vsa_slice file, struct vsa_challenge_keys *keys,
                                         struct vsa_error *error)
{
    struct vsa_challenge_keys parsed = {0};
    enum vsa_status status = parse_keys(file, &parsed, error);
    if (status == VSA_OK)
        *keys = parsed;
    vsa_wipe(&parsed, sizeof(parsed));
    return status;
}

enum vsa_status vsa_challenge_keys_generate(struct vsa_challenge_keys *keys,
                                            struct vsa_error *error)
{
    *keys = (struct vsa_challenge_keys){.count = 1};
    keys->keys[0].size = VSA_MIN_CHALLENGE_SECRET;
    VSA_TRY(vsa_random(keys->keys[0].secret, keys->keys[0].size, error));
    return name_key(&keys->keys[0], error);
}

/* --- challenges ------------------------------------------------------------------------------- */

static enum vsa_status compute_mac(const struct vsa_challenge_key *key, struct vsa_slice policy,
                                   const uint8_t head[HEAD_SIZE], uint8_t mac[VSA_MAX_HASH_SIZE],
                                   struct vsa_error *error)
{
    const struct vsa_slice parts[] = {
        vsa_slice_of_text(purpose),
        policy,
        vsa_slice_of("", 1),
        vsa_slice_of(head, HEAD_SIZE),
    };
    return vsa_hmac(VSA_HASH_SHA384, vsa_slice_of(key->secret, key->size), parts,
                    sizeof(parts) / sizeof(parts[0]), mac, error);
}

enum vsa_status vsa_challenge_make(const struct vsa_challenge_keys *keys, struct vsa_slice policy,
                                   int64_t now_ms, char text[VSA_CHALLENGE_TEXT + 1],
                                   struct vsa_error *error)
{
    uint8_t bytes[VSA_CHALLENGE_SIZE];
    uint8_t random[RANDOM_SIZE];
    uint8_t mac[VSA_MAX_HASH_SIZE];
    struct vsa_slice made;
    struct vsa_builder builder = vsa_builder_of(bytes, sizeof(bytes));
    VSA_TRY(vsa_random(random, sizeof(random), error));
    vsa_builder_append_byte(&builder, VERSION);
    vsa_builder_append_byte(&builder, keys->keys[0].id);
    vsa_builder_append_big_endian(&builder, (uint64_t)now_ms, TIME_SIZE);
    vsa_builder_append(&builder, vsa_slice_of(random, sizeof(random)));
    VSA_TRY(compute_mac(&keys->keys[0], policy, bytes, mac, error));
    vsa_builder_append(&builder, vsa_slice_of(mac, VSA_CHALLENGE_MAC_SIZE));
    VSA_TRY(vsa_builder_finish(&builder, &made, error));
    return vsa_base64url_encode(made, text, VSA_CHALLENGE_TEXT + 1, error);
}

static const struct vsa_challenge_key *find_key(const struct vsa_challenge_keys *keys, uint8_t id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->keys[i].id == id)
            return &keys->keys[i];
    return NULL;
}

static int64_t issue_time(const uint8_t head[HEAD_SIZE])
{
    int64_t time_ms = 0;
    for (size_t i = 0; i < TIME_SIZE; i++)
        time_ms = time_ms << 8 | head[2 + i];
    return time_ms;
}

static enum vsa_challenge_verdict judge_age(int64_t issued_ms, int64_t now_ms, int64_t skew_ms)
{
    if (issued_ms > now_ms + skew_ms)
        return VSA_CHALLENGE_FROM_FUTURE;
    return issued_ms < now_ms - VSA_CHALLENGE_LIFETIME_MS ? VSA_CHALLENGE_EXPIRED
                                                          : VSA_CHALLENGE_VALID;
}

enum vsa_status vsa_challenge_check(const struct vsa_challenge_keys *keys, struct vsa_slice policy,
                                    struct vsa_slice text, int64_t now_ms, int64_t skew_ms,
                                    enum vsa_challenge_verdict *verdict,
                                    struct vsa_challenge *challenge, struct vsa_error *error)
{
    uint8_t bytes[VSA_CHALLENGE_SIZE];
    uint8_t mac[VSA_MAX_HASH_SIZE];
    struct vsa_slice decoded;
    *verdict = VSA_CHALLENGE_MALFORMED;
    if (text.size != VSA_CHALLENGE_TEXT ||
        vsa_base64url_decode(text, bytes, sizeof(bytes), &decoded, NULL) != VSA_OK ||
        bytes[0] != VERSION)
        return VSA_OK;
    *verdict = VSA_CHALLENGE_UNKNOWN;
    const struct vsa_challenge_key *key = find_key(keys, bytes[1]);
    if (!key)
        return VSA_OK;
    VSA_TRY(compute_mac(key, policy, bytes, mac, error));
    if (!vsa_slice_equal_constant_time(vsa_slice_of(mac, VSA_CHALLENGE_MAC_SIZE),
                                       vsa_slice_of(bytes + HEAD_SIZE, VSA_CHALLENGE_MAC_SIZE)))
        return VSA_OK;
    int64_t issued_ms = issue_time(bytes);
    *verdict = judge_age(issued_ms, now_ms, skew_ms);
    if (*verdict == VSA_CHALLENGE_VALID) {
        challenge->issued_ms = issued_ms;
        memcpy(challenge->mac, mac, sizeof(challenge->mac));
    }
    return VSA_OK;
}
