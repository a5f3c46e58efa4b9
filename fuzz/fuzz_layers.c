/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File trees from outside: tar archives, and archives of layers. The first byte cuts the rest into
 * two archives, one above the other. The checksums of headers, which no mutation would find, are
 * repaired. What is accepted becomes a ramdisk that Linux can unpack.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "image/layers.h"
#include "tar/tar.h"

#define BLOCK    512
#define MAX_SIZE (64 * BLOCK)

/* Gives each block that may be a header the checksum that it needs. */
static void repair_checksums(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at + BLOCK <= size; at += BLOCK) {
        uint8_t *header = bytes + at;
        char text[8];
        unsigned sum = 0;
        if (memcmp(header + 257, "ustar", 5) != 0)
            continue;
        memset(header + 148, ' ', 8);
        for (size_t i = 0; i < BLOCK; i++)
            sum += header[i];
        (void)snprintf(text, sizeof(text), "%06o", sum);
        memcpy(header + 148, text, 7);
    }
}

/* An entry's path and target stay where they belong; its data is part of the archive. */
static void check_entries(struct vsa_slice archive)
{
    static struct vsa_tar_entry entry;
    struct vsa_tar tar = {archive, 0};
    bool found = true;
    if (!vsa_tar_is_archive(archive))
        return;
    while (vsa_tar_read(&tar, &entry, &found, NULL) == VSA_OK && found) {
        FUZZ_REQUIRE(tar.offset <= archive.size);
        FUZZ_REQUIRE(entry.path[0] != '/' && strstr(entry.path, "..") != entry.path + 1);
        FUZZ_REQUIRE(strncmp(entry.path, "../", 3) != 0 && !strstr(entry.path, "/../"));
        FUZZ_REQUIRE(entry.kind == VSA_TAR_FILE || entry.data.size == 0);
        FUZZ_REQUIRE(!entry.data.size ||
                     (entry.data.data >= archive.data &&
                      entry.data.data + entry.data.size <= archive.data + archive.size));
    }
}

static void check_layers(struct vsa_slice lower, struct vsa_slice upper)
{
    VSA_AUTO_LAYERS struct vsa_layers layers = {.count = 0};
    VSA_AUTO_TREE struct vsa_tree tree = {.nodes = NULL};
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file ramdisk = {NULL, 0, false};
    if (vsa_layers_read_archive(&layers, "lower", lower, NULL) != VSA_OK)
        return;
    FUZZ_CALL(vsa_layers_read_archive(&layers, "upper", upper, NULL));
    if (vsa_layers_merge(&layers, &tree, NULL) != VSA_OK)
        return;
    if (vsa_tree_archive(&tree, &ramdisk, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(ramdisk.size % 4 == 0 && memcmp(ramdisk.data, "070701", 6) == 0);
    for (size_t i = 0; i < tree.count; i++)
        FUZZ_REQUIRE(strncmp(tree.nodes[i]->path, "rootfs", 6) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[MAX_SIZE];
    if (size < 1 || size - 1 > MAX_SIZE)
        return 0;
    size_t cut = (size_t)data[0] * BLOCK;
    memcpy(bytes, data + 1, size - 1);
    if (cut > size - 1)
        cut = size - 1;
    repair_checksums(bytes, size - 1);
    struct vsa_slice lower = vsa_slice_of(bytes, cut);
    struct vsa_slice upper = vsa_slice_of(bytes + cut, size - 1 - cut);
    check_entries(lower);
    check_entries(upper);
    check_layers(lower, upper);
    return 0;
}
