/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "verifierd/limits.h"
#include "verifierd/store_memory.h"

#define NOW_MS INT64_C(1768478400000)

static int64_t monotonic_ms;

/* Stands in for the library's. */
__attribute__((used)) int64_t __wrap_vsa_monotonic_ms(void);
int64_t __wrap_vsa_monotonic_ms(void)
{
    return monotonic_ms;
}

static struct vsa_store *fresh(void)
{
    struct vsa_store *store = NULL;
    monotonic_ms = 1000;
    assert_int_equal(vsa_store_memory_new(5000, NOW_MS, &store, NULL), VSA_OK);
    return store;
}

static struct vsa_challenge numbered(uint64_t number)
{
    struct vsa_challenge challenge = {.issued_ms = NOW_MS};
    /* Spread like a MAC's first bytes. */
    uint32_t hash = (uint32_t)(number * 2654435761u);
    memcpy(challenge.mac, &hash, sizeof(hash));
    memcpy(challenge.mac + 8, &number, sizeof(number));
    return challenge;
}

static enum vsa_redemption redeem(struct vsa_store *store, uint64_t number)
{
    enum vsa_redemption redemption;
    const struct vsa_challenge challenge = numbered(number);
    assert_int_equal(vsa_store_redeem(store, &challenge, NOW_MS, &redemption, NULL), VSA_OK);
    return redemption;
}

static void first_and_again(void **state)
{
    (void)state;
    struct vsa_store *store = fresh();
    enum vsa_redemption redemption;
    const struct vsa_challenge challenge = numbered(1);
    assert_false(store->is_shared);
    assert_int_equal(vsa_store_probe(store, NOW_MS, NULL), VSA_OK);
    assert_int_equal(vsa_store_look(store, &challenge, NOW_MS, &redemption, NULL), VSA_OK);
    assert_int_equal(redemption, VSA_REDEMPTION_FIRST);
    assert_int_equal(redeem(store, 1), VSA_REDEMPTION_FIRST);
    assert_int_equal(redeem(store, 1), VSA_REDEMPTION_AGAIN);
    assert_int_equal(redeem(store, 2), VSA_REDEMPTION_FIRST);
    assert_int_equal(redeem(store, 2), VSA_REDEMPTION_AGAIN);
    vsa_store_free(store);
}

static void from_before_its_memory(void **state)
{
    (void)state;
    struct vsa_store *store = fresh();
    enum vsa_redemption redemption;
    struct vsa_challenge challenge = numbered(1);
    challenge.issued_ms = NOW_MS - 1;
    assert_int_equal(vsa_store_redeem(store, &challenge, NOW_MS, &redemption, NULL), VSA_OK);
    assert_int_equal(redemption, VSA_REDEMPTION_FORGOTTEN);
    assert_int_equal(vsa_store_look(store, &challenge, NOW_MS, &redemption, NULL), VSA_OK);
    assert_int_equal(redemption, VSA_REDEMPTION_FORGOTTEN);
    vsa_store_free(store);
}

/* Remembered as long as a challenge can be valid, whenever the generations turn. */
static void remembers_and_forgets(void **state)
{
    (void)state;
    const int64_t life_ms = VSA_CHALLENGE_LIFETIME_MS + 5000;
    struct vsa_store *store = fresh();
    for (uint64_t i = 0; i < 50; i++) {
        assert_int_equal(redeem(store, i), VSA_REDEMPTION_FIRST);
        monotonic_ms += life_ms;
        assert_int_equal(redeem(store, i), VSA_REDEMPTION_AGAIN);
        monotonic_ms += (int64_t)i * 9973;
    }
    monotonic_ms += 3 * (life_ms + VSA_STORE_MARGIN_MS);
    assert_int_equal(redeem(store, 49), VSA_REDEMPTION_FIRST);
    monotonic_ms += INT64_C(1000) * 365 * 86400 * 1000;
    assert_int_equal(redeem(store, 49), VSA_REDEMPTION_FIRST);
    vsa_store_free(store);
}

/* A full one refuses, and forgets nothing. */
static void full(void **state)
{
    (void)state;
    struct vsa_store *store = fresh();
    enum vsa_redemption redemption;
    const struct vsa_challenge one_more = numbered(VSA_MEMORY_STORE_ENTRIES);
    for (uint64_t i = 0; i < VSA_MEMORY_STORE_ENTRIES; i++)
        assert_int_equal(redeem(store, i), VSA_REDEMPTION_FIRST);
    assert_int_equal(vsa_store_redeem(store, &one_more, NOW_MS, &redemption, NULL), VSA_ERR_BUSY);
    assert_int_equal(redeem(store, 0), VSA_REDEMPTION_AGAIN);
    assert_int_equal(redeem(store, VSA_MEMORY_STORE_ENTRIES - 1), VSA_REDEMPTION_AGAIN);
    vsa_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_and_again),
        cmocka_unit_test(from_before_its_memory),
        cmocka_unit_test(remembers_and_forgets),
        cmocka_unit_test(full),
    };
    return cmocka_run_group_tests_name("store_memory", tests, NULL, NULL);
}
