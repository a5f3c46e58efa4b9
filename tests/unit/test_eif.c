/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave image files: the known answer of nitro-facts.md 9.3, and everything that is refused. */
#include "unit_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/digest.h"
#include "image/crc32.h"
#include <vsattest/image.h>

#define HEADER_SIZE 0x224
#define MAX_FILE    4096

/* The known answer: kernel, cmdline, metadata, ramdisk, ramdisk. */
#define KNOWN_SIZE 645
#define KERNEL     548 /* offsets of the section headers */
#define CMDLINE    566
#define METADATA   591
#define RAMDISK_0  605
#define RAMDISK_1  625

struct file {
    uint8_t bytes[MAX_FILE];
    size_t size;
};

static struct vsa_slice text(const char *characters)
{
    return vsa_slice_of_text(characters);
}

static void add(struct vsa_image *image, enum vsa_image_section_type type, const char *data)
{
    assert_int_equal(vsa_image_add(image, type, text(data), NULL), VSA_OK);
}

static struct vsa_image known_image(size_t ramdisks)
{
    struct vsa_image image;
    vsa_image_init(&image);
    add(&image, VSA_IMAGE_KERNEL, "KERNEL");
    add(&image, VSA_IMAGE_CMDLINE, "console=ttyS0");
    add(&image, VSA_IMAGE_METADATA, "{}");
    add(&image, VSA_IMAGE_RAMDISK, "RAMDISK0");
    if (ramdisks == 2)
        add(&image, VSA_IMAGE_RAMDISK, "RAMDISK1");
    return image;
}

static void write_image(const struct vsa_image *image, struct file *file)
{
    struct vsa_slice written;
    struct vsa_error error = {0};
    enum vsa_status status =
        vsa_image_write(image, file->bytes, sizeof(file->bytes), &written, &error);
    if (status != VSA_OK)
        fail_msg("%s", error.detail);
    assert_int_equal(written.size, vsa_image_size(image));
    file->size = written.size;
}

