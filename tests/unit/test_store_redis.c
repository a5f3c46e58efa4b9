/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verifierd/store_redis.h: what is made of a server's replies, by a server that follows a script.
 * Real servers: tests/e2e/test_verifierd_store.py.
 */
#include "unit_test.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "clock/wall_clock.h"
#include "verifierd/limits.h"
#include "verifierd/store_redis.h"

#define NOW_MS   INT64_C(1768478400000)
#define EPOCH    "$18\r\n1768478300000-run1\r\n"
#define OLD_RUN  "$18\r\n1768478300000-run0\r\n"
#define AFTER    "$18\r\n1768478400001-run1\r\n" /* begins after the challenge was issued */
#define NONE     "$-1\r\n"
#define DONE     "+OK\r\n"
#define SILENCE  "silence"
#define HANG_UP  "hang up"
#define NO_INFO  "$3\r\nabc\r\n"
#define INFO_OK  INFO("noeviction", "run_id:run1")
#define EVICTING "$61\r\n# Server\r\nrun_id:run1\r\n# Memory\r\nmaxmemory_policy:allkeys-lru\r\n"
/* 60 bytes with "run_id:run1". */
#define INFO(policy, run)                                                                          \
    "$60\r\n# Server\r\n" run "\r\n# Memory\r\nmaxmemory_policy:" policy "\r\n"
#define NO_RUN INFO("noeviction", "run_no:run1")

struct server {
    int listener;
    pthread_t thread;
    const char *const *script; /* a reply for each part that comes; NULL at its end */
    char log[4096];            /* what came */
    size_t size;
};

/* Receives from the connection, or from the next one where the client has ended it. */
static void receive(struct server *server, int *fd)
{
    for (;;) {
        if (*fd < 0)
            *fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        ssize_t size =
            recv(*fd, server->log + server->size, sizeof(server->log) - 1 - server->size, 0);
        if (size > 0) {
            server->size += (size_t)size;
            return;
        }
        (void)close(*fd);
        *fd = -1;
    }
}

static void *serve(void *argument)
{
    struct server *server = argument;
    int fd = -1;
    for (const char *const *reply = server->script; *reply; reply++) {
        receive(server, &fd);
        if (strcmp(*reply, HANG_UP) == 0)
            (void)shutdown(fd, SHUT_RDWR);
        else if (strcmp(*reply, SILENCE) != 0)
            (void)send(fd, *reply, strlen(*reply), MSG_NOSIGNAL);
    }
    /* Stays open until the client has seen the last reply and ends it. */
    char rest;
    (void)!recv(fd, &rest, 1, 0);
    (void)close(fd);
    return NULL;
}

struct fixture {
    struct server server;
    struct vsa_store *store;
    char directory[32];
    char path[64];
    struct vsa_challenge challenge;
    struct vsa_error error;
};

static void start_with(struct fixture *fixture, unsigned replicas, int64_t timeout_ms,
                       const char *const *script)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *fixture = (struct fixture){.directory = "/tmp/vsa-redis-XXXXXX",
                                .challenge = {.issued_ms = NOW_MS},
                                .server = {.script = script}};
    assert_non_null(mkdtemp(fixture->directory));
    (void)snprintf(fixture->path, sizeof(fixture->path), "unix:%s/s", fixture->directory);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", fixture->directory);
    fixture->server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fixture->server.listener, (struct sockaddr *)&address, sizeof(address)),
                     0);
    assert_int_equal(listen(fixture->server.listener, 8), 0);
    assert_int_equal(pthread_create(&fixture->server.thread, NULL, serve, &fixture->server), 0);
    const struct vsa_store_options options = {
        .url = fixture->path,
        .service_id = "s",
        .replicas = replicas,
        .skew_ms = 5000,
        .timeout_ms = timeout_ms,
    };
    assert_int_equal(vsa_store_redis_new(&options, &fixture->store, NULL), VSA_OK);
}

/* With a limit of time that no machine is too busy for. */
static void start(struct fixture *fixture, unsigned replicas, const char *const *script)
{
    start_with(fixture, replicas, 20000, script);
}

static void stop(struct fixture *fixture)
{
    vsa_store_free(fixture->store);
    assert_int_equal(pthread_join(fixture->server.thread, NULL), 0);
    assert_int_equal(close(fixture->server.listener), 0);
    assert_int_equal(unlink(fixture->path + strlen("unix:")), 0);
    assert_int_equal(rmdir(fixture->directory), 0);
}

static enum vsa_status redeem(struct fixture *fixture, enum vsa_redemption *redemption)
{
    *redemption = VSA_REDEMPTION_AGAIN;
    return vsa_store_redeem(fixture->store, &fixture->challenge, NOW_MS, redemption,
                            &fixture->error);
}

