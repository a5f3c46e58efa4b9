/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "server/fair_queue.h"

/* Entries by name; upper and lower case, and digits, tell whose they are in what follows. */
static struct vsa_fair_entry entries[128];
static struct vsa_fair_queue queue;

static int set_up(void **state)
{
    (void)state;
    memset(entries, 0, sizeof(entries));
    queue = (struct vsa_fair_queue){0};
    return 0;
}

static void push(const char *names, uint64_t peer)
{
    for (; *names; names++)
        vsa_fair_queue_push(&queue, &entries[(unsigned char)*names], peer);
}

static void remove_all(const char *names)
{
    for (; *names; names++)
        vsa_fair_queue_remove(&queue, &entries[(unsigned char)*names]);
}

static char name_of(const struct vsa_fair_entry *entry)
{
    return entry ? (char)(entry - entries) : '-';
}

/* Goes on from the front and from the back alike. */
static void assert_linked(void)
{
    size_t forward = 0;
    size_t backward = 0;
    for (const struct vsa_fair_entry *e = queue.first; e; e = e->next, forward++)
        assert_true(e->queued && (!e->next || e->next->turn >= e->turn));
    for (const struct vsa_fair_entry *e = queue.last; e; e = e->previous)
        backward++;
    assert_int_equal(forward, queue.count);
    assert_int_equal(backward, queue.count);
}

static void pop(const char *expected)
{
    assert_linked();
    for (; *expected; expected++) {
        struct vsa_fair_entry *entry = vsa_fair_queue_pop(&queue);
        assert_int_equal(name_of(entry), *expected);
        assert_false(entry->queued);
    }
    assert_linked();
}

static void assert_empty(void)
{
    assert_null(vsa_fair_queue_pop(&queue));
    assert_int_equal(queue.count, 0);
    assert_null(queue.first);
    assert_null(queue.last);
}

static void one_peer_in_order(void **state)
{
    (void)state;
    assert_empty();
    push("abc", 1);
    pop("a");
    push("d", 1);
    pop("bcd");
    assert_empty();
}

/* Connections of a Unix socket: each a peer with one job. */
static void many_peers_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        vsa_fair_queue_push(&queue, &entries['a' + i], (uint64_t)i);
    pop("abc");
    vsa_fair_queue_push(&queue, &entries['a'], 0);
    pop("defgha");
    assert_empty();
}

static void peers_take_turns(void **state)
{
    (void)state;
    push("abcdef", 1);
    push("AB", 2);
    push("01", 3);
    pop("aA0bB1cdef");
    assert_empty();
}

/* However many wait already, and go on coming. */
static void greedy_peer_delays_nobody(void **state)
{
    (void)state;
    push("abcdefgh", 1);
    pop("ab");
    push("A", 2);
    /* Behind the one whose turn it is, before all others. */
    pop("cA");
    push("ij", 1);
    push("B", 2);
    push("kl", 1);
    pop("dB");
    pop("efghijkl");
    assert_empty();
}

/* Who stayed away gains no credit by it. */
static void idleness_is_not_saved(void **state)
{
    (void)state;
    push("abcdefgh", 1);
    pop("abcdef");
    push("ABCD", 2);
    pop("gAhBCD");
}

static void first_is_first(void **state)
{
    (void)state;
    push("abc", 1);
    vsa_fair_queue_push_first(&queue, &entries['!']);
    pop("!");
    push("A", 2);
    pop("aAbc");
    vsa_fair_queue_push_first(&queue, &entries['!']);
    pop("!");
    assert_empty();
}

static void removing(void **state)
{
    (void)state;
    push("abcd", 1);
    push("AB", 2);
    remove_all("aBd");
    pop("Abc");
    assert_empty();
    remove_all("abcdAB");
    assert_empty();
    push("a", 1);
    remove_all("a");
    assert_empty();
}

/* A full queue: whoever has most waiting makes room for whoever has less. */
static void displacing(void **state)
{
    (void)state;
    push("abcd", 1);
    assert_null(vsa_fair_queue_displace(&queue, 1));
    assert_int_equal(name_of(vsa_fair_queue_displace(&queue, 2)), 'd');
    assert_false(entries['d'].queued);
    push("A", 2);
    assert_int_equal(name_of(vsa_fair_queue_displace(&queue, 2)), 'c');
    push("B", 2);
    /* Equals: who was there first stays. */
    assert_null(vsa_fair_queue_displace(&queue, 2));
    assert_null(vsa_fair_queue_displace(&queue, 1));
    assert_int_equal(name_of(vsa_fair_queue_displace(&queue, 3)), 'B');
    push("0", 3);
    pop("aA0b");
    /* Nobody displaces what goes before all others, nor anybody's only one. */
    vsa_fair_queue_push_first(&queue, &entries['!']);
    assert_null(vsa_fair_queue_displace(&queue, 9));
    push("a", 1);
    assert_null(vsa_fair_queue_displace(&queue, 9));
}

/* To wait for another's entry takes no longer than for one's own. */
static void joining(void **state)
{
    (void)state;
    push("abcd", 1);
    push("A", 2);
    vsa_fair_queue_join(&queue, &entries['d'], 3);
    pop("aAd");
    push("BC", 2);
    /* It is later than what it joins: nothing changes. */
    vsa_fair_queue_join(&queue, &entries['b'], 2);
    vsa_fair_queue_join(&queue, &entries['c'], 1);
    pop("bBcC");
    assert_empty();
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_peer_in_order),
        TEST(many_peers_in_order),
        TEST(peers_take_turns),
        TEST(greedy_peer_delays_nobody),
        TEST(idleness_is_not_saved),
        TEST(first_is_first),
        TEST(removing),
        TEST(displacing),
        TEST(joining),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
