/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/pem.h"
#include "base/slice.h"
#include "crypto/key.h"
#include "seal/sender.h"
#include "sealing/senders.h"

static char pem[3][512];
static char thumbprint[3][VSA_SENDER_THUMBPRINT + 1];

static void make_key(enum vsa_curve curve, char *text, size_t capacity, char *print)
{
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    uint8_t der[VSA_MAX_EC_SPKI];
    struct vsa_slice spki;
    struct vsa_slice out;
    assert_int_equal(vsa_key_generate(curve, &key, NULL), VSA_OK);
    assert_int_equal(vsa_key_write_public(key, der, sizeof(der), &spki, NULL), VSA_OK);
    assert_int_equal(vsa_pem_encode("PUBLIC KEY", spki, text, capacity, &out, NULL), VSA_OK);
    assert_int_equal(vsa_sender_thumbprint_of(spki, print, NULL), VSA_OK);
}

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        make_key(VSA_CURVE_P384, pem[i], sizeof(pem[i]), thumbprint[i]);
    return 0;
}

static enum vsa_status allow(struct vsa_senders *senders, const char *command, const char *text)
{
    return vsa_senders_allow(senders, command, vsa_slice_of_text(text), NULL);
}

static void without_any(void **state)
{
    (void)state;
    struct vsa_senders senders = {0};
    assert_false(vsa_senders_are_named(&senders, "x", false));
    assert_true(vsa_senders_may_send(&senders, "x", ""));
    assert_true(vsa_senders_may_send(&senders, "x", thumbprint[0]));
    vsa_senders_clear(&senders);
}

static void for_one_command_and_for_all_others(void **state)
{
    (void)state;
    char both[1100];
    struct vsa_senders senders = {0};
    (void)snprintf(both, sizeof(both), "# ours\n%s\nsome text\n%s", pem[0], pem[1]);
    assert_int_equal(allow(&senders, "x", both), VSA_OK);
    assert_int_equal(senders.count, 2);
    assert_true(vsa_senders_are_named(&senders, "x", true));
    assert_false(vsa_senders_are_named(&senders, "y", false));
    assert_true(vsa_senders_may_send(&senders, "x", thumbprint[0]));
    assert_true(vsa_senders_may_send(&senders, "x", thumbprint[1]));
    assert_false(vsa_senders_may_send(&senders, "x", thumbprint[2]));
    assert_false(vsa_senders_may_send(&senders, "x", ""));
    assert_true(vsa_senders_may_send(&senders, "y", ""));
    assert_int_equal(allow(&senders, NULL, pem[2]), VSA_OK);
    assert_true(vsa_senders_may_send(&senders, "y", thumbprint[2]));
    assert_false(vsa_senders_may_send(&senders, "y", thumbprint[0]));
    assert_false(vsa_senders_may_send(&senders, "y", ""));
    assert_false(vsa_senders_may_send(&senders, "x", thumbprint[2])); /* its own list counts */
    assert_true(vsa_senders_are_named(&senders, "y", false));
    assert_false(vsa_senders_are_named(&senders, "ping", true));
    vsa_senders_clear(&senders);
}

static void what_is_no_key(void **state)
{
    (void)state;
    char other[512];
    char print[VSA_SENDER_THUMBPRINT + 1];
    char text[1100];
    char name[VSA_MAX_COMMAND_NAME + 2];
    struct vsa_senders senders = {0};
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    make_key(VSA_CURVE_P256, other, sizeof(other), print);
    assert_int_equal(allow(&senders, NULL, ""), VSA_ERR_ARGUMENT);
    assert_int_equal(allow(&senders, NULL, "no key"), VSA_ERR_ARGUMENT);
    assert_int_equal(allow(&senders, NULL, other), VSA_ERR_ARGUMENT);
    assert_int_equal(allow(&senders, "", pem[0]), VSA_ERR_ARGUMENT);
    assert_int_equal(allow(&senders, "*", pem[0]), VSA_ERR_ARGUMENT);
    assert_int_equal(allow(&senders, name, pem[0]), VSA_ERR_ARGUMENT);
    (void)snprintf(text, sizeof(text), "%s%s", pem[0], other);
    assert_int_equal(allow(&senders, NULL, text), VSA_ERR_ARGUMENT);
    assert_int_equal(senders.count, 0);
    (void)snprintf(text, sizeof(text), "%.60s", pem[0]);
    assert_int_equal(allow(&senders, NULL, text), VSA_ERR_ARGUMENT);
    for (int i = 0; i < VSA_MAX_SENDERS; i++)
        assert_int_equal(allow(&senders, "x", pem[0]), VSA_OK);
    assert_int_equal(allow(&senders, "x", pem[0]), VSA_ERR_TOO_MANY);
    assert_int_equal(senders.count, VSA_MAX_SENDERS);
    vsa_senders_clear(&senders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_any),
        cmocka_unit_test(for_one_command_and_for_all_others),
        cmocka_unit_test(what_is_no_key),
    };
    return cmocka_run_group_tests_name("senders", tests, set_up, NULL);
}
