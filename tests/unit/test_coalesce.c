/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "base/slice.h"
#include "pipeline_fixture.h"
#include "server/call.h"

static void test_shared_call(void **state)
{
    (void)state;
    int one = connect_stream();
    int other = connect_stream();
    int third = connect_stream();
    begin_request(one, ATTEST);
    begin_request(other, "{\"command\":\"attest\",\"id\":2}\n");
    begin_request(third, NONCE);
    assert_in_flight(3);
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.coalesced), 1);
    start_worker();
    assert_says(one, "attestation_document");
    assert_says(other, "\"id\":2}\n");
    assert_says(third, "\"nonce\":\"n\"");
    assert_int_equal(pipeline.fake.attestations, 2);
    assert_null(vsa_list_first(&pipeline.requests.sharing.under_way));
}

/* Calls leave the list while the thread works on their neighbours: for ThreadSanitizer. */
static void test_neighbours(void **state)
{
    (void)state;
    enum { ROUNDS = 100, PEERS = 2 };
    int peers[PEERS];
    pipeline.requests.sharing.ttl_ms = 1;
    for (int i = 0; i < PEERS; i++)
        peers[i] = connect_stream();
    start_worker();
    for (int i = 0; i < ROUNDS * PEERS; i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "{\"command\":\"attest\",\"user_data\":\"%d\"}\n", i);
        send_text(peers[i % PEERS], line);
        if (i % PEERS < PEERS - 1)
            continue;
        for (int k = 0; k < PEERS; k++)
            assert_says(peers[k], "attestation_document");
    }
    assert_int_equal(pipeline.fake.attestations, ROUNDS * PEERS);
}

static void test_kept_replies(void **state)
{
    (void)state;
    int peer = connect_stream();
    const struct vsa_slice kept = vsa_slice_of("{\"kept\":1", 9);
    struct vsa_share share = {0};
    struct vsa_share_key key;
    const struct vsa_attest_request asked = {
        .user_data = vsa_slice_of(VSA_DEFAULT_USER_DATA, strlen(VSA_DEFAULT_USER_DATA))};
    pipeline.requests.sharing.ttl_ms = 600000;
    assert_true(vsa_share_key_of(&asked, &key));
    vsa_sharing_begin(&pipeline.requests.sharing, &share, &key);
    vsa_sharing_keep(&pipeline.requests.sharing, &share, kept, pipeline.loop.now_ms, 600000);
    vsa_list_remove(&share.place);
    send_text(peer, ATTEST);
    assert_says(peer, "{\"kept\":1,\"cached\":true,\"age_ms\":");
    assert_int_equal(vsa_counter_get(&pipeline.requests.counters.cached), 1);
    /* The NSM is lost: another one may come back. */
    pipeline.fake.status = VSA_ERR_NSM_UNREACHABLE;
    start_worker();
    send_text(peer, NONCE);
    assert_says(peer, "nsm_unreachable");
    assert_int_equal(pipeline.events[VSA_EVENT_NSM_UNREACHABLE], 1);
    send_text(peer, ATTEST);
    assert_says(peer, "nsm_unreachable");
}

/* Nothing is kept, and nothing under way: the request is the caller's. */
static void test_nothing_to_share(void **state)
{
    (void)state;
    const struct vsa_request request = {0};
    const struct vsa_share_key key = {{1}};
    assert_false(vsa_call_coalesce(&pipeline.requests, &request, &key));
    assert_int_equal(pipeline.events[VSA_EVENT_REQUEST], 0);
    assert_in_flight(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pipeline_set_up, pipeline_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shared_call),
        TEST(test_neighbours),
        TEST(test_kept_replies),
        TEST(test_nothing_to_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
