/* SPDX-License-Identifier: Apache-2.0 */
/* Tar archives, header by header, for tests: what no program writes, too. */
#ifndef VSA_TESTS_TAR_FORGE_H
#define VSA_TESTS_TAR_FORGE_H

#include <vsattest/base.h>

#define TAR_BLOCK 512

struct tar_forge {
    uint8_t bytes[64 * TAR_BLOCK];
    size_t size;
};

/* Where the fields of a header are, and the type of a file. */
enum { TAR_MODE = 100, TAR_SIZE = 124, TAR_TYPE = 156, TAR_LINK = 157, TAR_MAGIC = 257 };

/*
 * Adds an entry with its data, which may be NULL; `link` may be NULL. Returns the header, for
 * tests that change it and then call tar_forge_sum().
 */
uint8_t *tar_forge_add(struct tar_forge *forge, const char *name, char type, const char *link,
                       const void *data, size_t size);

/* Makes the checksum of a header right. */
void tar_forge_sum(uint8_t *header);

/* Adds a header of one record, of pax, before an entry; or of any text. */
void tar_forge_add_record(struct tar_forge *forge, char type, const char *key, const char *value);
void tar_forge_add_pax(struct tar_forge *forge, char type, const char *records);

/* Adds the two blocks at the end. Returns the archive, borrowed. */
struct vsa_slice tar_forge_end(struct tar_forge *forge);

#endif
