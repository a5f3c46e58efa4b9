/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed requests without a server: opened in the thread, accepted here, their replies sealed. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/slice.h"
#include "protocol/json.h"
#include "seal_client.h"
#include "sealing/sealing.h"

#define TEXT "{\"command\":\"ping\"}"

static struct vsa_event_loop loop;
static struct vsa_budget budget;
static struct vsa_sealing *sealing;
static struct seal_client client;

static void on_woken(void *user)
{
    (void)user;
}

static void on_done(void *user)
{
    vsa_event_loop_wake(user);
}

static int set_up(void **state)
{
    (void)state;
    budget = (struct vsa_budget){.limit = 1 << 20};
    assert_int_equal(vsa_event_loop_open(&loop, on_woken, NULL, NULL), VSA_OK);
    sealing = calloc(1, sizeof(*sealing));
    assert_non_null(sealing);
    sealing->loop = &loop;
    sealing->budget = &budget;
    sealing->max_queue = 2;
    sealing->done = on_done;
    sealing->user = &loop;
    sealing->keys.suite = vsa_hpke_find_suite(VSA_HPKE_X25519);
    sealing->keys.lifetime_ms = 600000;
    sealing->keys.overlap_ms = 1000;
    sealing->keys.max_uses = 1024;
    assert_int_equal(vsa_sealing_begin(sealing, NULL), VSA_OK);
    seal_client_init(&client, &sealing->keys.current->config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    seal_client_free(&client);
    vsa_sealing_free(sealing);
    vsa_event_loop_close(&loop);
    assert_int_equal(vsa_counter_get(&budget.used), 0);
    return 0;
}

static enum vsa_status take(const char *line, struct vsa_sealed **sealed)
{
    VSA_AUTO_JSON json_t *object = NULL;
    struct vsa_slice apart;
    *sealed = NULL;
    assert_int_equal(vsa_json_parse_sealed(vsa_slice_of_text(line), &object, &apart, NULL), VSA_OK);
    return vsa_sealed_new(sealing, object, apart, sealed, NULL);
}

static struct vsa_sealed *put(const char *line)
{
    struct vsa_sealed *sealed;
    assert_int_equal(take(line, &sealed), VSA_OK);
    assert_int_equal(vsa_sealed_put(sealed, NULL), VSA_OK);
    return sealed;
}

static struct vsa_sealed *next(void)
{
    struct vsa_sealed *sealed;
    while (!(sealed = vsa_sealing_next(sealing)))
        vsa_event_loop_iterate(&loop);
    return sealed;
}

static void opened_and_answered(void **state)
{
    (void)state;
    static char line[VSA_MAX_REPLY_LINE];
    const struct vsa_slice parts[] = {vsa_slice_of_text("{\"success\":true"), vsa_slice_of(NULL, 0),
                                      vsa_slice_of_text("}")};
    struct vsa_slice text;
    struct vsa_sealed *sealed = put(seal_client_seal(&client, NULL, "tenant", TEXT));
    assert_int_equal(vsa_sealing_start(sealing, NULL), VSA_OK);
    assert_ptr_equal(next(), sealed);
    assert_int_equal(vsa_sealed_accept(sealed, NULL), VSA_OK);
    assert_int_equal(sealed->request.size, strlen(TEXT));
    assert_memory_equal(sealed->request.data, TEXT, strlen(TEXT));
    assert_int_equal(sealed->origin.aad_size, strlen("tenant"));
    assert_string_equal(sealed->origin.sender, "");
    vsa_sealed_forget_text(sealed);
    assert_null(sealed->request.data);
    assert_int_equal(vsa_sealed_reply(sealed, parts, 3, &text, NULL), VSA_OK);
    (void)snprintf(line, sizeof(line), "%.*s,\"id\":\"outer\"}\n", (int)text.size,
                   (const char *)text.data);
    assert_string_equal(seal_client_open(&client, line), "{\"success\":true}");
    vsa_sealed_release(sealed);
}

static void accepted_once(void **state)
{
    (void)state;
    const char *line = seal_client_seal(&client, NULL, NULL, TEXT);
    struct vsa_sealed *first = put(line);
    struct vsa_sealed *again = put(line);
    assert_int_equal(vsa_sealing_start(sealing, NULL), VSA_OK);
    assert_ptr_equal(next(), first);
    assert_ptr_equal(next(), again);
    assert_int_equal(vsa_sealed_accept(first, NULL), VSA_OK);
    assert_int_equal(vsa_sealed_accept(again, NULL), VSA_ERR_REPLAYED);
    vsa_sealed_release(first);
    vsa_sealed_release(again);
}

static void what_does_not_open(void **state)
{
    (void)state;
    (void)seal_client_seal(&client, NULL, NULL, TEXT);
    client.bytes[client.size - 1] ^= 1;
    struct vsa_sealed *sealed = put(seal_client_line(&client, NULL));
    assert_int_equal(vsa_sealing_start(sealing, NULL), VSA_OK);
    assert_ptr_equal(next(), sealed);
    assert_int_equal(vsa_sealed_accept(sealed, NULL), VSA_ERR_SEALED);
    vsa_sealed_release(sealed);
}

static void what_is_refused_at_once(void **state)
{
    (void)state;
    struct vsa_sealed *sealed;
    assert_int_equal(take("{\"command\":\"sealed\"}", &sealed), VSA_ERR_FIELD);
    assert_int_equal(take("{\"command\":\"sealed\",\"sealed\":7}", &sealed), VSA_ERR_FIELD);
    assert_int_equal(take("{\"command\":\"sealed\",\"sealed\":\"AA==\"}", &sealed), VSA_ERR_FIELD);
    assert_int_equal(take("{\"command\":\"sealed\",\"sealed\":\"=\"}", &sealed), VSA_ERR_BASE64);
    (void)seal_client_seal(&client, NULL, NULL, TEXT);
    client.bytes[0] ^= 1; /* its key's number */
    assert_int_equal(take(seal_client_line(&client, NULL), &sealed), VSA_ERR_SEALED_KEY);
    client.bytes[0] ^= 1;
    budget.limit = 100;
    assert_int_equal(take(seal_client_line(&client, NULL), &sealed), VSA_ERR_BUSY);
    assert_int_equal(vsa_counter_get(&budget.used), 0);
}

/* The queue has two places; one that none waits for any more is taken back, and gives its own. */
static void abandoned(void **state)
{
    (void)state;
    const char *line = seal_client_seal(&client, NULL, NULL, TEXT);
    struct vsa_sealed *first = put(line);
    struct vsa_sealed *third;
    (void)put(line); /* freed with the thread's queue */
    assert_int_equal(take(line, &third), VSA_OK);
    assert_int_equal(vsa_sealed_put(third, NULL), VSA_ERR_BUSY);
    assert_false(first->awaited.kind->has_begun(&first->awaited));
    first->awaited.kind->abandon(&first->awaited);
    assert_int_equal(vsa_counter_get(&sealing->depth), 1);
    assert_int_equal(vsa_sealed_put(third, NULL), VSA_OK);
}

static void reply_too_large(void **state)
{
    (void)state;
    static char large[VSA_SEAL_MAX_PLAINTEXT];
    const struct vsa_slice parts[] = {vsa_slice_of(large, sizeof(large)), vsa_slice_of_text("}")};
    struct vsa_slice text;
    struct vsa_sealed *sealed = put(seal_client_seal(&client, NULL, NULL, TEXT));
    assert_int_equal(vsa_sealing_start(sealing, NULL), VSA_OK);
    assert_ptr_equal(next(), sealed);
    assert_int_equal(vsa_sealed_accept(sealed, NULL), VSA_OK);
    memset(large, 'x', sizeof(large));
    assert_int_equal(vsa_sealed_reply(sealed, parts, 2, &text, NULL), VSA_ERR_TOO_LARGE);
    assert_null(memchr(sealing->plaintext, 'x', sizeof(sealing->plaintext)));
    assert_int_equal(vsa_sealed_reply(sealed, parts, 1, &text, NULL), VSA_OK);
    vsa_sealed_release(sealed);
}

/* Of what came sealed, the budget shows steps, not sizes. */
static void charged_in_steps(void **state)
{
    (void)state;
    struct vsa_sealed *sealed;
    size_t charged = 0;
    assert_int_equal(take(seal_client_seal(&client, NULL, NULL, TEXT), &sealed), VSA_OK);
    assert_int_equal(vsa_sealed_charge(NULL, &budget, 5, &charged, NULL), VSA_OK);
    assert_int_equal(charged, 5);
    vsa_budget_refund(&budget, charged);
    assert_int_equal(vsa_sealed_charge(sealed, &budget, 5, &charged, NULL), VSA_OK);
    assert_int_equal(charged, 4096);
    vsa_budget_refund(&budget, charged);
    vsa_sealed_release(sealed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opened_and_answered),     TEST(accepted_once), TEST(what_does_not_open),
        TEST(what_is_refused_at_once), TEST(abandoned),     TEST(reply_too_large),
        TEST(charged_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