static bool was_sent(const struct fixture *fixture, const char *text)
{
    return strstr(fixture->server.log, text) != NULL;
}

static void redeemed(void **state)
{
    (void)state;
    static const char *const script[] = {INFO_OK DONE EPOCH, NONE EPOCH, DONE AFTER, NULL};
    struct fixture fixture;
    enum vsa_redemption redemption;
    start(&fixture, 0, script);
    assert_int_equal(redeem(&fixture, &redemption), VSA_OK);
    assert_int_equal(redemption, VSA_REDEMPTION_FIRST);
    /* INFO is asked once a second of a connection, which is kept. */
    assert_int_equal(redeem(&fixture, &redemption), VSA_OK);
    assert_int_equal(redemption, VSA_REDEMPTION_AGAIN);
    assert_int_equal(redeem(&fixture, &redemption), VSA_OK);
    assert_int_equal(redemption, VSA_REDEMPTION_FORGOTTEN);
    stop(&fixture);
    assert_true(was_sent(&fixture, "s:used:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    /* 300 s, the skew and ten seconds. */
    assert_true(was_sent(&fixture, "\r\n315000\r\n"));
}

/* A store without an epoch, or with one of a run before, refuses what was issued until now. */
static void forgotten(void **state)
{
    (void)state;
    static const char *const script[] = {INFO_OK DONE OLD_RUN, ":1\r\n", DONE NONE, DONE, NULL};
    struct fixture fixture;
    enum vsa_redemption redemption;
    start(&fixture, 0, script);
    assert_int_equal(redeem(&fixture, &redemption), VSA_OK);
    assert_int_equal(redemption, VSA_REDEMPTION_FORGOTTEN);
    assert_int_equal(redeem(&fixture, &redemption), VSA_OK);
    assert_int_equal(redemption, VSA_REDEMPTION_FORGOTTEN);
    int64_t now_ms = vsa_wall_clock_ms();
    stop(&fixture);
    assert_true(was_sent(&fixture, "\r\nDEL\r\n$7\r\ns:epoch\r\n"));
    /* The new one begins now, not when the request came, and the skew later; it replaces none. */
    const char *set = strstr(fixture.server.log, "\r\nSET\r\n$7\r\ns:epoch\r\n");
    assert_non_null(set);
    const char *value = strstr(set + strlen("\r\nSET\r\n$7\r\ns:epoch\r\n"), "\r\n");
    assert_non_null(value);
    char *end = NULL;
    int64_t begins_ms = strtoll(value + 2, &end, 10);
    assert_int_equal(strncmp(end, "-run1\r\n$2\r\nNX\r\n", 15), 0);
    assert_in_range((uint64_t)(begins_ms - now_ms), 5001 - 1000, 5001);
}

/* Each of these is a store that may not be used: nothing was redeemed as far as it shows. */
static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        const char *detail;
    } rows[] = {
        {EVICTING DONE EPOCH, "its maxmemory-policy is allkeys-lru"},
        {NO_INFO DONE EPOCH, "its maxmemory-policy is unknown"},
        {NO_RUN DONE EPOCH, "INFO has no run_id"},
        {"-NOAUTH Authentication required.\r\n", "the store refuses: NOAUTH"},
        {INFO_OK "-OOM command not allowed\r\n", "the store refuses: OOM"},
        {INFO_OK "+QUEUED\r\n" EPOCH, "answers SET in a way"},
        {INFO_OK ":1\r\n" EPOCH, "answers SET in a way"},
        {INFO_OK DONE "$4\r\ntext\r\n", "not one of this service's"},
        {INFO_OK DONE "$2\r\n-5\r\n", "not one of this service's"},
        {INFO_OK DONE ":5\r\n", "not one of this service's"},
        {INFO_OK DONE "*-7\r\n", "should not: an array"},
        {INFO_OK DONE "*2147483647\r\n", "should not: an array"},
        {INFO_OK DONE "$-7\r\n", "answers in a way it should not"},
        {INFO_OK DONE, "does not answer"},
        {HANG_UP, "does not answer"},
        {SILENCE, "does not answer"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const script[] = {rows[i].reply, NULL};
        struct fixture fixture;
        enum vsa_redemption redemption;
        start_with(&fixture, 0, strcmp(rows[i].detail, "does not answer") == 0 ? 200 : 20000,
                   script);
        assert_int_equal(redeem(&fixture, &redemption), VSA_ERR_BACKEND);
        if (!strstr(fixture.error.detail, rows[i].detail))
            fail_msg("row %zu: '%s'", i, fixture.error.detail);
        stop(&fixture);
    }
}

static void waits_for_replicas(void **state)
{
    (void)state;
    static const char *const script[] = {INFO_OK DONE EPOCH ":2\r\n", DONE EPOCH ":1\r\n", NULL};
    struct fixture fixture;
    enum vsa_redemption redemption;
    start(&fixture, 2, script);
    assert_int_equal(redeem(&fixture, &redemption), VSA_OK);
    assert_int_equal(redemption, VSA_REDEMPTION_FIRST);
    assert_int_equal(redeem(&fixture, &redemption), VSA_ERR_BACKEND);
    assert_non_null(strstr(fixture.error.detail, "fewer than 2 replicas"));
    stop(&fixture);
}

/* One that hangs for two requests in turn is left alone; after a late reply it is asked again. */
static void left_alone(void **state)
{
    (void)state;
    static const char *const script[] = {
        HANG_UP, INFO_OK DONE EPOCH, SILENCE, INFO_OK DONE EPOCH, SILENCE, SILENCE, NULL};
    static const enum vsa_status expected[] = {VSA_ERR_BACKEND, VSA_OK,          VSA_ERR_BACKEND,
                                               VSA_OK,          VSA_ERR_BACKEND, VSA_ERR_BACKEND};
    struct fixture fixture;
    enum vsa_redemption redemption;
    start_with(&fixture, 0, 1000, script);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(redeem(&fixture, &redemption), expected[i]);
    assert_non_null(strstr(fixture.error.detail, "does not answer"));
    assert_int_equal(redeem(&fixture, &redemption), VSA_ERR_BACKEND);
    assert_non_null(strstr(fixture.error.detail, "did not answer a moment ago"));
    stop(&fixture);
}

/* A look redeems nothing; a probe fails while the epoch is ahead. */
static void looks(void **state)
{
    (void)state;
    static const char *const script[] = {INFO_OK EPOCH, INFO_OK EPOCH, INFO_OK AFTER, NULL};
    struct fixture fixture;
    enum vsa_redemption redemption;
    start(&fixture, 0, script);
    assert_int_equal(vsa_store_look(fixture.store, &fixture.challenge, NOW_MS, &redemption, NULL),
                     VSA_OK);
    assert_int_equal(redemption, VSA_REDEMPTION_FIRST);
    assert_int_equal(vsa_store_probe(fixture.store, NOW_MS, NULL), VSA_OK);
    assert_int_equal(vsa_store_probe(fixture.store, NOW_MS, &fixture.error), VSA_ERR_BACKEND);
    assert_non_null(strstr(fixture.error.detail, "issued 1 ms from now on"));
    stop(&fixture);
    assert_false(was_sent(&fixture, "SET"));
}

/* With clocks that do not differ, too, an epoch that has just been made is ahead. */
static void probes_a_new_epoch(void **state)
{
    (void)state;
    static const char *const script[] = {INFO_OK NONE, DONE, INFO_OK OLD_RUN, DONE, NULL};
    struct fixture fixture;
    start(&fixture, 0, script);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vsa_store_probe(fixture.store, NOW_MS, &fixture.error), VSA_ERR_BACKEND);
        assert_non_null(strstr(fixture.error.detail, "issued 5001 ms from now on"));
    }
    stop(&fixture);
}

