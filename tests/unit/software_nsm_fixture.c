/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm_fixture.h"

#include "attestation/pcrs.h"
#include "base/hex.h"
#include "base/slice.h"
#include "unit_test.h"

struct vsa_slice from_hex(const char *text)
{
    static uint8_t buffers[16][VSA_NSM_MAX_RESPONSE];
    static size_t next;
    uint8_t *buffer = buffers[next++ % 16];
    size_t size = 0;
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        assert_in_range(size, 0, VSA_NSM_MAX_RESPONSE - 1);
        assert_int_equal(vsa_hex_decode(vsa_slice_of(text, 2), buffer + size, 1, NULL), VSA_OK);
        size++;
        text++;
    }
    return vsa_slice_of(buffer, size);
}

static struct vsa_authority *make_authority(uint8_t *root, size_t *root_size)
{
    struct vsa_error error = {0};
    struct vsa_key *key = NULL;
    struct vsa_slice der;
    struct vsa_module_id module_id;
    struct vsa_authority *authority = NULL;
    assert_int_equal(
        vsa_authority_make_root(FIXTURE_NOW_MS, &key, root, VSA_MAX_CERTIFICATE, &der, &error),
        VSA_OK);
    *root_size = der.size;
    assert_int_equal(vsa_module_id_parse(FIXTURE_MODULE_ID, &module_id, &error), VSA_OK);
    assert_int_equal(vsa_authority_new(key, der, &module_id, &authority, &error), VSA_OK);
    return authority;
}

struct vsa_authority *fixture_authority(void)
{
    uint8_t root[VSA_MAX_CERTIFICATE];
    size_t root_size = 0;
    return make_authority(root, &root_size);
}

struct vsa_pcr_bank fixture_bank(void)
{
    struct vsa_pcr_bank bank;
    vsa_pcr_bank_init(&bank);
    assert_int_equal(vsa_pcr_bank_set_placeholders(&bank, NULL), VSA_OK);
    assert_int_equal(
        vsa_pcr_measure_text(vsa_slice_of_text("i-0123456789abcdef0"), bank.value[4], NULL),
        VSA_OK);
    return bank;
}

struct vsa_software_nsm *fixture_software_nsm(uint8_t root[VSA_MAX_CERTIFICATE], size_t *root_size)
{
    struct vsa_software_nsm *nsm = NULL;
    struct vsa_authority *authority = make_authority(root, root_size);
    struct vsa_pcr_bank bank = fixture_bank();
    assert_int_equal(vsa_software_nsm_new(authority, &bank, &nsm, NULL), VSA_OK);
    return nsm;
}