static void put(struct file *file, size_t offset, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        file->bytes[offset + i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

static void put_crc(struct file *file)
{
    struct vsa_slice parts[2] = {vsa_slice_of(file->bytes, 0x220),
                                 vsa_slice_of(file->bytes + HEADER_SIZE, file->size - HEADER_SIZE)};
    put(file, 0x220, vsa_crc32(parts, 2), 4);
}

static void assert_hex(const uint8_t *bytes, size_t size, const char *expected)
{
    char hex[2 * 64 + 1];
    vsa_hex_encode(vsa_slice_of(bytes, size), hex, sizeof(hex));
    assert_string_equal(hex, expected);
}

static void crc_known_answers(void **state)
{
    (void)state;
    struct vsa_slice whole = text("123456789");
    struct vsa_slice parts[3] = {text("1234"), text(""), text("56789")};
    struct vsa_slice long_one = text("The quick brown fox jumps over the lazy dog");
    assert_int_equal(vsa_crc32(&whole, 1), 0xcbf43926);
    assert_int_equal(vsa_crc32(parts, 3), 0xcbf43926);
    assert_int_equal(vsa_crc32(&long_one, 1), 0x414fa339);
    assert_int_equal(vsa_crc32(NULL, 0), 0);
}

static void known_answer_byte_for_byte(void **state)
{
    (void)state;
    struct vsa_image image = known_image(2);
    struct file file;
    write_image(&image, &file);
    assert_int_equal(file.size, KNOWN_SIZE);
    assert_hex(file.bytes, 28,
               "2e65696600040000000000004000000000000000000000020000"
               "0005");
    assert_hex(file.bytes + 0x224, 18, "0001000000000000000000064b45524e454c");
    assert_hex(file.bytes + 0x220, 4, "c76f9a38");
    struct vsa_slice whole = vsa_slice_of(file.bytes, file.size);
    uint8_t digest[VSA_SHA256_SIZE];
    assert_int_equal(vsa_sha256(&whole, 1, digest, NULL), VSA_OK);
    assert_hex(digest, sizeof(digest),
               "359f1d7210cd9660b522876c0fb9a7512c9cee552468455574f10aa391e50970");
}

static void known_answer_with_one_ramdisk(void **state)
{
    (void)state;
    struct vsa_image image = known_image(1);
    struct file file;
    write_image(&image, &file);
    assert_int_equal(file.size, 625);
    assert_hex(file.bytes + 0x220, 4, "16b6c0c8");
}

static void parses_what_it_wrote(void **state)
{
    (void)state;
    struct vsa_image image = known_image(2);
    image.architecture = VSA_IMAGE_AARCH64;
    image.default_cpus = 4;
    image.default_memory = 0x0123456789abcdef;
    struct file file;
    write_image(&image, &file);
    struct vsa_image parsed;
    assert_int_equal(vsa_image_parse(vsa_slice_of(file.bytes, file.size), &parsed, NULL), VSA_OK);
    assert_int_equal(parsed.version, 4);
    assert_int_equal(parsed.architecture, VSA_IMAGE_AARCH64);
    assert_int_equal(parsed.default_cpus, 4);
    assert_true(parsed.default_memory == 0x0123456789abcdef);
    assert_int_equal(parsed.section_count, 5);
    assert_int_equal(parsed.sections[4].type, VSA_IMAGE_RAMDISK);
    assert_memory_equal(parsed.sections[4].data.data, "RAMDISK1", 8);
    /* Borrowed, not copied. */
    assert_ptr_equal(parsed.sections[0].data.data, file.bytes + KERNEL + 12);
    assert_memory_equal(vsa_image_find(&parsed, VSA_IMAGE_CMDLINE).data, "console=ttyS0", 13);
    assert_null(vsa_image_find(&parsed, VSA_IMAGE_SIGNATURE).data);
    struct file again;
    write_image(&parsed, &again);
    assert_memory_equal(again.bytes, file.bytes, file.size);
}

static void reads_older_versions(void **state)
{
    (void)state;
    for (uint16_t version = 2; version <= 3; version++) {
        struct vsa_image image;
        vsa_image_init(&image);
        image.version = version;
        add(&image, VSA_IMAGE_KERNEL, "K");
        add(&image, VSA_IMAGE_CMDLINE, "C");
        add(&image, VSA_IMAGE_RAMDISK, "R");
        if (version == 3)
            add(&image, VSA_IMAGE_SIGNATURE, "S");
        struct file file;
        write_image(&image, &file);
        assert_int_equal(vsa_image_parse(vsa_slice_of(file.bytes, file.size), &image, NULL),
                         VSA_OK);
        assert_int_equal(image.version, version);
    }
}

/* --- what is refused -------------------------------------------------------------------------- */

/* The table of sections in the header. */
static size_t offset_at(size_t index)
{
    return 0x1c + 8 * index;
}

static size_t size_at(size_t index)
{
    return 0x11c + 8 * index;
}

static void wrong_magic(struct file *file)
{
    file->bytes[1] = 'E';
}

static void empty_file(struct file *file)
{
    file->size = 0;
}

static void half_a_header(struct file *file)
{
    file->size = HEADER_SIZE - 1;
}

static void version_1(struct file *file)
{
    put(file, 4, 1, 2);
}

static void version_5(struct file *file)
{
    put(file, 4, 5, 2);
}

static void unknown_flag(struct file *file)
{
    put(file, 6, 0x8000, 2);
}

static void reserved_set(struct file *file)
{
    put(file, 0x18, 1, 2);
}

static void unused_set(struct file *file)
{
    put(file, 0x21c, 1, 4);
}

static void no_sections(struct file *file)
{
    put(file, 0x1a, 0, 2);
}

static void sections_33(struct file *file)
{
    put(file, 0x1a, 33, 2);
}

static void sections_65535(struct file *file)
{
    put(file, 0x1a, 0xffff, 2);
}

static void count_too_small(struct file *file)
{
    put(file, 0x1a, 4, 2);
}

static void count_too_large(struct file *file)
{
    put(file, 0x1a, 6, 2);
    put(file, offset_at(5), KNOWN_SIZE, 8);
}

static void uncounted_section(struct file *file)
{
    put(file, offset_at(5), KNOWN_SIZE, 8);
}

static void uncounted_size(struct file *file)
{
    put(file, size_at(31), 1, 8);
}

static void overlapping(struct file *file)
{
    put(file, offset_at(1), CMDLINE - 1, 8);
}

static void overlapping_header(struct file *file)
{
    put(file, offset_at(0), 0, 8);
}

static void gap(struct file *file)
{
    put(file, offset_at(2), METADATA + 1, 8);
}

static void offset_beyond(struct file *file)
{
    put(file, offset_at(3), UINT64_MAX, 8);
}

static void table_size_differs(struct file *file)
{
    put(file, size_at(3), 9, 8);
}

static void table_size_huge(struct file *file)
{
    put(file, size_at(0), UINT64_MAX, 8);
}

static void own_size_differs(struct file *file)
{
    put(file, CMDLINE + 4, 12, 8);
}

static void own_size_huge(struct file *file)
{
    put(file, KERNEL + 4, UINT64_MAX, 8);
    put(file, size_at(0), UINT64_MAX, 8);
}

static void own_size_over_the_end(struct file *file)
{
    put(file, RAMDISK_1 + 4, 9, 8);
    put(file, size_at(4), 9, 8);
}

static void truncated_data(struct file *file)
{
    file->size--;
}

static void truncated_section_header(struct file *file)
{
    file->size = RAMDISK_1 + 11;
}

static void truncated_before_section(struct file *file)
{
    file->size = RAMDISK_1;
}

static void header_only(struct file *file)
{
    file->size = HEADER_SIZE;
}

static void trailing_byte(struct file *file)
{
    file->size++;
}

static void type_0(struct file *file)
{
    put(file, METADATA, 0, 2);
}

static void type_6(struct file *file)
{
    put(file, RAMDISK_0, 6, 2);
}

static void section_flags(struct file *file)
{
    put(file, RAMDISK_0 + 2, 1, 2);
}

static void two_kernels(struct file *file)
{
    put(file, CMDLINE, VSA_IMAGE_KERNEL, 2);
}

static void two_metadata(struct file *file)
{
    put(file, RAMDISK_1, VSA_IMAGE_METADATA, 2);
}

static void no_metadata(struct file *file)
{
    put(file, METADATA, VSA_IMAGE_RAMDISK, 2);
}

static void no_kernel(struct file *file)
{
    put(file, KERNEL, VSA_IMAGE_METADATA, 2);
    put(file, METADATA, VSA_IMAGE_RAMDISK, 2);
}

static void no_ramdisk(struct file *file)
{
    put(file, 0x1a, 3, 2);
    put(file, offset_at(3), 0, 8);
    put(file, offset_at(4), 0, 8);
    put(file, size_at(3), 0, 8);
    put(file, size_at(4), 0, 8);
    file->size = RAMDISK_0;
}

static void ramdisk_before_kernel(struct file *file)
{
    put(file, KERNEL, VSA_IMAGE_RAMDISK, 2);
    put(file, CMDLINE, VSA_IMAGE_KERNEL, 2);
    put(file, RAMDISK_0, VSA_IMAGE_CMDLINE, 2);
}

static void cmdline_before_kernel(struct file *file)
{
    put(file, KERNEL, VSA_IMAGE_CMDLINE, 2);
    put(file, CMDLINE, VSA_IMAGE_KERNEL, 2);
}

static void signature_before_ramdisk(struct file *file)
{
    put(file, RAMDISK_0, VSA_IMAGE_SIGNATURE, 2);
}

static void signature_in_version_2(struct file *file)
{
    put(file, 4, 2, 2);
    put(file, METADATA, VSA_IMAGE_RAMDISK, 2);
    put(file, RAMDISK_1, VSA_IMAGE_SIGNATURE, 2);
}

static void metadata_in_version_3(struct file *file)
{
    put(file, 4, 3, 2);
}

static void nul_in_cmdline(struct file *file)
{
    file->bytes[CMDLINE + 12 + 7] = '\0';
}

static void empty_metadata(struct file *file)
{
    put(file, METADATA + 4, 0, 8);
    put(file, size_at(2), 0, 8);
    memmove(file->bytes + METADATA + 12, file->bytes + RAMDISK_0, KNOWN_SIZE - RAMDISK_0);
    put(file, offset_at(3), RAMDISK_0 - 2, 8);
    put(file, offset_at(4), RAMDISK_1 - 2, 8);
    file->size -= 2;
}

/* Each with a CRC that is right again, so that the rule alone speaks. */
static const struct bad_file {
    void (*spoil)(struct file *file);
    const char *names; /* what the error must say */
    size_t offset;
} bad_files[] = {
    {empty_file, "the header does not begin with .eif", 0},
    {wrong_magic, "the header does not begin with .eif", 0},
    {half_a_header, "the header is cut off: 547 bytes of 548", 547},
    {version_1, "the header says version 1; known are 2 to 4", 4},
    {version_5, "the header says version 5", 4},
    {unknown_flag, "the header has unknown flags 0x8000", 6},
    {reserved_set, "the header's reserved fields", 0x18},
    {unused_set, "the header's reserved fields", 0x18},
    {no_sections, "the header says 0 sections", 0x1a},
    {sections_33, "the header says 33 sections; there are 1 to 32", 0x1a},
    {sections_65535, "the header says 65535 sections", 0x1a},
    {count_too_small, "20 bytes after section 3 (ramdisk), the last one", RAMDISK_1},
    {count_too_large, "section 5 is cut off: its header does not fit", KNOWN_SIZE},
    {uncounted_section, "the header places a section 5", 0x1c + 8 * 5},
    {uncounted_size, "the header places a section 31", 0x1c + 8 * 31},
    {overlapping, "section 1 begins at 565 and overlaps what ends at 566", 0x1c + 8},
    {overlapping_header, "section 0 begins at 0 and overlaps what ends at 548", 0x1c},
    {gap, "section 2 begins at 592 instead of 591", 0x1c + 16},
    {offset_beyond, "section 3 begins at 18446744073709551615 instead of 605", 0x1c + 24},
    {table_size_differs, "section 3 (ramdisk) has 8 bytes by its own header and 9", 0x11c + 24},
    {table_size_huge, "section 0 (kernel) has 6 bytes by its own header and 184467", 0x11c},
    {own_size_differs, "section 1 (cmdline) has 12 bytes by its own header and 13", 0x11c + 8},
    {own_size_huge, "section 0 (kernel) is cut off: 18446744073709551615 bytes", KERNEL + 4},
    {own_size_over_the_end, "section 4 (ramdisk) is cut off: 9 bytes, and the file has 8 more",
     RAMDISK_1 + 4},
    {truncated_data, "section 4 (ramdisk) is cut off", RAMDISK_1 + 4},
    {truncated_section_header, "section 4 is cut off: its header", RAMDISK_1 + 11},
    {truncated_before_section, "section 4 is cut off: its header", RAMDISK_1},
    {header_only, "section 0 is cut off: its header", HEADER_SIZE},
    {trailing_byte, "1 bytes after section 4 (ramdisk), the last one", KNOWN_SIZE},
    {type_0, "section 2 has type 0, which does not exist", METADATA},
    {type_6, "section 3 has type 6, which does not exist", RAMDISK_0},
    {section_flags, "section 3 (ramdisk) has flags", RAMDISK_0 + 2},
    {two_kernels, "section 1 (kernel) is one too many", VSA_NO_OFFSET},
    {two_metadata, "section 4 (metadata) is one too many", VSA_NO_OFFSET},
    {no_metadata, "the metadata section is missing", VSA_NO_OFFSET},
    {no_kernel, "the kernel section is missing", VSA_NO_OFFSET},
    {no_ramdisk, "the ramdisk section is missing", VSA_NO_OFFSET},
    {ramdisk_before_kernel, "section 1 (kernel) stands after the ramdisk", VSA_NO_OFFSET},
    {cmdline_before_kernel, "section 1 (kernel) stands after the cmdline", VSA_NO_OFFSET},
    {signature_before_ramdisk, "section 4 (ramdisk) stands after the signature", VSA_NO_OFFSET},
    {signature_in_version_2, "section 4 (signature) does not exist before version 3",
     VSA_NO_OFFSET},
    {metadata_in_version_3, "section 2 (metadata) does not exist before version 4", VSA_NO_OFFSET},
    {nul_in_cmdline, "section 1 (cmdline) holds a NUL character", VSA_NO_OFFSET},
    {empty_metadata, "section 2 (metadata) is empty", VSA_NO_OFFSET},
};

static void assert_refused(const struct file *file, const char *names, size_t offset)
{
    struct vsa_image parsed;
    struct vsa_error error = {0};
    /* At its exact size on the heap, so that the sanitizers see a byte too far. */
    uint8_t *copy = malloc(file->size + 1);
    assert_non_null(copy);
    memcpy(copy, file->bytes, file->size);
    memset(&parsed, 0xff, sizeof(parsed));
    enum vsa_status status = vsa_image_parse(vsa_slice_of(copy, file->size), &parsed, &error);
    free(copy);
    if (status != VSA_ERR_IMAGE || !strstr(error.detail, names) || error.offset != offset)
        fail_msg("expected '%s' at %zu, not %s '%s' at %zu", names, offset, vsa_status_code(status),
                 error.detail, error.offset);
    static const struct vsa_image zero;
    assert_memory_equal(&parsed, &zero, sizeof(zero));
}

static void bad_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
        struct vsa_image image = known_image(2);
        struct file file = {.size = 0};
        write_image(&image, &file);
        bad_files[i].spoil(&file);
        if (file.size >= HEADER_SIZE)
            put_crc(&file);
        assert_refused(&file, bad_files[i].names, bad_files[i].offset);
    }
}

