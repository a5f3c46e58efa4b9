/* SPDX-License-Identifier: Apache-2.0 */
/* What vsa_document_decode() accepts lies in the input or in the buffer; failures set nothing. */
#include <string.h>

#include "base/base64.h"
#include "fuzz.h"
#include <vsattest/report.h>

static bool within(struct vsa_slice inner, const uint8_t *data, size_t size)
{
    return inner.data >= data && inner.data <= data + size &&
           inner.size <= size - (size_t)(inner.data - data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[VSA_MAX_INPUT_FILE * 2];
    /* Exactly as much room as promised: a byte more is found by the address sanitizer. */
    uint8_t *buffer = malloc(size ? size : 1);
    struct vsa_slice document = {NULL, 7};
    FUZZ_REQUIRE(buffer);
    if (vsa_document_decode(vsa_slice_of(data, size), buffer, size, &document, NULL) != VSA_OK) {
        FUZZ_REQUIRE(!document.data && document.size == 7);
    } else {
        FUZZ_REQUIRE(within(document, data, size) || within(document, buffer, size));
        /* The strict form of what was understood is understood in the same way. */
        struct vsa_slice again;
        static uint8_t back[VSA_MAX_INPUT_FILE];
        if (document.size && document.size <= sizeof(back) && document.data[0] == 0x84 &&
            vsa_base64_encode(document, text, sizeof(text), NULL) == VSA_OK) {
            FUZZ_REQUIRE(vsa_document_decode(vsa_slice_of_text(text), back, sizeof(back), &again,
                                             NULL) == VSA_OK);
            FUZZ_REQUIRE(again.size == document.size &&
                         memcmp(again.data, document.data, again.size) == 0);
        }
    }
    free(buffer);
    return 0;
}
