/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing keys over time, and a model of them that is explored to its end: every order of what a
 * hostile parent, the clock and the server's threads can do with two keys of four uses and five
 * messages, over the real code. What holds in each state is in check_accepted() and check_state().
 *
 * Only Diffie-Hellman is left out: keys here are counted, so that one which is not wiped is seen.
 */
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "seal/seal_keys.h"
#include "slow_tool.h"

#define LIFETIME_MS 1000
#define OVERLAP_MS  300

/* --- keys that are counted (meson.build has the linker call these) ---------------------------- */

static int live_keys;
static uint64_t made_keys;
static bool cannot_make_keys;

__attribute__((used)) enum vsa_status __wrap_vsa_dh_key_generate(enum vsa_dh_group group,
                                                                 struct vsa_dh_key **key,
                                                                 struct vsa_error *error);
__attribute__((used)) void __wrap_vsa_dh_public(const struct vsa_dh_key *key, uint8_t *public_key);
__attribute__((used)) void __wrap_vsa_dh_key_free(struct vsa_dh_key *key);

enum vsa_status __wrap_vsa_dh_key_generate(enum vsa_dh_group group, struct vsa_dh_key **key,
                                           struct vsa_error *error)
{
    (void)group, (void)error;
    if (cannot_make_keys)
        return VSA_ERR_CRYPTO;
    uint64_t *made = malloc(sizeof(*made));
    assert_non_null(made);
    *made = ++made_keys;
    live_keys++;
    *key = (struct vsa_dh_key *)(void *)made;
    return VSA_OK;
}

void __wrap_vsa_dh_public(const struct vsa_dh_key *key, uint8_t *public_key)
{
    memset(public_key, 0, 32);
    memcpy(public_key, key, sizeof(uint64_t));
}

void __wrap_vsa_dh_key_free(struct vsa_dh_key *key)
{
    live_keys -= key != NULL;
    free(key);
}

/* --- over time -------------------------------------------------------------------------------- */

static struct vsa_seal_keys new_keys(size_t max_uses)
{
    struct vsa_seal_keys keys = {.suite = vsa_hpke_find_suite(VSA_HPKE_X25519),
                                 .lifetime_ms = LIFETIME_MS,
                                 .overlap_ms = OVERLAP_MS,
                                 .max_uses = max_uses};
    assert_int_equal(vsa_seal_keys_begin(&keys, 0, NULL), VSA_OK);
    return keys;
}

static enum vsa_status accept(struct vsa_seal_keys *keys, struct vsa_seal_generation *generation,
                              uint32_t number, int64_t now_ms)
{
    uint8_t tag[VSA_REPLAY_TAG_SIZE];
    assert_int_equal(
        vsa_replay_tag(generation->filter_key, vsa_slice_of(&number, sizeof(number)), tag, NULL),
        VSA_OK);
    return vsa_seal_keys_accept(keys, generation, tag, now_ms, NULL);
}

static struct vsa_seal_generation *find(const struct vsa_seal_keys *keys,
                                        const struct vsa_key_config *config)
{
    uint8_t header[VSA_SEAL_HEADER_SIZE];
    vsa_seal_write_header(config, header);
    return vsa_seal_keys_find(keys, vsa_slice_of(header, sizeof(header)));
}

