/* SPDX-License-Identifier: Apache-2.0 */
/* What a verification that succeeded does not prove: the same sentences for programs and Python. */
#include <vsattest/report.h>

#include "base/slice.h"

/* PCR2 of an image without an application ramdisk: SHA384(0^48 || SHA384("")). */
static const uint8_t empty_pcr2[VSA_PCR_SIZE] = {
    0x21, 0xb9, 0xef, 0xbc, 0x18, 0x48, 0x07, 0x66, 0x2e, 0x96, 0x6d, 0x34, 0xf3, 0x90, 0x82, 0x13,
    0x09, 0xee, 0xac, 0x68, 0x02, 0x30, 0x97, 0x98, 0x82, 0x62, 0x96, 0xbf, 0x3e, 0x8b, 0xec, 0x7c,
    0x10, 0xed, 0xb3, 0x09, 0x48, 0xc9, 0x0b, 0xa6, 0x73, 0x10, 0xf7, 0xb9, 0x64, 0xfc, 0x50, 0x0a,
};

#define PCR_BIT(n) (UINT32_C(1) << (n))

static unsigned image_warnings(uint32_t checked)
{
    uint32_t image = checked & (PCR_BIT(0) | PCR_BIT(1) | PCR_BIT(2) | PCR_BIT(8));
    if (!checked)
        return VSA_WARNING_NO_PCR;
    if (!image)
        return VSA_WARNING_NO_IMAGE_PCR;
    return image == PCR_BIT(2) ? VSA_WARNING_ONLY_PCR2 : 0;
}

unsigned vsa_claims_warnings(const struct vsa_claims *claims)
{
    unsigned warnings = image_warnings(claims->pcrs_checked);
    struct vsa_slice pcr2 = vsa_slice_of(claims->pcrs.value[2], VSA_PCR_SIZE);
    if (!claims->root_is_aws)
        warnings |= VSA_WARNING_OTHER_ROOT;
    if (claims->debug_mode)
        warnings |= VSA_WARNING_DEBUG_MODE;
    if ((claims->pcrs_checked & PCR_BIT(2)) &&
        vsa_slice_equal(pcr2, vsa_slice_of(empty_pcr2, sizeof(empty_pcr2))))
        warnings |= VSA_WARNING_EMPTY_PCR2;
    return warnings;
}

const char *vsa_warning_text(enum vsa_warning warning)
{
    switch (warning) {
    case VSA_WARNING_DEBUG_MODE:
        return "the enclave runs in debug mode: its parent can read its console and its image is "
               "not measured";
    case VSA_WARNING_OTHER_ROOT:
        return "the root certificate is not one of AWS's: the document is of whatever its owner "
               "signs, such as a software NSM";
    case VSA_WARNING_NO_PCR:
        return "no PCR was checked: this proves some Nitro enclave, not which program runs in it";
    case VSA_WARNING_NO_IMAGE_PCR:
        return "no PCR of the image was checked (0, 1, 2 or 8): this does not prove which program "
               "runs";
    case VSA_WARNING_ONLY_PCR2:
        return "of the image only PCR2 was checked, which leaves out kernel, command line and boot "
               "ramdisk; check PCR0 as well";
    case VSA_WARNING_EMPTY_PCR2:
        return "PCR2 is the value of an image without an application ramdisk: it says nothing "
               "about the application; PCR0 or PCR1 does";
    }
    return "unknown warning";
}
