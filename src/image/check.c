/* SPDX-License-Identifier: Apache-2.0 */
#include "image/check.h"

#include <stdio.h>

#include "base/error.h"

static const char rule_sections[] = "AWS EIF, sections";

/* What is known of each type, by its number. */
static const struct section_rule {
    const char *name;
    unsigned since_version;
    size_t max_count;
    size_t max_size; /* 0: only the image's own limit */
} section_rules[] = {
    [VSA_IMAGE_KERNEL] = {"kernel", 2, 1, 0},
    [VSA_IMAGE_CMDLINE] = {"cmdline", 2, 1, VSA_MAX_IMAGE_CMDLINE},
    [VSA_IMAGE_RAMDISK] = {"ramdisk", 2, VSA_MAX_IMAGE_SECTIONS, 0},
    [VSA_IMAGE_SIGNATURE] = {"signature", 3, 1, VSA_MAX_IMAGE_SIGNATURE},
    [VSA_IMAGE_METADATA] = {"metadata", 4, 1, VSA_MAX_IMAGE_METADATA},
};

#define SECTION_TYPES (sizeof(section_rules) / sizeof(section_rules[0]))

static const struct section_rule *rule_of(unsigned type)
{
    return type < SECTION_TYPES && section_rules[type].name ? &section_rules[type] : NULL;
}

const char *vsa_image_section_name(enum vsa_image_section_type type)
{
    const struct section_rule *rule = rule_of((unsigned)type);
    return rule ? rule->name : "unknown";
}

const char *vsa_image_section_label(size_t index, unsigned type, char *label)
{
    (void)snprintf(label, VSA_IMAGE_LABEL_SIZE, "section %zu (%s)", index % VSA_MAX_IMAGE_SECTIONS,
                   vsa_image_section_name((enum vsa_image_section_type)type));
    return label;
}

bool vsa_image_tolerate(unsigned *deviations, enum vsa_image_deviation deviation)
{
    if (deviations)
        *deviations |= (unsigned)deviation;
    return deviations != NULL;
}

const char *vsa_image_deviation_text(enum vsa_image_deviation deviation)
{
    switch (deviation) {
    case VSA_IMAGE_DEVIATES_STALE_SIZE:
        return "the header has another size for the signature section than the section, as AWS's "
               "sign-eif leaves it after signing again; `enclave_image sign` mends it";
    case VSA_IMAGE_DEVIATES_ORDER:
        return "the sections are not in the order kernel, cmdline, ramdisks, signature; they are "
               "measured in the order of the file, as AWS's code does";
    case VSA_IMAGE_DEVIATES_RESERVED:
        return "reserved fields or a section's flags are not zero";
    case VSA_IMAGE_DEVIATES_SIGNATURES:
        return "there is more than one signature; AWS's code takes the first";
    case VSA_IMAGE_DEVIATES_NO_RAMDISK:
        return "there is no ramdisk";
    case VSA_IMAGE_DEVIATES_METADATA:
        return "the metadata is larger than any that nitro-cli writes";
    default:
        return "unknown";
    }
}

static enum vsa_status check_section(const struct vsa_image *image, size_t index,
                                     unsigned *deviations, struct vsa_error *error)
{
    const struct vsa_image_section *section = &image->sections[index];
    const struct section_rule *rule = rule_of(section->type);
    char label[VSA_IMAGE_LABEL_SIZE];
    vsa_image_section_label(index, section->type, label);
    if (!rule)
        return vsa_fail_at(error, VSA_ERR_IMAGE, VSA_NO_OFFSET, rule_sections,
                           "section %zu has type %u, which does not exist", index,
                           (unsigned)section->type);
    if (image->version < rule->since_version)
        return vsa_fail_at(error, VSA_ERR_IMAGE, VSA_NO_OFFSET, rule_sections,
                           "%s does not exist before version %u, and this image has version %u",
                           label, rule->since_version, image->version);
    if (!section->data.data || section->data.size == 0)
        return vsa_fail_at(error, VSA_ERR_IMAGE, VSA_NO_OFFSET, rule_sections, "%s is empty",
                           label);
    if (rule->max_size && section->data.size > rule->max_size &&
        !(section->type == VSA_IMAGE_METADATA &&
          vsa_image_tolerate(deviations, VSA_IMAGE_DEVIATES_METADATA)))
        return vsa_fail_at(error, VSA_ERR_IMAGE, VSA_NO_OFFSET, rule_sections,
                           "%s has %zu bytes; the most is %zu", label, section->data.size,
                           rule->max_size);
    if (section->type == VSA_IMAGE_CMDLINE &&
        memchr(section->data.data, '\0', section->data.size) != NULL)
        return vsa_fail_at(error, VSA_ERR_IMAGE, VSA_NO_OFFSET, rule_sections,
                           "%s holds a NUL character", label);
    return VSA_OK;
}

