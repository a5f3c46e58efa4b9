/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <sys/un.h>

#include <linux/vm_sockets.h>

#include "server/peers.h"

static const struct vsa_bucket_rule rule = {.rate = 1, .burst = 1};

static uint64_t peer_of_cid(uint32_t cid, uint32_t port, uint64_t connection)
{
    /* An address as accept(2) fills it in: no socket is made here. */
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
    return vsa_peer_of((const struct sockaddr *)&address, sizeof(address), connection);
}

static uint64_t peer_of_unix(uint64_t connection)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    return vsa_peer_of((const struct sockaddr *)&address, sizeof(address.sun_family), connection);
}

static void who_is_who(void **state)
{
    (void)state;
    assert_int_equal(peer_of_cid(3, 1000, 1), peer_of_cid(3, 2000, 2));
    assert_int_not_equal(peer_of_cid(3, 1000, 1), peer_of_cid(4, 1000, 1));
    assert_true(vsa_peer_is_cid(peer_of_cid(3, 1000, 1)));
    assert_true(vsa_peer_is_cid(peer_of_cid(UINT32_MAX, 1000, 1)));
    assert_int_not_equal(peer_of_unix(1), peer_of_unix(2));
    assert_false(vsa_peer_is_cid(peer_of_unix(1)));
    /* No connection passes for a CID. */
    assert_int_not_equal(peer_of_unix(3), peer_of_cid(3, 1000, 1));
    /* Half an address is none. */
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = 3};
    assert_false(
        vsa_peer_is_cid(vsa_peer_of((const struct sockaddr *)&address, sizeof(address) - 1, 1)));
}

static bool may(struct vsa_peers *peers, uint64_t peer, int64_t now_ms)
{
    struct vsa_bucket *bucket = vsa_peers_bucket(peers, peer, &rule, now_ms);
    if (vsa_bucket_wait_ms(bucket, &rule, now_ms) > 0)
        return false;
    vsa_bucket_take(bucket, &rule, now_ms);
    return true;
}

static void each_has_its_own(void **state)
{
    (void)state;
    struct vsa_peers peers = {0};
    assert_true(may(&peers, 3, 0));
    assert_false(may(&peers, 3, 999));
    assert_true(may(&peers, 4, 999));
    assert_true(may(&peers, 3, 1000));
    assert_int_equal(peers.count, 2);
}

/* As many as come: the table stays, and nobody who was limited is forgotten. */
static void table_is_bounded(void **state)
{
    (void)state;
    struct vsa_peers peers = {0};
    for (uint64_t cid = 0; cid < VSA_MAX_LIMITED_PEERS; cid++)
        assert_true(may(&peers, cid, 0));
    assert_int_equal(peers.count, VSA_MAX_LIMITED_PEERS);
    /* One allowance for all others. */
    assert_true(may(&peers, 1000, 0));
    for (uint64_t cid = 1000; cid < 100000; cid++)
        assert_false(may(&peers, cid, 1));
    assert_int_equal(peers.count, VSA_MAX_LIMITED_PEERS);
    for (uint64_t cid = 0; cid < VSA_MAX_LIMITED_PEERS; cid++)
        assert_false(may(&peers, cid, 999));
}

/* A full bucket is as good as none: its place is given away, and only its. */
static void full_buckets_are_forgotten(void **state)
{
    (void)state;
    struct vsa_peers peers = {0};
    for (uint64_t cid = 0; cid < VSA_MAX_LIMITED_PEERS; cid++)
        assert_true(may(&peers, cid, cid == 0 ? 0 : 500));
    assert_true(may(&peers, 1000, 1000));
    assert_int_equal(peers.entries[0].peer, 1000);
    assert_int_equal(peers.count, VSA_MAX_LIMITED_PEERS);
    assert_false(may(&peers, 1000, 1000));
    for (uint64_t cid = 1; cid < VSA_MAX_LIMITED_PEERS; cid++)
        assert_false(may(&peers, cid, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_who),
        cmocka_unit_test(each_has_its_own),
        cmocka_unit_test(table_is_bounded),
        cmocka_unit_test(full_buckets_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
