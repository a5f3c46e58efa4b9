/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of verified certificates, by itself: what it finds, forgets, frees and when. Run with
 * ThreadSanitizer too (`meson setup -Db_sanitize=thread`): many_threads_* is for it.
 */
#include "unit_test.h"

#include <pthread.h>

#include "attestation/cache.h"

#define SLOTS VSA_DEFAULT_CACHED_CERTIFICATES
#define KEYS  200

#define DER_SIZE 40

/* Certificates that are nothing but a number; this test holds a reference to each. */
static struct vsa_certificate *certificates[KEYS];
static struct vsa_cache cache;

static int set_up(void **state)
{
    (void)state;
    assert_true(vsa_cache_init(&cache));
    for (int i = 0; i < KEYS; i++) {
        certificates[i] = calloc(1, sizeof(*certificates[i]) + DER_SIZE);
        if (!certificates[i])
            return -1;
        atomic_init(&certificates[i]->references, 1);
        certificates[i]->fields.version = i;
        memset(certificates[i]->der, i, DER_SIZE);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vsa_cache_clear(&cache);
    for (int i = 0; i < KEYS; i++) {
        /* The cache has given back all that it took. */
        assert_int_equal(atomic_load(&certificates[i]->references), 1);
        vsa_certificate_release(certificates[i]);
    }
    return 0;
}

static struct vsa_path_node node_of(int key)
{
    struct vsa_path_node above;
    memset(above.path_digest, key / 3, sizeof(above.path_digest));
    struct vsa_path_node node = {
        .key = vsa_path_key_below(&above, vsa_slice_of(certificates[key]->der, DER_SIZE), key % 2),
        .certificate = certificates[key],
        .cas_allowed_below = key % 7,
    };
    memset(node.path_digest, key, sizeof(node.path_digest));
    return node;
}

static void insert(int key)
{
    struct vsa_path_node node = node_of(key);
    vsa_cache_insert(&cache, &node);
}

/* What is found is what was put there. */
static bool find(int key)
{
    struct vsa_path_node wanted = node_of(key);
    struct vsa_path_node found = {.certificate = NULL};
    if (!vsa_cache_find(&cache, &wanted.key, &found)) {
        assert_null(found.certificate);
        return false;
    }
    assert_ptr_equal(found.certificate, wanted.certificate);
    assert_int_equal(found.cas_allowed_below, wanted.cas_allowed_below);
    assert_memory_equal(found.path_digest, wanted.path_digest, sizeof(found.path_digest));
    vsa_path_node_release(&found);
    return true;
}

static int references(int key)
{
    return atomic_load(&certificates[key]->references);
}

static void expect_counts(uint64_t hits, uint64_t misses)
{
    assert_int_equal(atomic_load(&cache.hits), hits);
    assert_int_equal(atomic_load(&cache.misses), misses);
}

/* --- one thread ------------------------------------------------------------------------------- */

static void finds_what_was_inserted(void **state)
{
    (void)state;
    struct vsa_path_node found;
    assert_false(find(1));
    insert(1);
    assert_int_equal(references(1), 2);
    assert_true(find(1));
    assert_false(find(2));
    expect_counts(1, 2);
    /* A hit is a reference of the finder's own. */
    struct vsa_path_node wanted = node_of(1);
    assert_true(vsa_cache_find(&cache, &wanted.key, &found));
    assert_int_equal(references(1), 3);
    vsa_path_node_release(&found);
    assert_null(found.certificate);
}

static void every_byte_of_the_key_counts(void **state)
{
    (void)state;
    const struct vsa_path_node node = node_of(1);
    struct vsa_path_node above;
    struct vsa_path_node found;
    insert(1);
    memcpy(above.path_digest, node.key.above, sizeof(above.path_digest));
    for (size_t i = 0; i < VSA_SHA384_SIZE; i++) {
        struct vsa_path_key key = node.key;
        key.above[i] ^= 0x80;
        assert_false(vsa_cache_find(&cache, &key, &found));
    }
    for (size_t i = 0; i < DER_SIZE; i++) {
        uint8_t der[DER_SIZE];
        memset(der, 1, sizeof(der));
        struct vsa_path_key key = vsa_path_key_below(&above, vsa_slice_of(der, sizeof(der)), true);
        assert_true(vsa_path_key_equal(&key, &node.key));
        der[i] ^= 0x80;
        key = vsa_path_key_below(&above, vsa_slice_of(der, sizeof(der)), true);
        assert_false(vsa_cache_find(&cache, &key, &found));
    }
    expect_counts(0, VSA_SHA384_SIZE + DER_SIZE);
}

/* Neither a part of a certificate nor the same one in another role. */
static void size_and_role_count(void **state)
{
    (void)state;
    struct vsa_path_node above;
    struct vsa_path_node found;
    insert(1);
    memcpy(above.path_digest, node_of(1).key.above, sizeof(above.path_digest));
    for (size_t size = 0; size <= DER_SIZE; size++) {
        struct vsa_slice der = vsa_slice_of(certificates[1]->der, size);
        struct vsa_path_key as_leaf = vsa_path_key_below(&above, der, true);
        struct vsa_path_key as_ca = vsa_path_key_below(&above, der, false);
        assert_false(vsa_cache_find(&cache, &as_ca, &found));
        if (size < DER_SIZE)
            assert_false(vsa_cache_find(&cache, &as_leaf, &found));
    }
    assert_true(find(1));
}

static void inserting_twice_changes_nothing(void **state)
{
    (void)state;
    struct vsa_path_node other = node_of(1);
    other.certificate = certificates[2];
    insert(1);
    insert(1);
    vsa_cache_insert(&cache, &other);
    assert_int_equal(references(1), 2);
    assert_int_equal(references(2), 1);
    assert_true(find(1));
}

static void unused_for_longest_goes_first(void **state)
{
    (void)state;
    for (int i = 0; i < SLOTS; i++)
        insert(i);
    for (int i = 0; i < SLOTS; i += 2)
        assert_true(find(i));
    for (int i = 0; i < SLOTS / 2; i++)
        insert(SLOTS + i);
    for (int i = 0; i < SLOTS; i++)
        assert_int_equal(references(i), i % 2 ? 1 : 2);
    for (int i = 0; i < SLOTS; i++)
        assert_int_equal(find(i), i % 2 == 0);
    for (int i = SLOTS; i < KEYS; i++)
        assert_int_equal(find(i), i < SLOTS + SLOTS / 2);
}

/* --- another size --- */

/* Of keys that are spread as signatures are, nearly as many stay as there is room for. */
static void a_larger_cache_holds_more(void **state)
{
    (void)state;
    enum { ROOM = 1024 };
    struct vsa_path_node found;
    insert(1);
    assert_true(vsa_cache_resize(&cache, ROOM));
    assert_int_equal(references(1), 1);
    assert_false(find(1));
    for (unsigned i = 0; i < 4 * ROOM; i++) {
        struct vsa_path_node node = node_of(0);
        struct vsa_slice part = vsa_slice_of(&i, sizeof(i));
        assert_int_equal(vsa_sha384(&part, 1, node.key.above, NULL), VSA_OK);
        memcpy(&node.key.ending, node.key.above, sizeof(node.key.ending));
        vsa_cache_insert(&cache, &node);
        assert_true(vsa_cache_find(&cache, &node.key, &found));
        vsa_path_node_release(&found);
        assert_true(references(0) <= 1 + ROOM);
        if (i + 1 == ROOM / 2)
            assert_true(references(0) >= 1 + ROOM / 2 - ROOM / 64);
    }
    assert_int_equal(references(0), 1 + ROOM);
    assert_true(vsa_cache_resize(&cache, 1));
    assert_int_equal(references(0), 1);
    assert_int_equal(cache.sets * cache.ways, SLOTS);
}

/* Full sets forget the one that was not used for longest, as the whole of a small cache does. */
static void a_full_set_forgets_the_oldest(void **state)
{
    (void)state;
    assert_true(vsa_cache_resize(&cache, VSA_MAX_CACHED_CERTIFICATES));
    assert_int_equal(cache.sets * cache.ways, VSA_MAX_CACHED_CERTIFICATES);
    for (int i = 0; i <= (int)cache.ways; i++) {
        struct vsa_path_node node = node_of(i);
        node.key.ending = 7;
        vsa_cache_insert(&cache, &node);
    }
    for (int i = 0; i <= (int)cache.ways; i++)
        assert_int_equal(references(i), i ? 2 : 1);
}

/* --- a reader is looking ---------------------------------------------------------------------- */

static void nothing_is_freed_under_a_reader(void **state)
{
    (void)state;
    for (int i = 0; i < SLOTS; i++)
        insert(i);
    (void)atomic_fetch_add(&cache.readers, 1);
    insert(SLOTS);
    /* Out of the table, but still there for the reader that found it before. */
    assert_false(find(0));
    assert_int_equal(references(0), 2);
    assert_true(find(SLOTS));
    (void)atomic_fetch_sub(&cache.readers, 1);
    insert(SLOTS + 1);
    assert_int_equal(references(0), 1);
    assert_int_equal(references(1), 1);
    assert_int_equal(cache.retired_count, 0);
}

static void what_waits_is_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < SLOTS; i++)
        insert(i);
    (void)atomic_fetch_add(&cache.readers, 1);
    for (int i = SLOTS; i < KEYS; i++)
        insert(i);
    assert_int_equal(cache.retired_count, SLOTS);
    /* The second half found no room and is not remembered; nothing is lost for it. */
    for (int i = 0; i < SLOTS; i++)
        assert_false(find(i));
    for (int i = SLOTS; i < KEYS; i++)
        assert_int_equal(find(i), i < 2 * SLOTS);
    (void)atomic_fetch_sub(&cache.readers, 1);
    insert(KEYS - 1);
    assert_true(find(KEYS - 1));
    assert_int_equal(cache.retired_count, 0);
    for (int i = 0; i < SLOTS; i++)
        assert_int_equal(references(i), 1);
}

