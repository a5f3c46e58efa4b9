/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>

#include "base/builder.h"
#include "base/error.h"
#include "image/check.h"
#include "image/crc32.h"
#include <vsattest/image.h>

static const char rule_header[] = "AWS EIF, header";
static const char rule_section_header[] = "AWS EIF, section header";

static const uint8_t magic[4] = {0x2e, 'e', 'i', 'f'};

/* Offsets of the header's fields; all integers are big endian. */
#define AT_VERSION        0x004
#define AT_FLAGS          0x006
#define AT_DEFAULT_MEMORY 0x008
#define AT_DEFAULT_CPUS   0x010
#define AT_RESERVED       0x018
#define AT_SECTION_COUNT  0x01a
#define AT_OFFSETS        0x01c
#define AT_SIZES          0x11c
#define AT_UNUSED         0x21c
#define AT_CRC            0x220
#define HEADER_SIZE       0x224

#define FLAG_AARCH64 0x0001

/* u16 type, u16 flags, u64 size of the data. */
#define SECTION_HEADER_SIZE 12

#define DEFAULT_MEMORY (UINT64_C(1) << 30)
#define DEFAULT_CPUS   2

void vsa_image_init(struct vsa_image *image)
{
    *image = (struct vsa_image){
        .version = VSA_IMAGE_CURRENT_VERSION,
        .architecture = VSA_IMAGE_X86_64,
        .default_memory = DEFAULT_MEMORY,
        .default_cpus = DEFAULT_CPUS,
    };
}

enum vsa_status vsa_image_add(struct vsa_image *image, enum vsa_image_section_type type,
                              struct vsa_slice data, struct vsa_error *error)
{
    if (image->section_count >= VSA_MAX_IMAGE_SECTIONS)
        return vsa_fail_at(error, VSA_ERR_IMAGE, VSA_NO_OFFSET, rule_header,
                           "no room for another %s section: an image has at most %d sections",
                           vsa_image_section_name(type), VSA_MAX_IMAGE_SECTIONS);
    image->sections[image->section_count].type = type;
    image->sections[image->section_count].data = data;
    image->section_count++;
    return VSA_OK;
}