static void by_time(void **state)
{
    (void)state;
    struct vsa_seal_keys keys = new_keys(1024);
    struct vsa_key_config first = keys.current->config;
    assert_int_equal(vsa_seal_keys_due_ms(&keys), LIFETIME_MS);
    vsa_seal_keys_update(&keys, LIFETIME_MS - 1);
    assert_null(keys.previous);
    vsa_seal_keys_update(&keys, LIFETIME_MS);
    assert_non_null(keys.previous);
    assert_int_equal(keys.current->config.key_id, (uint8_t)(first.key_id + 1));
    assert_memory_not_equal(keys.current->config.public_key, first.public_key, 32);
    assert_ptr_equal(find(&keys, &first), keys.previous);
    assert_int_equal(vsa_seal_keys_due_ms(&keys), LIFETIME_MS + OVERLAP_MS);
    vsa_seal_keys_update(&keys, LIFETIME_MS + OVERLAP_MS - 1);
    assert_non_null(find(&keys, &first));
    vsa_seal_keys_update(&keys, LIFETIME_MS + OVERLAP_MS);
    assert_null(find(&keys, &first));
    assert_null(keys.previous);
    assert_int_equal(vsa_counter_get(&keys.rotated_early), 0);
    assert_int_equal(vsa_seal_keys_due_ms(&keys), 2 * LIFETIME_MS);
    vsa_seal_keys_close(&keys);
}

static void by_use(void **state)
{
    (void)state;
    struct vsa_seal_keys keys = new_keys(1024);
    struct vsa_seal_generation *first = keys.current;
    struct vsa_key_config config = first->config;
    for (uint32_t i = 0; i < 895; i++)
        assert_int_equal(accept(&keys, first, i, 1), VSA_OK);
    assert_ptr_equal(keys.current, first);
    assert_int_equal(vsa_counter_get(&keys.uses), 895);
    assert_int_equal(accept(&keys, first, 895, 1), VSA_OK);
    assert_ptr_equal(keys.previous, first);
    assert_int_equal(vsa_counter_get(&keys.rotated_early), 1);
    assert_int_equal(vsa_counter_get(&keys.uses), 0);
    for (uint32_t i = 896; i < 1023; i++)
        assert_int_equal(accept(&keys, first, i, 2), VSA_OK);
    assert_int_equal(accept(&keys, first, 3, 2), VSA_ERR_REPLAYED);
    vsa_seal_generation_hold(first);
    assert_int_equal(accept(&keys, first, 1023, 2), VSA_OK);
    /* It is used up: ended, and wiped once it is not used by another thread. */
    assert_null(find(&keys, &config));
    assert_true(first->ended);
    assert_int_equal(accept(&keys, first, 1024, 2), VSA_ERR_SEALED_KEY);
    vsa_seal_generation_release(first);
    vsa_seal_keys_close(&keys);
}

/* A third one ends the first, however much time that had. */
static void there_are_two_at_most(void **state)
{
    (void)state;
    struct vsa_seal_keys keys = new_keys(8);
    struct vsa_key_config first = keys.current->config;
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(accept(&keys, keys.current, i, 1), VSA_OK);
    assert_non_null(find(&keys, &first));
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(accept(&keys, keys.current, i, 1), VSA_OK);
    assert_null(find(&keys, &first));
    vsa_seal_keys_close(&keys);
}

static void it_is_held(void **state)
{
    (void)state;
    struct vsa_seal_keys keys = new_keys(8);
    struct vsa_seal_generation *first = keys.current;
    vsa_seal_generation_hold(first);
    vsa_seal_keys_update(&keys, LIFETIME_MS);
    vsa_seal_keys_update(&keys, LIFETIME_MS + OVERLAP_MS);
    assert_true(first->ended);
    assert_int_equal(live_keys, 2);
    assert_int_equal(accept(&keys, first, 1, LIFETIME_MS + OVERLAP_MS), VSA_ERR_SEALED_KEY);
    vsa_seal_generation_release(first);
    assert_int_equal(live_keys, 1);
    vsa_seal_keys_close(&keys);
    assert_int_equal(live_keys, 0);
}