static void clearing_frees_what_waits(void **state)
{
    (void)state;
    for (int i = 0; i < SLOTS; i++)
        insert(i);
    (void)atomic_fetch_add(&cache.readers, 1);
    for (int i = SLOTS; i < SLOTS + 5; i++)
        insert(i);
    assert_int_equal(cache.retired_count, 5);
    /* tear_down() clears and looks at the references. */
}

/* --- threads ---------------------------------------------------------------------------------- */

#define THREADS 4
#define LOOKUPS 20000

static struct worker {
    pthread_t thread;
    uint64_t random;
    int keys;
    uint64_t hits;
    uint64_t wrong;
} workers[THREADS];

/* No assertions in threads: cmocka's cannot end one. */
static void *look_and_insert(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < LOOKUPS; i++) {
        worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
        int key = (int)((worker->random >> 33) % (uint64_t)worker->keys);
        struct vsa_path_node wanted = node_of(key);
        struct vsa_path_node found = {.certificate = NULL};
        if (!vsa_cache_find(&cache, &wanted.key, &found)) {
            vsa_cache_insert(&cache, &wanted);
            continue;
        }
        worker->hits++;
        worker->wrong += found.certificate != wanted.certificate ||
                         found.certificate->fields.version != key ||
                         memcmp(found.path_digest, wanted.path_digest, VSA_SHA384_SIZE) != 0;
        vsa_path_node_release(&found);
    }
    return NULL;
}

