/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges that clients send, and files of challenge keys. */
#include "base/base64.h"
#include "fuzz.h"
#include "verifierd/challenge.h"
#include "verifierd/limits.h"

#define NOW_MS INT64_C(1768478400000)

/* As from a client: what was not made with the key is not valid. */
static void check_challenge(struct vsa_slice text)
{
    static const struct vsa_challenge_keys keys = {
        .count = 1,
        .keys = {{.id = 0x41, .size = VSA_MIN_CHALLENGE_SECRET}},
    };
    enum vsa_challenge_verdict verdict;
    struct vsa_challenge challenge;
    FUZZ_REQUIRE(vsa_challenge_check(&keys, vsa_slice_of_text("policy"), text, NOW_MS,
                                     VSA_SERVICE_DEFAULT_SKEW_MS, &verdict, &challenge,
                                     NULL) == VSA_OK);
    FUZZ_REQUIRE(verdict != VSA_CHALLENGE_VALID);
}

/* As a file of keys: what is made with it is recognised. */
static void check_keys(struct vsa_slice file)
{
    struct vsa_challenge_keys keys;
    enum vsa_challenge_verdict verdict;
    struct vsa_challenge challenge;
    char text[VSA_CHALLENGE_TEXT + 1];
    if (vsa_challenge_keys_parse(file, &keys, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(keys.count == 1 || keys.count == 2);
    FUZZ_REQUIRE(vsa_challenge_make(&keys, file, NOW_MS, text, NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_challenge_check(&keys, file, vsa_slice_of_text(text), NOW_MS, 0, &verdict,
                                     &challenge, NULL) == VSA_OK);
    FUZZ_REQUIRE(verdict == VSA_CHALLENGE_VALID);
}

/* One text for each value. */
static void check_base64url(struct vsa_slice text)
{
    uint8_t bytes[VSA_CHALLENGE_SIZE];
    char again[VSA_CHALLENGE_TEXT + 1];
    struct vsa_slice decoded;
    if (vsa_base64url_decode(text, bytes, sizeof(bytes), &decoded, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(vsa_base64url_encode(decoded, again, sizeof(again), NULL) == VSA_OK);
    FUZZ_REQUIRE(strlen(again) == text.size && memcmp(again, text.data, text.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_slice input = vsa_slice_of(data, size);
    if (size > 4096)
        return 0;
    check_challenge(input);
    check_keys(input);
    check_base64url(input);
    return 0;
}