struct vsa_slice vsa_image_find(const struct vsa_image *image, enum vsa_image_section_type type)
{
    for (size_t i = 0; i < image->section_count; i++)
        if (image->sections[i].type == type)
            return image->sections[i].data;
    return vsa_slice_of(NULL, 0);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Reads `width` bytes at `offset`, which the caller knows to be there. */
static uint64_t read_number(struct vsa_slice bytes, size_t offset, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | bytes.data[offset + i];
    return value;
}

static enum vsa_status parse_header(struct vsa_slice bytes, struct vsa_image *image,
                                    unsigned *deviations, struct vsa_error *error)
{
    if (bytes.size < sizeof(magic) || memcmp(bytes.data, magic, sizeof(magic)) != 0)
        return vsa_fail_at(error, VSA_ERR_IMAGE, 0, rule_header,
                           "the header does not begin with .eif: not an enclave image");
    if (bytes.size < HEADER_SIZE)
        return vsa_fail_at(error, VSA_ERR_IMAGE, bytes.size, rule_header,
                           "the header is cut off: %zu bytes of %d", bytes.size, HEADER_SIZE);
    uint16_t version = (uint16_t)read_number(bytes, AT_VERSION, 2);
    if (version < VSA_IMAGE_OLDEST_VERSION || version > VSA_IMAGE_CURRENT_VERSION)
        return vsa_fail_at(error, VSA_ERR_IMAGE, AT_VERSION, rule_header,
                           "the header says version %u; known are %d to %d", version,
                           VSA_IMAGE_OLDEST_VERSION, VSA_IMAGE_CURRENT_VERSION);
    uint64_t flags = read_number(bytes, AT_FLAGS, 2);
    if (flags & ~(uint64_t)FLAG_AARCH64)
        return vsa_fail_at(error, VSA_ERR_IMAGE, AT_FLAGS, rule_header,
                           "the header has unknown flags 0x%04" PRIx64, flags);
    if ((read_number(bytes, AT_RESERVED, 2) || read_number(bytes, AT_UNUSED, 4)) &&
        !vsa_image_tolerate(deviations, VSA_IMAGE_DEVIATES_RESERVED))
        return vsa_fail_at(error, VSA_ERR_IMAGE, AT_RESERVED, rule_header,
                           "the header's reserved fields are not zero");
    uint64_t count = read_number(bytes, AT_SECTION_COUNT, 2);
    if (count == 0 || count > VSA_MAX_IMAGE_SECTIONS)
        return vsa_fail_at(error, VSA_ERR_IMAGE, AT_SECTION_COUNT, rule_header,
                           "the header says %" PRIu64 " sections; there are 1 to %d", count,
                           VSA_MAX_IMAGE_SECTIONS);
    image->version = version;
    image->architecture = flags & FLAG_AARCH64 ? VSA_IMAGE_AARCH64 : VSA_IMAGE_X86_64;
    image->default_memory = read_number(bytes, AT_DEFAULT_MEMORY, 8);
    image->default_cpus = read_number(bytes, AT_DEFAULT_CPUS, 8);
    image->section_count = (size_t)count;
    return VSA_OK;
}

/*
 * Checks that the section begins where the one before it ended: neither overlap nor unmeasured gap.
 */
static enum vsa_status check_section_offset(struct vsa_slice bytes, size_t index, size_t start,
                                            struct vsa_error *error)
{
    size_t at = AT_OFFSETS + 8 * index;
    uint64_t offset = read_number(bytes, at, 8);
    if (offset < start)
        return vsa_fail_at(error, VSA_ERR_IMAGE, at, rule_header,
                           "section %zu begins at %" PRIu64 " and overlaps what ends at %zu", index,
                           offset, start);
    if (offset > start)
        return vsa_fail_at(error, VSA_ERR_IMAGE, at, rule_header,
                           "section %zu begins at %" PRIu64 " instead of %zu", index, offset,
                           start);
    if (bytes.size - start < SECTION_HEADER_SIZE)
        return vsa_fail_at(error, VSA_ERR_IMAGE, bytes.size, rule_section_header,
                           "section %zu is cut off: its header does not fit into the file", index);
    return VSA_OK;
}

/*
 * Checks the table's size. AWS's reader uses the sections' own headers, so its tools do not notice
 * that `nitro-cli sign-eif` leaves the size of the signature it replaces in the image's.
 */
static enum vsa_status check_table_size(struct vsa_slice bytes, size_t index, unsigned type,
                                        uint64_t size, unsigned *deviations,
                                        struct vsa_error *error)
{
    char label[VSA_IMAGE_LABEL_SIZE];
    bool is_signature = type == VSA_IMAGE_SIGNATURE;
    uint64_t table_size = read_number(bytes, AT_SIZES + 8 * index, 8);
    if (size == table_size ||
        (is_signature && vsa_image_tolerate(deviations, VSA_IMAGE_DEVIATES_STALE_SIZE)))
        return VSA_OK;
    return vsa_fail_at(error, VSA_ERR_IMAGE, AT_SIZES + 8 * index, rule_header,
                       "%s has %" PRIu64 " bytes by its own header and %" PRIu64
                       " by the image's%s",
                       vsa_image_section_label(index, type, label), size, table_size,
                       is_signature ? ", as AWS's sign-eif leaves it after signing again" : "");
}

/* Reads section `index` at `*end`, and moves `*end` behind it. */
static enum vsa_status parse_section(struct vsa_slice bytes, size_t index, size_t *end,
                                     struct vsa_image_section *section, unsigned *deviations,
                                     struct vsa_error *error)
{
    size_t start = *end;
    VSA_TRY(check_section_offset(bytes, index, start, error));
    unsigned type = (unsigned)read_number(bytes, start, 2);
    char label[VSA_IMAGE_LABEL_SIZE];
    vsa_image_section_label(index, type, label);
    if (type < VSA_IMAGE_KERNEL || type > VSA_IMAGE_METADATA)
        return vsa_fail_at(error, VSA_ERR_IMAGE, start, rule_section_header,
                           "section %zu has type %u, which does not exist", index, type);
    if (read_number(bytes, start + 2, 2) &&
        !vsa_image_tolerate(deviations, VSA_IMAGE_DEVIATES_RESERVED))
        return vsa_fail_at(error, VSA_ERR_IMAGE, start + 2, rule_section_header, "%s has flags",
                           label);
    uint64_t size = read_number(bytes, start + 4, 8);
    size_t left = bytes.size - start - SECTION_HEADER_SIZE;
    if (size > left)
        return vsa_fail_at(error, VSA_ERR_IMAGE, start + 4, rule_section_header,
                           "%s is cut off: %" PRIu64 " bytes, and the file has %zu more", label,
                           size, left);
    VSA_TRY(check_table_size(bytes, index, type, size, deviations, error));
    section->type = (enum vsa_image_section_type)type;
    section->data = vsa_slice_of(bytes.data + start + SECTION_HEADER_SIZE, (size_t)size);
    *end = start + SECTION_HEADER_SIZE + (size_t)size;
    return VSA_OK;
}

static enum vsa_status parse_sections(struct vsa_slice bytes, struct vsa_image *image,
                                      unsigned *deviations, struct vsa_error *error)
{
    size_t end = HEADER_SIZE;
    for (size_t i = 0; i < image->section_count; i++)
        VSA_TRY(parse_section(bytes, i, &end, &image->sections[i], deviations, error));
    if (end != bytes.size)
        return vsa_fail_at(error, VSA_ERR_IMAGE, end, rule_header,
                           "%zu bytes after section %zu (%s), the last one", bytes.size - end,
                           image->section_count - 1,
                           vsa_image_section_name(image->sections[image->section_count - 1].type));
    for (size_t i = image->section_count; i < VSA_MAX_IMAGE_SECTIONS; i++)
        if (read_number(bytes, AT_OFFSETS + 8 * i, 8) || read_number(bytes, AT_SIZES + 8 * i, 8))
            return vsa_fail_at(error, VSA_ERR_IMAGE, AT_OFFSETS + 8 * i, rule_header,
                               "the header places a section %zu, but counts only %zu sections", i,
                               image->section_count);
    return VSA_OK;
}

/* Computes the CRC of everything but its own four bytes. */
static uint32_t compute_crc(struct vsa_slice bytes)
{
    struct vsa_slice parts[2] = {
        vsa_slice_of(bytes.data, AT_CRC),
        vsa_slice_of(bytes.data + HEADER_SIZE, bytes.size - HEADER_SIZE),
    };
    return vsa_crc32(parts, 2);
}

static enum vsa_status parse(struct vsa_slice bytes, struct vsa_image *image, unsigned *deviations,
                             struct vsa_error *error)
{
    VSA_TRY(parse_header(bytes, image, deviations, error));
    VSA_TRY(parse_sections(bytes, image, deviations, error));
    VSA_TRY(vsa_image_check(image, deviations, error));
    uint32_t crc = compute_crc(bytes);
    uint32_t expected = (uint32_t)read_number(bytes, AT_CRC, 4);
    if (crc != expected)
        return vsa_fail_at(error, VSA_ERR_IMAGE, AT_CRC, rule_header,
                           "the header's CRC is %08" PRIx32 ", the file's is %08" PRIx32
                           ": the image is damaged",
                           expected, crc);
    return VSA_OK;
}

enum vsa_status vsa_image_parse(struct vsa_slice bytes, struct vsa_image *image,
                                struct vsa_error *error)
{
    struct vsa_image parsed;
    memset(&parsed, 0, sizeof(parsed));
    memset(image, 0, sizeof(*image));
    VSA_TRY(parse(bytes, &parsed, NULL, error));
    *image = parsed;
    return VSA_OK;
}

enum vsa_status vsa_image_parse_as_aws(struct vsa_slice bytes, struct vsa_image *image,
                                       unsigned *deviations, struct vsa_error *error)
{
    struct vsa_image parsed;
    unsigned found = 0;
    memset(&parsed, 0, sizeof(parsed));
    memset(image, 0, sizeof(*image));
    *deviations = 0;
    VSA_TRY(parse(bytes, &parsed, &found, error));
    *image = parsed;
    *deviations = found;
    return VSA_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

size_t vsa_image_size(const struct vsa_image *image)
{
    size_t size = HEADER_SIZE;
    for (size_t i = 0; i < image->section_count && i < VSA_MAX_IMAGE_SECTIONS; i++) {
        size_t section = image->sections[i].data.size;
        if (section > SIZE_MAX - SECTION_HEADER_SIZE - size)
            return SIZE_MAX; /* more than any buffer has */
        size += SECTION_HEADER_SIZE + section;
    }
    return size;
}

static void write_table(struct vsa_builder *builder, const struct vsa_image *image)
{
    uint64_t offset = HEADER_SIZE;
    for (size_t i = 0; i < VSA_MAX_IMAGE_SECTIONS; i++) {
        bool used = i < image->section_count;
        vsa_builder_append_big_endian(builder, used ? offset : 0, 8);
        if (used)
            offset += SECTION_HEADER_SIZE + image->sections[i].data.size;
    }
    for (size_t i = 0; i < VSA_MAX_IMAGE_SECTIONS; i++)
        vsa_builder_append_big_endian(
            builder, i < image->section_count ? image->sections[i].data.size : 0, 8);
}

static void write_header(struct vsa_builder *builder, const struct vsa_image *image)
{
    vsa_builder_append(builder, vsa_slice_of(magic, sizeof(magic)));
    vsa_builder_append_big_endian(builder, image->version, 2);
    vsa_builder_append_big_endian(builder,
                                  image->architecture == VSA_IMAGE_AARCH64 ? FLAG_AARCH64 : 0, 2);
    vsa_builder_append_big_endian(builder, image->default_memory, 8);
    vsa_builder_append_big_endian(builder, image->default_cpus, 8);
    vsa_builder_append_big_endian(builder, 0, 2);
    vsa_builder_append_big_endian(builder, image->section_count, 2);
    write_table(builder, image);
    vsa_builder_append_big_endian(builder, 0, 4);
    vsa_builder_append_big_endian(builder, 0, 4); /* CRC, see below */
}

/* Ends the part between the data of two sections, and adds the data. */
static void add_section_part(struct vsa_builder *builder, const struct vsa_image_section *section,
                             struct vsa_image_parts *parts)
{
    size_t start = builder->size;
    vsa_builder_append_big_endian(builder, section->type, 2);
    vsa_builder_append_big_endian(builder, 0, 2);
    vsa_builder_append_big_endian(builder, section->data.size, 8);
    parts->parts[parts->count++] = vsa_slice_of(parts->headers + start, builder->size - start);
    parts->parts[parts->count++] = section->data;
}

static void write_crc(struct vsa_image_parts *parts)
{
    struct vsa_slice header = parts->parts[0];
    parts->parts[0].size = AT_CRC; /* everything but the CRC itself, which comes last */
    struct vsa_builder crc = vsa_builder_of(parts->headers + AT_CRC, HEADER_SIZE - AT_CRC);
    vsa_builder_append_big_endian(&crc, vsa_crc32(parts->parts, parts->count), 4);
    parts->parts[0] = header;
}

enum vsa_status vsa_image_write_parts(const struct vsa_image *image, struct vsa_image_parts *parts,
                                      struct vsa_error *error)
{
    static_assert(sizeof(parts->headers) ==
                      HEADER_SIZE + VSA_MAX_IMAGE_SECTIONS * SECTION_HEADER_SIZE,
                  "room for all headers");
    VSA_TRY(vsa_image_check(image, NULL, error));
    if (vsa_image_size(image) == SIZE_MAX)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "the sections are larger than an address space");
    struct vsa_builder builder = vsa_builder_of(parts->headers, sizeof(parts->headers));
    write_header(&builder, image);
    parts->parts[0] = vsa_slice_of(parts->headers, builder.size);
    parts->count = 1;
    for (size_t i = 0; i < image->section_count; i++)
        add_section_part(&builder, &image->sections[i], parts);
    write_crc(parts);
    return VSA_OK;
}

enum vsa_status vsa_image_write(const struct vsa_image *image, void *buffer, size_t capacity,
                                struct vsa_slice *file, struct vsa_error *error)
{
    struct vsa_image_parts parts;
    VSA_TRY(vsa_image_write_parts(image, &parts, error));
    struct vsa_builder builder = vsa_builder_of(buffer, capacity);
    for (size_t i = 0; i < parts.count; i++)
        vsa_builder_append(&builder, parts.parts[i]);
    return vsa_builder_finish(&builder, file, error);
}