/* Without a new key the present one goes on, but not beyond its time; and it is tried again. */
static void when_no_key_can_be_made(void **state)
{
    (void)state;
    struct vsa_seal_keys keys = new_keys(8);
    struct vsa_key_config first = keys.current->config;
    cannot_make_keys = true;
    vsa_seal_keys_update(&keys, LIFETIME_MS + OVERLAP_MS - 1);
    assert_non_null(find(&keys, &first));
    assert_true(vsa_seal_keys_due_ms(&keys) <= LIFETIME_MS + OVERLAP_MS - 1);
    vsa_seal_keys_update(&keys, LIFETIME_MS + OVERLAP_MS);
    assert_null(find(&keys, &first));
    assert_null(keys.current);
    assert_int_equal(live_keys, 0);
    vsa_seal_keys_update(&keys, LIFETIME_MS + OVERLAP_MS + 1);
    assert_null(keys.current);
    cannot_make_keys = false;
    vsa_seal_keys_update(&keys, LIFETIME_MS + OVERLAP_MS + 2);
    assert_non_null(keys.current);
    assert_int_equal(keys.current->config.key_id, (uint8_t)(first.key_id + 1));
    vsa_seal_keys_close(&keys);
}

static void other_headers(void **state)
{
    (void)state;
    struct vsa_seal_keys keys = new_keys(8);
    uint8_t header[VSA_SEAL_HEADER_SIZE];
    vsa_seal_write_header(&keys.current->config, header);
    for (size_t bit = 0; bit < 8 * sizeof(header); bit++) {
        header[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_null(vsa_seal_keys_find(&keys, vsa_slice_of(header, sizeof(header))));
        header[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    assert_non_null(vsa_seal_keys_find(&keys, vsa_slice_of(header, sizeof(header))));
    vsa_seal_keys_close(&keys);
}

/* --- the model -------------------------------------------------------------------------------- */

#define KEYS     2 /* that messages are sealed to; a third one ends the first */
#define USES     4
#define MESSAGES 5
#define LIFE     4 /* of a key, in steps of time */
#define OVERLAP  2

/*
 * What can happen. A message is sealed to the key that is announced at that time, once, then kept
 * by the parent, who delivers it as often, as late and in whatever order it likes, or never; that
 * it hides a reply changes nothing here. Delivered ones are opened in another thread and come back
 * later. The server's timer may be as late as it likes, too.
 */
enum step {
    SEAL,                        /* the next message */
    DELIVER,                     /* + message: its key is found, and held */
    OPENED = DELIVER + MESSAGES, /* + message: it comes back, and is accepted or not */
    TIME_PASSES = OPENED + MESSAGES,
    TIMER,
    STEPS,
};

struct message {
    struct vsa_key_config config;        /* that it is sealed to */
    int generation;                      /* which one of the server's that is */
    struct vsa_seal_generation *opening; /* while it is opened */
    int runs;
};

/* Made anew from the steps that led to it: generations cannot be copied. */
struct world {
    struct vsa_seal_keys keys;
    struct message messages[MESSAGES];
    int sealed;
    int64_t now_ms;
    int64_t born_ms[KEYS + 3]; /* of each generation */
    int generations;
    uint8_t last_id;
    int accepted[KEYS + 3]; /* by generation */
};

#define MAX_PATH    64
#define MAX_VISITED (1U << 20)

static uint64_t visited[MAX_VISITED]; /* hashes of states; 0: free */
static size_t states;
static size_t ran;
static size_t replayed;
static size_t too_late;

static void note_generations(struct world *world)
{
    while (world->last_id != world->keys.current->config.key_id) {
        world->last_id++;
        world->born_ms[world->generations++] = world->now_ms;
    }
}

static void check_accepted(struct world *world, struct message *message)
{
    int generation = message->generation;
    ran++;
    /* No request runs twice ... */
    assert_int_equal(++message->runs, 1);
    /* ... none by a key that accepted all that it may ... */
    assert_true(++world->accepted[generation] <= USES);
    /* ... and none after its key is wiped, or should be. */
    assert_true(world->now_ms - world->born_ms[generation] < LIFE + OVERLAP);
    assert_true(generation >= world->generations - 2);
}

static void check_state(const struct world *world)
{
    const struct vsa_seal_generation *both[] = {world->keys.current, world->keys.previous};
    int held = 0;
    assert_non_null(both[0]);
    assert_ptr_not_equal(both[0], both[1]);
    for (size_t i = 0; i < 2; i++) {
        if (!both[i])
            continue;
        assert_false(both[i]->ended);
        assert_true(both[i]->filter.count <= USES);
        assert_true(both[i]->ends_ms <= both[i]->begun_ms + LIFE + OVERLAP);
        held++;
    }
    /* Keys that are neither live nor held are wiped. */
    for (size_t i = 0; i < MESSAGES; i++)
        if (world->messages[i].opening && world->messages[i].opening->ended)
            held++;
    assert_true(live_keys <= held);
}

static void seal_message(struct world *world)
{
    struct message *message = &world->messages[world->sealed++];
    vsa_seal_keys_update(&world->keys, world->now_ms); /* as `seal_key` does */
    note_generations(world);
    message->config = world->keys.current->config;
    message->generation = world->generations - 1;
}

static void deliver(struct world *world, struct message *message)
{
    vsa_seal_keys_update(&world->keys, world->now_ms);
    note_generations(world);
    message->opening = find(&world->keys, &message->config);
    if (message->opening)
        vsa_seal_generation_hold(message->opening);
    else
        too_late++;
}

static void open_message(struct world *world, struct message *message)
{
    struct vsa_seal_generation *generation = message->opening;
    uint8_t tag[VSA_REPLAY_TAG_SIZE] = {1, (uint8_t)(message - world->messages), [15] = 1};
    /* It is the key that the message is sealed to, and not wiped. */
    assert_memory_equal(generation->config.public_key, message->config.public_key, 32);
    enum vsa_status status =
        vsa_seal_keys_accept(&world->keys, generation, tag, world->now_ms, NULL);
    vsa_seal_generation_release(generation);
    message->opening = NULL;
    if (status == VSA_OK)
        check_accepted(world, message);
    if (status == VSA_ERR_REPLAYED)
        assert_int_equal(message->runs, 1);
    replayed += status == VSA_ERR_REPLAYED;
    too_late += status == VSA_ERR_SEALED_KEY;
    assert_true(status == VSA_OK || status == VSA_ERR_REPLAYED || status == VSA_ERR_SEALED_KEY);
    note_generations(world);
}

/* Under valgrind fewer, which takes seconds instead of minutes. */
static int most_messages = MESSAGES;

static bool is_possible(const struct world *world, int step)
{
    int64_t age_ms = world->now_ms - world->born_ms[world->generations - 1];
    if (step == SEAL)
        return world->sealed < most_messages && world->generations <= KEYS;
    if (step < OPENED)
        return step - DELIVER < world->sealed && !world->messages[step - DELIVER].opening;
    if (step < TIME_PASSES)
        return world->messages[step - OPENED].opening != NULL;
    return step == TIMER || (world->generations <= KEYS && age_ms <= LIFE + OVERLAP);
}

static void take(struct world *world, int step)
{
    if (step == SEAL)
        seal_message(world);
    else if (step < OPENED)
        deliver(world, &world->messages[step - DELIVER]);
    else if (step < TIME_PASSES)
        open_message(world, &world->messages[step - OPENED]);
    else if (step == TIME_PASSES)
        world->now_ms++;
    else
        vsa_seal_keys_update(&world->keys, world->now_ms);
    note_generations(world);
}

/* Sets up the world that these steps lead to. */
static void set_up_world(struct world *world, const int *path, int length)
{
    memset(world, 0, sizeof(*world));
    world->keys = new_keys(USES);
    world->keys.lifetime_ms = LIFE;
    world->keys.overlap_ms = OVERLAP;
    world->keys.current->ends_ms = LIFE + OVERLAP;
    world->last_id = world->keys.current->config.key_id;
    world->generations = 1;
    for (int i = 0; i < length; i++)
        take(world, path[i]);
}

static void tear_down_world(struct world *world)
{
    for (size_t i = 0; i < MESSAGES; i++)
        if (world->messages[i].opening)
            vsa_seal_generation_release(world->messages[i].opening);
    vsa_seal_keys_close(&world->keys);
    assert_int_equal(live_keys, 0);
}

/* --- which worlds are the same ---------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
    return hash ^ (hash >> 29);
}

static uint64_t hash_of_generation(uint64_t hash, const struct world *world,
                                   const struct vsa_seal_generation *generation)
{
    if (!generation)
        return mix(hash, 1);
    hash = mix(hash, (uint64_t)(world->now_ms - generation->begun_ms) + 2);
    hash = mix(hash, (uint64_t)(generation->ends_ms - world->now_ms + 100));
    return mix(hash, generation->filter.count);
}

/* Messages are the same in whatever order they were numbered. */
static uint64_t hash_of_messages(const struct world *world)
{
    uint64_t sum = 0;
    for (int i = 0; i < world->sealed; i++) {
        const struct message *message = &world->messages[i];
        uint64_t hash = mix(3, (uint64_t)(world->generations - message->generation));
        hash = mix(hash, (uint64_t)message->runs);
        hash = mix(hash, message->opening ? 2 + message->opening->ended : 1);
        sum += mix(hash, 5);
    }
    return sum;
}

static uint64_t hash_of(const struct world *world)
{
    uint64_t hash = mix(1, (uint64_t)world->generations);
    hash = hash_of_generation(hash, world, world->keys.current);
    hash = hash_of_generation(hash, world, world->keys.previous);
    hash = mix(hash, hash_of_messages(world));
    return hash ? hash : 1;
}

/* Returns whether it is new. */
static bool visit(uint64_t hash)
{
    size_t i = hash & (MAX_VISITED - 1);
    while (visited[i] && visited[i] != hash)
        i = (i + 1) & (MAX_VISITED - 1);
    if (visited[i])
        return false;
    visited[i] = hash;
    assert_true(++states < MAX_VISITED / 2);
    return true;
}

/* States in the order in which they were found, and the step that led there: nearest first. */
static struct {
    size_t from;
    int step;
} found[MAX_VISITED / 2];

static int path_to(size_t state, int path[MAX_PATH])
{
    int reversed[MAX_PATH];
    int length = 0;
    for (; state > 0; state = found[state].from) {
        assert_true(length < MAX_PATH);
        reversed[length++] = found[state].step;
    }
    for (int i = 0; i < length; i++)
        path[i] = reversed[length - 1 - i];
    return length;
}

static void explore(size_t state)
{
    int path[MAX_PATH];
    int length = path_to(state, path);
    for (int step = 0; step < STEPS; step++) {
        struct world world;
        set_up_world(&world, path, length);
        if (is_possible(&world, step)) {
            take(&world, step);
            check_state(&world);
            if (visit(hash_of(&world))) {
                found[states - 1].from = state;
                found[states - 1].step = step;
            }
        }
        tear_down_world(&world);
    }
}

static void every_order_of_events(void **state)
{
    (void)state;
    most_messages = slow_tool_step() == 1 ? MESSAGES : MESSAGES - 1;
    states = 1; /* the first one: before any step */
    for (size_t i = 0; i < states; i++)
        explore(i);
    print_message("# %zu states, %zu requests ran, %zu replayed, %zu too late\n", states, ran,
                  replayed, too_late);
    /* The bounds reach what they are for. */
    assert_true(states > 1000 && ran > 0 && replayed > 0 && too_late > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_time),
        cmocka_unit_test(by_use),
        cmocka_unit_test(there_are_two_at_most),
        cmocka_unit_test(it_is_held),
        cmocka_unit_test(when_no_key_can_be_made),
        cmocka_unit_test(other_headers),
        cmocka_unit_test(every_order_of_events),
    };
    return cmocka_run_group_tests_name("seal_keys", tests, NULL, NULL);
}
