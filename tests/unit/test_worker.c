/* SPDX-License-Identifier: Apache-2.0 */
/* The NSM's thread, with an NSM that never sees it, and work that waits as long as the test wants.
 */
#include "unit_test.h"

#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "nsm/transport.h"
#include "worker/worker.h"

#define NO_NSM "unix:/nowhere/at/all"

struct job {
    struct vsa_work work;
    sem_t *begun;   /* posted when it begins, or NULL */
    sem_t *may_end; /* waited for, or NULL */
    bool had_nsm;
    enum vsa_status nsm_status;
    int order;
};

static struct vsa_worker *worker;
static struct vsa_worker_options options;
static struct job jobs[5];
static sem_t done;
static sem_t begun;
static sem_t may_end;
static int ran;
static int prepared; /* what `ran` was then */
static vsa_counter depth;
static int released;
static int closed;
static int exchanges;

static void on_done(void *user)
{
    (void)sem_post(user);
}

static void on_exchange(void *user, int64_t duration_us, enum vsa_status status)
{
    assert_ptr_equal(user, &done);
    assert_true(duration_us >= 0);
    assert_int_equal(status, VSA_ERR_TIMEOUT);
    exchanges++;
}

static void run(struct vsa_work *work, struct vsa_nsm *nsm, const struct vsa_error *nsm_error)
{
    struct job *job = (struct job *)(void *)work;
    struct vsa_nsm_description description;
    if (job->begun)
        (void)sem_post(job->begun);
    if (job->may_end)
        (void)sem_wait(job->may_end);
    job->had_nsm = nsm != NULL;
    job->nsm_status = nsm ? vsa_nsm_describe(nsm, &description, NULL) : nsm_error->status;
    job->order = ++ran;
}

static void release(struct vsa_work *work)
{
    (void)work;
    released++;
}

/* --- an NSM ----------------------------------------------------------------------------------- */

static enum vsa_status exchange(struct vsa_nsm_transport *transport, struct vsa_slice request,
                                uint8_t *buffer, size_t capacity, struct vsa_slice *response,
                                struct vsa_error *error)
{
    (void)transport, (void)request, (void)buffer, (void)capacity, (void)response, (void)error;
    return VSA_ERR_TIMEOUT;
}

static void close_transport(struct vsa_nsm_transport *transport)
{
    (void)transport;
    closed++;
}

static struct vsa_nsm_transport transport = {exchange, close_transport};

/* ---------------------------------------------------------------------------------------------- */

static void prepare(void)
{
    prepared = ran;
}

static int set_up(void **state)
{
    (void)state;
    memset(jobs, 0, sizeof(jobs));
    for (size_t i = 0; i < 5; i++)
        jobs[i].work.run = run;
    options = (struct vsa_worker_options){.nsm = NO_NSM,
                                          .timeout_ms = 1000,
                                          .max_queue = 2,
                                          .depth = &depth,
                                          .begin = prepare,
                                          .done = on_done,
                                          .exchanged = on_exchange,
                                          .user = &done};
    ran = released = closed = exchanges = 0;
    prepared = -1;
    worker = NULL;
    depth = 0;
    return sem_init(&done, 0, 0) + sem_init(&begun, 0, 0) + sem_init(&may_end, 0, 0);
}

static void start(struct vsa_nsm *nsm)
{
    assert_int_equal(vsa_worker_new(&options, nsm, &worker, NULL), VSA_OK);
    assert_int_equal(vsa_worker_start(worker, NULL), VSA_OK);
}

static int tear_down(void **state)
{
    (void)state;
    vsa_worker_free(worker, release);
    return 0;
}

static void put(int i)
{
    assert_int_equal(vsa_worker_put(worker, &jobs[i].work, NULL), VSA_OK);
}

/* The thread stands in job 0, which needs sem_post(&may_end) to end. */
static void put_long_one(void)
{
    jobs[0].begun = &begun;
    jobs[0].may_end = &may_end;
    put(0);
    (void)sem_wait(&begun);
}

static void wait_for(int count)
{
    for (int i = 0; i < count; i++)
        (void)sem_wait(&done);
}

static void test_order(void **state)
{
    (void)state;
    struct vsa_link finished = {0};
    start(NULL);
    put_long_one();
    put(1);
    put(2);
    vsa_worker_put_first(worker, &jobs[3].work); /* although the queue is full */
    assert_int_equal(vsa_counter_get(&depth), 3);
    assert_int_equal(prepared, 0);
    vsa_worker_finished(worker, &finished);
    assert_null(vsa_list_first(&finished));
    (void)sem_post(&may_end);
    wait_for(4);
    vsa_worker_finished(worker, &finished);
    static const size_t order[] = {0, 3, 1, 2};
    for (size_t i = 0; i < 4; i++)
        assert_ptr_equal(vsa_work_of(vsa_list_pop(&finished)), &jobs[order[i]].work);
    assert_null(vsa_work_of(vsa_list_pop(&finished)));
    assert_int_equal(jobs[3].order, 2);
    assert_int_equal(vsa_counter_get(&depth), 0);
}

