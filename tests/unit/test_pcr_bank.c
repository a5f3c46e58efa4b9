/* SPDX-License-Identifier: Apache-2.0 */
/* Lock rules as AWS's nsm-check sees them; known values of AWS's User Guide and real documents. */
#include "software_nsm/pcr_bank.h"

#include "attestation/pcrs.h"
#include "base/slice.h"
#include "software_nsm_fixture.h"
#include "unit_test.h"

static void assert_pcr(const uint8_t value[VSA_PCR_SIZE], const char *hex)
{
    struct vsa_slice expected = from_hex(hex);
    assert_int_equal(expected.size, VSA_PCR_SIZE);
    assert_memory_equal(value, expected.data, VSA_PCR_SIZE);
}

static enum vsa_nsm_code extend(struct vsa_pcr_bank *bank, unsigned index, const char *data)
{
    return vsa_pcr_bank_extend(bank, index, vsa_slice_of_text(data), NULL);
}

static void test_at_boot(void **state)
{
    (void)state;
    struct vsa_pcr_bank bank;
    vsa_pcr_bank_init(&bank);
    assert_int_equal(bank.locked, 0x0000ffff);
    for (size_t i = 0; i < VSA_PCR_COUNT; i++)
        for (size_t j = 0; j < VSA_PCR_SIZE; j++)
            assert_int_equal(bank.value[i][j], 0);
}

static void test_measured_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *value;
    } rows[] = {
        {"arn:aws:iam::123456789012:role/Webserver",
         "78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef4fc1f1a452e315b9"
         "e98f9e312e6921e6"},
        {"i-1234567890abcdef0",
         "08f996b5d43e047a9eb51e7f548bfee7e164fd7dc8f65541f2ac09d6545ac812719327281c401a67"
         "a10fcba87ae79ce0"},
        {"i-0f73a4b4cb74cc9f2",
         "9ab5a1aba055ee41ee254b9b251a58259b29fa1096859762744e9ac73b5869b25e51223854d9f86a"
         "dbb37fe69f3e5d1c"},
        {"i-0340e0cb833504eb6",
         "eb85f08a56f45ba20730ca9f061557e0d8361000b03348bb7afb1af949bcd6af7a7bb863e93e8a89"
         "326ff79bb021074b"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t value[VSA_PCR_SIZE];
        assert_int_equal(vsa_pcr_measure_text(vsa_slice_of_text(rows[i].text), value, NULL),
                         VSA_OK);
        assert_pcr(value, rows[i].value);
    }
}

static void test_extend(void **state)
{
    (void)state;
    struct vsa_pcr_bank bank;
    vsa_pcr_bank_init(&bank);
    assert_int_equal(extend(&bank, 16, "hello"), VSA_NSM_SUCCESS);
    assert_pcr(bank.value[16], "30e84b2d7eeffe6d90a475797b35e59a11b0da473eee4b3b8edfe73daf0279801b"
                               "b18730c39db7f27f2f77b7b458cb9e");
    /* SHA384(that || "world"), by another implementation. */
    assert_int_equal(extend(&bank, 16, "world"), VSA_NSM_SUCCESS);
    assert_pcr(bank.value[16],
               "b2813aa7c511db60aefc74615b21fc7b96cc468692c70350537f344db9f9458ecbe1fcce9772030c"
               "ba1e22c9ff6bf4f5");
    assert_int_equal(extend(&bank, 31, ""), VSA_NSM_SUCCESS);
    assert_int_equal(extend(&bank, 32, "x"), VSA_NSM_INVALID_INDEX);
    assert_int_equal(extend(&bank, 65535, "x"), VSA_NSM_INVALID_INDEX);
}

static void test_extend_locked(void **state)
{
    (void)state;
    struct vsa_pcr_bank bank;
    vsa_pcr_bank_init(&bank);
    for (unsigned index = 0; index < 16; index++)
        assert_int_equal(extend(&bank, index, "x"), VSA_NSM_READ_ONLY_INDEX);
    assert_int_equal(bank.value[15][0], 0);
    assert_int_equal(vsa_pcr_bank_lock(&bank, 16), VSA_NSM_SUCCESS);
    assert_int_equal(extend(&bank, 16, "x"), VSA_NSM_READ_ONLY_INDEX);
    assert_int_equal(extend(&bank, 17, "x"), VSA_NSM_SUCCESS);
}