static uint64_t run_workers(int keys)
{
    uint64_t hits = 0;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.random = (uint64_t)i + 1, .keys = keys};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, look_and_insert, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
        hits += workers[i].hits;
    }
    expect_counts(hits, (uint64_t)THREADS * LOOKUPS - hits);
    return hits;
}

/* All fit: each is inserted once and found ever after. */
static void many_threads_find_the_same(void **state)
{
    (void)state;
    uint64_t hits = run_workers(SLOTS);
    assert_true(hits >= (uint64_t)THREADS * (LOOKUPS - SLOTS));
    for (int i = 0; i < SLOTS; i++)
        assert_true(find(i));
    assert_int_equal(cache.retired_count, 0);
}

/* Three times as many as fit: entries come and go under the readers all the time. */
static void many_threads_replace_each_others(void **state)
{
    (void)state;
    uint64_t hits = run_workers(KEYS);
    assert_true(hits > 0 && hits < (uint64_t)THREADS * LOOKUPS);
    assert_true(cache.retired_count <= SLOTS);
    assert_int_equal(atomic_load(&cache.readers), 0);
    size_t left = 0;
    for (int i = 0; i < KEYS; i++)
        left += find(i);
    assert_int_equal(left, SLOTS);
}

#define CACHE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CACHE_TEST(finds_what_was_inserted),          CACHE_TEST(every_byte_of_the_key_counts),
        CACHE_TEST(inserting_twice_changes_nothing),  CACHE_TEST(unused_for_longest_goes_first),
        CACHE_TEST(nothing_is_freed_under_a_reader),  CACHE_TEST(what_waits_is_bounded),
        CACHE_TEST(a_larger_cache_holds_more),        CACHE_TEST(a_full_set_forgets_the_oldest),
        CACHE_TEST(clearing_frees_what_waits),        CACHE_TEST(many_threads_find_the_same),
        CACHE_TEST(many_threads_replace_each_others), CACHE_TEST(size_and_role_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
