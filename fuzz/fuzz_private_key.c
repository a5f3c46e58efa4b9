/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys and signatures as files. Apart from certificates, since libcrypto is slow with them.
 */
#include "crypto/key.h"
#include "fuzz.h"
#include <vsattest/limits.h>

static void check_private_key(struct vsa_slice file)
{
    uint8_t raw[VSA_MAX_SIGNATURE_SIZE];
    uint8_t buffer[VSA_MAX_PRIVATE_KEY];
    struct vsa_slice der;
    struct vsa_key *key = NULL;
    if (vsa_key_read_private(file, &key, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(vsa_key_curve(key) != VSA_CURVE_NONE);
    FUZZ_REQUIRE(vsa_key_write_private(key, buffer, sizeof(buffer), &der, NULL) == VSA_OK);
    FUZZ_CALL(vsa_key_read_signature(key, file, raw, NULL));
    vsa_key_free(key);
}

/* As a signature of a key that is always the same. */
static void check_signature(struct vsa_slice file)
{
    static struct vsa_key *key;
    uint8_t raw[VSA_MAX_SIGNATURE_SIZE];
    if (!key)
        FUZZ_REQUIRE(vsa_key_generate(VSA_CURVE_P384, &key, NULL) == VSA_OK);
    FUZZ_CALL(vsa_key_read_signature(key, file, raw, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_slice file = vsa_slice_of(data, size);
    if (size == 0 || size > VSA_MAX_KEY_FILE)
        return 0;
    check_private_key(file);
    check_signature(file);
    return 0;
}
