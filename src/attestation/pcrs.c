/* SPDX-License-Identifier: Apache-2.0 */
#include "attestation/pcrs.h"

#include <stdio.h>
#include <strings.h>

#include "base/error.h"
#include "base/hex.h"
#include "base/slice.h"
#include "crypto/digest.h"

/* PCRs that one sentence names before it says "and N more". */
#define NAMED      4
#define NAMES_SIZE 64
/* Digits of a value that are shown. */
#define SHOWN  16
#define BIT(n) (UINT32_C(1) << (n))

/* What a difference means and what to do; the first that fits. Never: take over what runs, unseen.
 */
static const struct {
    uint32_t pcrs;
    const char *text;
} meanings[] = {
    {BIT(0) | BIT(1) | BIT(2), "another image or build: start the one that was measured, or audit "
                               "and measure the one that runs"},
    {BIT(8), "signed by another key, or not at all: expect the PCR8 of the signer you trust"},
    {BIT(3), "the parent has another IAM role, or none (zeros): expect the PCR3 of its role"},
    {BIT(4), "another parent instance: expect the PCR4 of the one that is meant"},
    {UINT32_MAX, "the enclave extended it by something else: expect what it extends it by"},
};

static const char *meaning_of(uint32_t bits)
{
    size_t i = 0;
    while (!(meanings[i].pcrs & bits))
        i++;
    return meanings[i].text;
}

enum vsa_status vsa_pcr_measure_text(struct vsa_slice text, uint8_t value[VSA_PCR_SIZE],
                                     struct vsa_error *error)
{
    static const uint8_t zeros[VSA_PCR_SIZE];
    const struct vsa_slice parts[] = {vsa_slice_of(zeros, sizeof(zeros)), text};
    return vsa_sha384(parts, 2, value, error);
}

struct vsa_pcr_difference vsa_pcrs_compare(const struct vsa_pcrs *expected,
                                           const struct vsa_pcrs *found)
{
    struct vsa_pcr_difference difference = {0, expected->present & ~found->present};
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        if (vsa_has_pcr(expected, i) && vsa_has_pcr(found, i) &&
            !vsa_slice_equal_constant_time(vsa_pcr_value(expected, i), vsa_pcr_value(found, i)))
            difference.differ |= UINT32_C(1) << i;
    return difference;
}

static uint32_t bits_of(struct vsa_pcr_difference difference)
{
    return difference.differ | difference.missing;
}

/* Writes "PCR0, PCR1 and PCR2" and a verb: `one` or `several`. */
static const char *name_pcrs(uint32_t bits, const char *one, const char *several,
                             char text[NAMES_SIZE])
{
    int count = __builtin_popcount(bits);
    size_t size = 0;
    text[0] = '\0';
    for (int n = 0; bits && n < NAMED; n++, bits &= bits - 1) {
        const char *before = n == 0 ? "" : n + 1 == count ? " and " : ", ";
        size +=
            (size_t)snprintf(text + size, NAMES_SIZE - size, "%sPCR%d", before, ffs((int)bits) - 1);
    }
    if (count > NAMED)
        size += (size_t)snprintf(text + size, NAMES_SIZE - size, " and %d more", count - NAMED);
    (void)snprintf(text + size, NAMES_SIZE - size, " %s", count == 1 ? one : several);
    return text;
}

static enum vsa_status fail_missing(uint32_t missing, struct vsa_error *error)
{
    char names[NAMES_SIZE];
    return vsa_fail_at(error, VSA_ERR_PCR_MISSING, VSA_NO_OFFSET, VSA_RULE_PCRS,
                       "%s expected but not in the document: expect it of an enclave that extends "
                       "and locks it (only locked PCRs are in documents)",
                       name_pcrs(missing, "is", "are", names));
}