/*
 * Checks the sections' order. AWS's tools and QEMU measure in file order. The kernel, the command
 * line, the ramdisks and the signature must come in the order of their numbers, so that there is
 * one way to measure them.
 */
static enum vsa_status check_order(const struct vsa_image *image, unsigned *deviations,
                                   struct vsa_error *error)
{
    unsigned latest = 0;
    for (size_t i = 0; i < image->section_count; i++) {
        unsigned type = image->sections[i].type;
        char label[VSA_IMAGE_LABEL_SIZE];
        if (type == VSA_IMAGE_METADATA)
            continue;
        if (type < latest && !vsa_image_tolerate(deviations, VSA_IMAGE_DEVIATES_ORDER))
            return vsa_fail_at(error, VSA_ERR_IMAGE, VSA_NO_OFFSET, rule_sections,
                               "%s stands after the %s; the order is kernel, cmdline, ramdisks, "
                               "signature",
                               vsa_image_section_label(i, type, label), section_rules[latest].name);
        latest = type;
    }
    return VSA_OK;
}

static enum vsa_status check_counts(const struct vsa_image *image, unsigned *deviations,
                                    struct vsa_error *error)
{
    size_t count[SECTION_TYPES] = {0};
    for (size_t i = 0; i < image->section_count; i++) {
        unsigned type = image->sections[i].type;
        char label[VSA_IMAGE_LABEL_SIZE];
        if (++count[type] > section_rules[type].max_count &&
            !(type == VSA_IMAGE_SIGNATURE &&
              vsa_image_tolerate(deviations, VSA_IMAGE_DEVIATES_SIGNATURES)))
            return vsa_fail_at(error, VSA_ERR_IMAGE, VSA_NO_OFFSET, rule_sections,
                               "%s is one too many; there may be %zu",
                               vsa_image_section_label(i, type, label),
                               section_rules[type].max_count);
    }
    for (unsigned type = VSA_IMAGE_KERNEL; type < SECTION_TYPES; type++) {
        bool needed = type <= VSA_IMAGE_RAMDISK ||
                      (type == VSA_IMAGE_METADATA && image->version >= VSA_IMAGE_CURRENT_VERSION);
        if (needed && !count[type] &&
            !(type == VSA_IMAGE_RAMDISK &&
              vsa_image_tolerate(deviations, VSA_IMAGE_DEVIATES_NO_RAMDISK)))
            return vsa_fail_at(error, VSA_ERR_IMAGE, VSA_NO_OFFSET, rule_sections,
                               "the %s section is missing", section_rules[type].name);
    }
    return VSA_OK;
}

enum vsa_status vsa_image_check(const struct vsa_image *image, unsigned *deviations,
                                struct vsa_error *error)
{
    if (image->version < VSA_IMAGE_OLDEST_VERSION || image->version > VSA_IMAGE_CURRENT_VERSION)
        return vsa_fail_at(error, VSA_ERR_IMAGE, VSA_NO_OFFSET, rule_sections,
                           "the header says version %u; known are %d to %d", image->version,
                           VSA_IMAGE_OLDEST_VERSION, VSA_IMAGE_CURRENT_VERSION);
    if (image->section_count > VSA_MAX_IMAGE_SECTIONS)
        return vsa_fail_at(error, VSA_ERR_IMAGE, VSA_NO_OFFSET, rule_sections,
                           "the header says %zu sections; the most is %d", image->section_count,
                           VSA_MAX_IMAGE_SECTIONS);
    for (size_t i = 0; i < image->section_count; i++)
        VSA_TRY(check_section(image, i, deviations, error));
    VSA_TRY(check_order(image, deviations, error));
    return check_counts(image, deviations, error);
}