/* While more waits the loop is not woken; once, when nothing does. */
static void test_hold(void **state)
{
    struct vsa_link finished = {0};
    int wakes = 0;
    (void)state;
    options.hold_us = INT64_MAX;
    start(NULL);
    put_long_one();
    put(1);
    put(2);
    (void)sem_post(&may_end);
    wait_for(1);
    vsa_worker_finished(worker, &finished);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(vsa_work_of(vsa_list_pop(&finished)), &jobs[i].work);
    assert_int_equal(sem_getvalue(&done, &wakes), 0);
    assert_int_equal(wakes, 0);
    put(3);
    wait_for(1);
}

static void test_full(void **state)
{
    (void)state;
    struct vsa_error error;
    start(NULL);
    put_long_one();
    put(1);
    put(2);
    assert_int_equal(vsa_worker_put(worker, &jobs[3].work, &error), VSA_ERR_BUSY);
    assert_non_null(strstr(error.detail, "2 requests"));
    assert_true(vsa_worker_withdraw(worker, &jobs[1].work));
    put(3);
    (void)sem_post(&may_end);
    wait_for(3);
    assert_int_equal(jobs[1].order, 0);
    assert_int_equal(jobs[3].order, 3);
}

static void test_withdraw(void **state)
{
    (void)state;
    struct vsa_link finished = {0};
    start(NULL);
    put_long_one();
    put(1);
    assert_true(vsa_worker_begun_ms(worker, &jobs[1].work) == INT64_MAX);
    assert_false(vsa_worker_begun_ms(worker, &jobs[0].work) == INT64_MAX);
    assert_false(vsa_worker_withdraw(worker, &jobs[0].work));
    assert_true(vsa_worker_withdraw(worker, &jobs[1].work));
    assert_false(vsa_worker_withdraw(worker, &jobs[1].work));
    (void)sem_post(&may_end);
    wait_for(1);
    assert_false(vsa_worker_withdraw(worker, &jobs[0].work)); /* done: it is to be collected */
    vsa_worker_finished(worker, &finished);
    assert_ptr_equal(vsa_list_first(&finished), finished.previous); /* one */
}

static void test_no_nsm(void **state)
{
    (void)state;
    start(NULL);
    put(0);
    wait_for(1);
    assert_false(jobs[0].had_nsm);
    assert_int_equal(jobs[0].nsm_status, VSA_ERR_NSM_UNREACHABLE);
}

static void test_without_any_nsm(void **state)
{
    (void)state;
    options.nsm = NULL;
    options.exchanged = NULL;
    start(NULL);
    put(0);
    wait_for(1);
    assert_false(jobs[0].had_nsm);
    assert_int_equal(jobs[0].nsm_status, VSA_ERR_NSM_UNREACHABLE);
}

static void test_nsm(void **state)
{
    (void)state;
    struct vsa_nsm *nsm = NULL;
    assert_int_equal(vsa_nsm_new(&transport, &nsm, NULL), VSA_OK);
    start(nsm);
    put(0);
    wait_for(1);
    assert_true(jobs[0].had_nsm);
    assert_int_equal(jobs[0].nsm_status, VSA_ERR_TIMEOUT);
    assert_int_equal(exchanges, 1);
    vsa_worker_free(worker, release);
    worker = NULL;
    depth = 0;
    assert_int_equal(closed, 1);
    assert_int_equal(released, 1); /* done, and not collected */
}

/* Work may be put before there is a thread; it never runs if that does not come. */
static void test_late_thread(void **state)
{
    (void)state;
    assert_int_equal(vsa_worker_new(&options, NULL, &worker, NULL), VSA_OK);
    put(0);
    assert_int_equal(vsa_counter_get(&depth), 1);
    assert_int_equal(vsa_worker_start(worker, NULL), VSA_OK);
    wait_for(1);
    assert_int_equal(jobs[0].order, 1);
    vsa_worker_free(worker, release);
    assert_int_equal(vsa_worker_new(&options, NULL, &worker, NULL), VSA_OK);
    put(1);
    vsa_worker_free(worker, release);
    worker = NULL;
    depth = 0;
    assert_int_equal(jobs[1].order, 0);
    assert_int_equal(released, 2);
}

/* What still waits is released without having run. */
static void test_stop(void **state)
{
    (void)state;
    start(NULL);
    put_long_one();
    put(1);
    put(2);
    (void)sem_post(&may_end);
    vsa_worker_free(worker, release);
    worker = NULL;
    depth = 0;
    assert_int_equal(released, 3);
    vsa_worker_free(NULL, release);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_withdraw, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_nsm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_any_nsm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nsm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