static void addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "redis://",           "redis://host:",    "redis://host:0",    "redis://host:65536",
        "redis://host/10000", "redis://host/0/1", "redis://user@host", "redis://[::1",
        "unix:relative",      "http://host",      "redis:host",        "",
    };
    static const char *const good[] = {"redis://host", "redis://host:1/0", "redis://[::1]:6379/15",
                                       "redis://10.0.0.1/", "unix:/run/redis"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct vsa_store_options options = {.url = bad[i], .service_id = "s"};
        struct vsa_store *store = NULL;
        assert_int_equal(vsa_store_redis_new(&options, &store, NULL), VSA_ERR_ARGUMENT);
        assert_null(store);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const struct vsa_store_options options = {.url = good[i], .service_id = "s"};
        struct vsa_store *store = NULL;
        assert_int_equal(vsa_store_redis_new(&options, &store, NULL), VSA_OK);
        assert_true(store->is_shared);
        vsa_store_free(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redeemed),
        cmocka_unit_test(forgotten),
        cmocka_unit_test(refused),
        cmocka_unit_test(left_alone),
        cmocka_unit_test(looks),
        cmocka_unit_test(waits_for_replicas),
        cmocka_unit_test(probes_a_new_epoch),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests_name("store_redis", tests, NULL, NULL);
}
