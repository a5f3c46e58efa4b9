/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 is strict: what decodes without white space is exactly what encoding gives. */
#include "base/base64.h"
#include "fuzz.h"

#define MAX_TEXT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t buffer[MAX_TEXT];
    static char text[2 * MAX_TEXT];
    struct vsa_slice decoded;
    struct vsa_slice input = vsa_slice_of(data, size);
    if (size > MAX_TEXT)
        return 0;
    /* Exactly the room that is promised to be enough. */
    size_t room = vsa_base64_decoded_size(size);
    if (vsa_base64_decode(input, VSA_BASE64_STRICT, buffer, room, &decoded, NULL) == VSA_OK) {
        FUZZ_REQUIRE(vsa_base64_encode(decoded, text, size + 1, NULL) == VSA_OK);
        FUZZ_REQUIRE(strlen(text) == size && memcmp(text, data, size) == 0);
    }
    if (vsa_base64_decode(input, VSA_BASE64_WHITESPACE, buffer, room, &decoded, NULL) == VSA_OK)
        FUZZ_REQUIRE(decoded.size <= room);
    /* And any bytes survive the way there and back. */
    FUZZ_REQUIRE(vsa_base64_encode(input, text, sizeof(text), NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_base64_decode(vsa_slice_of_text(text), VSA_BASE64_STRICT, buffer,
                                   sizeof(buffer), &decoded, NULL) == VSA_OK);
    FUZZ_REQUIRE(decoded.size == size && memcmp(buffer, data, size) == 0);
    return 0;
}
