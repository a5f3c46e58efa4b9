/* SPDX-License-Identifier: Apache-2.0 */
#include "tar_forge.h"

#include <stdio.h>
#include <string.h>

#include "unit_test.h"

#define CHECKSUM 148

void tar_forge_sum(uint8_t *header)
{
    unsigned sum = 0;
    memset(header + CHECKSUM, ' ', 8);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += header[i];
    (void)snprintf((char *)header + CHECKSUM, 8, "%06o", sum);
}

uint8_t *tar_forge_add(struct tar_forge *forge, const char *name, char type, const char *link,
                       const void *data, size_t size)
{
    uint8_t *header = forge->bytes + forge->size;
    size_t padded = (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    assert_true(forge->size + TAR_BLOCK + padded <= sizeof(forge->bytes));
    memset(header, 0, TAR_BLOCK + padded);
    memcpy(header, name, strnlen(name, 100));
    memcpy(header + TAR_MODE, "0000644", 8);
    (void)snprintf((char *)header + TAR_SIZE, 12, "%011zo", size);
    header[TAR_TYPE] = (uint8_t)type;
    if (link)
        memcpy(header + TAR_LINK, link, strnlen(link, 100));
    memcpy(header + TAR_MAGIC,
           "ustar\0"
           "00",
           8);
    if (data)
        memcpy(header + TAR_BLOCK, data, size);
    tar_forge_sum(header);
    forge->size += TAR_BLOCK + padded;
    return header;
}

void tar_forge_add_pax(struct tar_forge *forge, char type, const char *records)
{
    (void)tar_forge_add(forge, "pax", type, NULL, records, strlen(records));
}

void tar_forge_add_record(struct tar_forge *forge, char type, const char *key, const char *value)
{
    char text[256];
    /* The length counts its own digits: two of them, for what tests need. */
    size_t length = strlen(key) + strlen(value) + sizeof("12 =\n") - 1;
    assert_true(length < 100);
    (void)snprintf(text, sizeof(text), "%zu %s=%s\n", length < 10 ? length - 1 : length, key,
                   value);
    tar_forge_add_pax(forge, type, text);
}

struct vsa_slice tar_forge_end(struct tar_forge *forge)
{
    assert_true(forge->size + 2 * TAR_BLOCK <= sizeof(forge->bytes));
    memset(forge->bytes + forge->size, 0, 2 * TAR_BLOCK);
    return vsa_slice_of(forge->bytes, forge->size + 2 * TAR_BLOCK);
}