static void wrong_crc(void **state)
{
    (void)state;
    struct vsa_image image = known_image(2);
    struct file file;
    write_image(&image, &file);
    file.bytes[RAMDISK_1 + 12] ^= 1;
    assert_refused(&file, "the header's CRC is c76f9a38, the file's is", 0x220);
}

static void every_bit_flip_is_refused(void **state)
{
    (void)state;
    struct vsa_image image = known_image(2);
    struct vsa_image parsed;
    struct file file;
    write_image(&image, &file);
    for (size_t bit = 0; bit < 8 * file.size; bit++) {
        file.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (vsa_image_parse(vsa_slice_of(file.bytes, file.size), &parsed, NULL) == VSA_OK)
            fail_msg("bit %zu of byte %zu may be flipped", bit % 8, bit / 8);
        file.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void oversize_sections(void **state)
{
    (void)state;
    static const struct {
        enum vsa_image_section_type type;
        size_t limit;
        const char *names;
    } rows[] = {
        {VSA_IMAGE_CMDLINE, VSA_MAX_IMAGE_CMDLINE, "section 1 (cmdline) has 2048 bytes"},
        {VSA_IMAGE_METADATA, VSA_MAX_IMAGE_METADATA, "section 2 (metadata) has 65537 bytes"},
        {VSA_IMAGE_SIGNATURE, VSA_MAX_IMAGE_SIGNATURE, "section 5 (signature) has 32769 bytes"},
    };
    size_t capacity = 2 * VSA_MAX_IMAGE_METADATA;
    uint8_t *data = malloc(capacity);
    uint8_t *buffer = malloc(2 * capacity);
    assert_non_null(data);
    assert_non_null(buffer);
    memset(data, 'x', capacity);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_image image = known_image(2);
        struct vsa_image parsed;
        struct vsa_slice file;
        struct vsa_error error = {0};
        add(&image, VSA_IMAGE_SIGNATURE, "x");
        struct vsa_image_section *section = image.sections;
        while (section->type != rows[i].type)
            section++;
        section->data = vsa_slice_of(data, rows[i].limit);
        assert_int_equal(vsa_image_write(&image, buffer, 2 * capacity, &file, NULL), VSA_OK);
        assert_int_equal(vsa_image_parse(file, &parsed, NULL), VSA_OK);
        section->data.size++;
        assert_int_equal(vsa_image_write(&image, buffer, 2 * capacity, &file, &error),
                         VSA_ERR_IMAGE);
        assert_non_null(strstr(error.detail, rows[i].names));
    }
    free(data);
    free(buffer);
}

static void writing_checks_too(void **state)
{
    (void)state;
    struct file file;
    struct vsa_slice written = {NULL, 0};
    struct vsa_error error = {0};
    struct vsa_image image = known_image(2);
    assert_int_equal(vsa_image_write(&image, file.bytes, KNOWN_SIZE - 1, &written, &error),
                     VSA_ERR_BUFFER);
    assert_null(written.data);
    image.sections[0].data.size = SIZE_MAX - 100;
    assert_int_equal(vsa_image_write(&image, file.bytes, sizeof(file.bytes), &written, &error),
                     VSA_ERR_TOO_LARGE);
    vsa_image_init(&image);
    assert_int_equal(vsa_image_write(&image, file.bytes, sizeof(file.bytes), &written, &error),
                     VSA_ERR_IMAGE);
    assert_string_equal(error.detail, "the kernel section is missing");
    image = known_image(2);
    image.version = 7;
    assert_int_equal(vsa_image_write(&image, file.bytes, sizeof(file.bytes), &written, &error),
                     VSA_ERR_IMAGE);
}

static void at_most_32_sections(void **state)
{
    (void)state;
    struct vsa_image image = known_image(2);
    struct vsa_error error = {0};
    while (image.section_count < 32)
        add(&image, VSA_IMAGE_RAMDISK, "R");
    struct file file;
    write_image(&image, &file);
    assert_int_equal(vsa_image_parse(vsa_slice_of(file.bytes, file.size), &image, NULL), VSA_OK);
    assert_int_equal(image.section_count, 32);
    assert_int_equal(vsa_image_add(&image, VSA_IMAGE_RAMDISK, text("R"), &error), VSA_ERR_IMAGE);
    assert_non_null(strstr(error.detail, "another ramdisk section"));
    image.section_count = 33;
    assert_int_equal(vsa_image_write(&image, file.bytes, sizeof(file.bytes), NULL, &error),
                     VSA_ERR_IMAGE);
    assert_non_null(strstr(error.detail, "33 sections"));
}

static void section_names(void **state)
{
    (void)state;
    assert_string_equal(vsa_image_section_name(VSA_IMAGE_KERNEL), "kernel");
    assert_string_equal(vsa_image_section_name(VSA_IMAGE_METADATA), "metadata");
    assert_string_equal(vsa_image_section_name((enum vsa_image_section_type)0), "unknown");
    assert_string_equal(vsa_image_section_name((enum vsa_image_section_type)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_known_answers),
        cmocka_unit_test(known_answer_byte_for_byte),
        cmocka_unit_test(known_answer_with_one_ramdisk),
        cmocka_unit_test(parses_what_it_wrote),
        cmocka_unit_test(reads_older_versions),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(wrong_crc),
        cmocka_unit_test(every_bit_flip_is_refused),
        cmocka_unit_test(oversize_sections),
        cmocka_unit_test(writing_checks_too),
        cmocka_unit_test(at_most_32_sections),
        cmocka_unit_test(section_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