/* Shows the digits of the first one from where it differs: two values may well begin alike. */
static enum vsa_status fail_one(const struct vsa_pcrs *expected, const struct vsa_pcrs *found,
                                struct vsa_error *error)
{
    struct vsa_pcr_difference difference = vsa_pcrs_compare(expected, found);
    if (!difference.differ)
        return fail_missing(difference.missing, error);
    unsigned index = (unsigned)ffs((int)difference.differ) - 1;
    char names[NAMES_SIZE];
    char have[2 * VSA_PCR_SIZE + 1];
    char want[2 * VSA_PCR_SIZE + 1];
    vsa_hex_encode(vsa_pcr_value(found, index), have, sizeof(have));
    vsa_hex_encode(vsa_pcr_value(expected, index), want, sizeof(want));
    size_t at = 0;
    while (have[at] == want[at])
        at++;
    const char *dots = at < SHOWN ? "" : "...";
    at = at < SHOWN ? 0 : at;
    return vsa_fail_at(error, VSA_ERR_PCR_MISMATCH, VSA_NO_OFFSET, VSA_RULE_PCRS,
                       "%s; PCR%u is %s%.*s..., expected %s%.*s...: %s",
                       name_pcrs(bits_of(difference), "differs", "differ", names), index, dots,
                       SHOWN, have + at, dots, SHOWN, want + at, meaning_of(difference.differ));
}

/* Returns the image with the fewest PCRs that differ, then the most that agree. */
static size_t find_closest(const struct vsa_policy *policy, const struct vsa_pcrs *found)
{
    size_t closest = 0;
    int least = INT32_MAX;
    for (size_t i = 0; i < policy->measurement_count; i++) {
        const struct vsa_pcrs *expected = &policy->measurements[i].pcrs;
        int wrong = __builtin_popcount(bits_of(vsa_pcrs_compare(expected, found)));
        int distance = wrong * 2 * VSA_PCR_COUNT - __builtin_popcount(expected->present);
        if (distance >= least)
            continue;
        least = distance;
        closest = i;
    }
    return closest;
}

static enum vsa_status fail_all(const struct vsa_policy *policy, const struct vsa_pcrs *found,
                                struct vsa_error *error)
{
    char names[NAMES_SIZE];
    char place[VSA_PLACE_SIZE];
    size_t closest = find_closest(policy, found);
    const struct vsa_pcrs *expected = &policy->measurements[closest].pcrs;
    struct vsa_pcr_difference difference = vsa_pcrs_compare(expected, found);
    enum vsa_status status = difference.differ ? VSA_ERR_PCR_MISMATCH : VSA_ERR_PCR_MISSING;
    if (bits_of(difference) == expected->present)
        return vsa_fail_at(error, status, VSA_NO_OFFSET, VSA_RULE_PCRS,
                           "none of %zu measurements matches, in no PCR: %s",
                           policy->measurement_count, meaning_of(bits_of(difference)));
    return vsa_fail_at(error, status, VSA_NO_OFFSET, VSA_RULE_PCRS,
                       "none of %zu measurements matches; in the closest, %s, %s: %s",
                       policy->measurement_count, vsa_measurements_place(policy, closest, place),
                       name_pcrs(bits_of(difference), "differs", "differ", names),
                       meaning_of(bits_of(difference)));
}

enum vsa_status vsa_policy_match_pcrs(const struct vsa_policy *policy, const struct vsa_pcrs *found,
                                      const struct vsa_measurements **image,
                                      struct vsa_error *error)
{
    *image = NULL;
    if (bits_of(vsa_pcrs_compare(&policy->pcrs, found)))
        return fail_one(&policy->pcrs, found, error);
    if (!policy->measurement_count)
        return VSA_OK;
    for (size_t i = 0; i < policy->measurement_count; i++) {
        if (bits_of(vsa_pcrs_compare(&policy->measurements[i].pcrs, found)))
            continue;
        *image = &policy->measurements[i];
        return VSA_OK;
    }
    if (policy->measurement_count == 1)
        return fail_one(&policy->measurements[0].pcrs, found, error);
    return fail_all(policy, found, error);
}

const char *vsa_measurements_place(const struct vsa_policy *policy, size_t index,
                                   char text[VSA_PLACE_SIZE])
{
    const struct vsa_measurements *image = &policy->measurements[index];
    if (!image->file)
        (void)snprintf(text, VSA_PLACE_SIZE, "[%zu]", index);
    else if (image->index == VSA_NO_INDEX)
        (void)snprintf(text, VSA_PLACE_SIZE, "%.40s", image->file);
    else
        (void)snprintf(text, VSA_PLACE_SIZE, "%.40s[%zu]", image->file, image->index);
    return text;
}
