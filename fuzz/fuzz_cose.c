/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1: bounds, and that nothing verifies under a key that signed nothing. */
#include "cose/sign1.h"
#include "fuzz.h"
#include "seal/sender.h"

static bool is_inside(struct vsa_slice inner, const uint8_t *data, size_t size)
{
    return inner.data >= data && inner.data + inner.size <= data + size;
}

static const struct vsa_key *key_without_signatures(void)
{
    static struct vsa_key *key;
    if (!key)
        FUZZ_REQUIRE(vsa_key_generate(VSA_CURVE_P384, &key, NULL) == VSA_OK);
    return key;
}

/* A signed request: one that is bound to nothing here does not verify. */
static void check_signed_request(const uint8_t *data, size_t size)
{
    static const struct vsa_sender_binding binding;
    char thumbprint[VSA_SENDER_THUMBPRINT + 1];
    struct vsa_slice request;
    FUZZ_REQUIRE(vsa_sender_verify(vsa_slice_of(data, size), &binding, &request, thumbprint,
                                   NULL) != VSA_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t algorithms[] = {VSA_COSE_ES256, VSA_COSE_ES384, VSA_COSE_ES512};
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        struct vsa_cose_sign1 sign1;
        struct vsa_slice bytes = vsa_slice_of(data, size);
        if (vsa_cose_sign1_parse(bytes, algorithms[i], &sign1, NULL) != VSA_OK)
            continue;
        FUZZ_REQUIRE(sign1.algorithm == algorithms[i]);
        FUZZ_REQUIRE(is_inside(sign1.protected_header, data, size));
        FUZZ_REQUIRE(is_inside(sign1.payload, data, size));
        FUZZ_REQUIRE(is_inside(sign1.signature, data, size));
        if (algorithms[i] == VSA_COSE_ES384)
            FUZZ_REQUIRE(vsa_cose_sign1_verify(&sign1, (struct vsa_slice){0},
                                               key_without_signatures(), NULL) != VSA_OK);
    }
    check_signed_request(data, size);
    return 0;
}