static void test_lock(void **state)
{
    (void)state;
    struct vsa_pcr_bank bank;
    vsa_pcr_bank_init(&bank);
    assert_int_equal(vsa_pcr_bank_lock(&bank, 31), VSA_NSM_SUCCESS);
    assert_int_equal(bank.locked, 0x8000ffff);
    assert_int_equal(vsa_pcr_bank_lock(&bank, 31), VSA_NSM_READ_ONLY_INDEX);
    assert_int_equal(vsa_pcr_bank_lock(&bank, 0), VSA_NSM_READ_ONLY_INDEX);
    assert_int_equal(vsa_pcr_bank_lock(&bank, 32), VSA_NSM_INVALID_INDEX);
    assert_int_equal(bank.locked, 0x8000ffff);
}

static void test_lock_range(void **state)
{
    (void)state;
    struct vsa_pcr_bank bank;
    vsa_pcr_bank_init(&bank);
    assert_int_equal(vsa_pcr_bank_lock_range(&bank, 0), VSA_NSM_SUCCESS);
    assert_int_equal(bank.locked, 0x0000ffff);
    assert_int_equal(vsa_pcr_bank_lock_range(&bank, 20), VSA_NSM_SUCCESS);
    assert_int_equal(bank.locked, 0x000fffff);
    assert_int_equal(vsa_pcr_bank_lock_range(&bank, 33), VSA_NSM_INVALID_INDEX);
    assert_int_equal(vsa_pcr_bank_lock_range(&bank, 65535), VSA_NSM_INVALID_INDEX);
    assert_int_equal(bank.locked, 0x000fffff);
    assert_int_equal(vsa_pcr_bank_lock_range(&bank, 32), VSA_NSM_SUCCESS);
    assert_int_equal(vsa_pcr_bank_lock_range(&bank, 32), VSA_NSM_SUCCESS);
    assert_int_equal(bank.locked, 0xffffffff);
}

static void test_indexes(void **state)
{
    (void)state;
    assert_int_equal(vsa_pcr_bank_check_index(0), VSA_NSM_SUCCESS);
    assert_int_equal(vsa_pcr_bank_check_index(31), VSA_NSM_SUCCESS);
    assert_int_equal(vsa_pcr_bank_check_index(32), VSA_NSM_INVALID_INDEX);
}

/* The values of the man page: printf 'software_nsm PCR0' | sha384sum */
static void test_placeholders(void **state)
{
    (void)state;
    struct vsa_pcr_bank bank;
    vsa_pcr_bank_init(&bank);
    assert_int_equal(vsa_pcr_bank_set_placeholders(&bank, NULL), VSA_OK);
    assert_pcr(bank.value[0],
               "c70c67ce8b6b174bd1429ea7691c185262768063347aec82aa82c3ca21509d2dcaa8f66874d080e0"
               "b7409ddb0478a398");
    assert_pcr(bank.value[1],
               "6b407f6c636462366e1bf94a0bdccd9d5cf8ca7ee7e45fd44ac9699cff0c34224ca5370fa87e0fb7"
               "3e5ef545e8a84a7b");
    assert_pcr(bank.value[2],
               "0e6d1125db3550ba9278c946ffe060ed957d010c7914175276ab5f8bf6ec5afa0d4545acc1376830"
               "2d4883937e97a365");
    assert_int_equal(bank.value[3][0], 0);
}

static void test_debug_mode(void **state)
{
    (void)state;
    struct vsa_pcr_bank bank;
    memset(&bank, 0xaa, sizeof(bank));
    vsa_pcr_bank_set_debug(&bank);
    for (size_t i = 0; i < VSA_PCR_COUNT; i++) {
        bool hidden = i <= 2 || i == 8;
        assert_int_equal(bank.value[i][0], hidden ? 0 : 0xaa);
        assert_int_equal(bank.value[i][VSA_PCR_SIZE - 1], hidden ? 0 : 0xaa);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_boot),    cmocka_unit_test(test_measured_texts),
        cmocka_unit_test(test_extend),     cmocka_unit_test(test_extend_locked),
        cmocka_unit_test(test_lock),       cmocka_unit_test(test_lock_range),
        cmocka_unit_test(test_indexes),    cmocka_unit_test(test_placeholders),
        cmocka_unit_test(test_debug_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
