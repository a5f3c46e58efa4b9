/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/der.h"

#define TAG_BOOLEAN     0x01
#define TAG_SEQUENCE    0x30
#define TAG_SET         0x31
#define BIT_CONSTRUCTED 0x20
#define CLASS_MASK      0xc0
#define NUMBER_MASK     0x1f

struct element {
    uint8_t tag;
    size_t head; /* bytes of tag and length */
    size_t size; /* of the content */
};

/*
 * Reads tag and length at the front of `der`;
 * returns false unless the length is in DER's form and fits.
 */
static bool read_element(struct vsa_slice der, struct element *element)
{
    if (der.size < 2 || (der.data[0] & NUMBER_MASK) == NUMBER_MASK)
        return false;
    element->tag = der.data[0];
    element->head = 2;
    element->size = der.data[1];
    if (der.data[1] >= 0x80) {
        size_t width = der.data[1] & 0x7f;
        if (width < 1 || width > sizeof(uint32_t) || width > der.size - 2 || der.data[2] == 0)
            return false;
        element->size = 0;
        for (size_t i = 0; i < width; i++)
            element->size = element->size << 8 | der.data[2 + i];
        element->head += width;
        if (element->size < 0x80)
            return false;
    }
    return element->size <= der.size - element->head;
}

bool vsa_der_is_strict(struct vsa_slice der)
{
    /* One element after the other; of a constructed one, only the head is passed over. */
    while (der.size) {
        struct element element;
        if (!read_element(der, &element))
            return false;
        bool constructed = element.tag & BIT_CONSTRUCTED;
        bool universal = (element.tag & CLASS_MASK) == 0;
        /* SEQUENCE and SET are constructed, and nothing else: as primitives they would hide what
         * they hold. */
        uint8_t type = element.tag | BIT_CONSTRUCTED;
        if (universal && constructed != (type == TAG_SEQUENCE || type == TAG_SET))
            return false;
        if (element.tag == TAG_BOOLEAN && (element.size != 1 || der.data[element.head] != 0xff))
            return false;
        size_t passed = element.head + (constructed ? 0 : element.size);
        der = vsa_slice_of(der.data + passed, der.size - passed);
    }
    return true;
}
