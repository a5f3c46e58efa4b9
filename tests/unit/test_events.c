/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "server/events.h"

static struct vsa_server_event seen;
static int count;

static void on_event(void *user, const struct vsa_server_event *event)
{
    assert_ptr_equal(user, &count);
    seen = *event;
    count++;
}

static void test_connections_are_filled_in(void **state)
{
    (void)state;
    vsa_counter phases[VSA_STREAM_PHASES] = {1, 20, 300, 4000};
    struct vsa_observer observer = {.on_event = on_event, .user = &count, .phases = phases};
    vsa_observe(&observer, (struct vsa_server_event){.kind = VSA_EVENT_REQUEST, .connection = 7});
    assert_int_equal(count, 1);
    assert_int_equal(seen.kind, VSA_EVENT_REQUEST);
    assert_int_equal(seen.connection, 7);
    assert_int_equal(seen.connections, 4321);
    observer.on_event = NULL;
    vsa_observe(&observer, (struct vsa_server_event){.kind = VSA_EVENT_REQUEST});
    assert_int_equal(count, 1);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(vsa_server_event_name(VSA_EVENT_LISTENING), "listening");
    assert_string_equal(vsa_server_event_name(VSA_EVENT_STOPPED), "stopped");
    assert_string_equal(vsa_server_event_name((enum vsa_server_event_kind)(VSA_EVENT_STOPPED + 1)),
                        "unknown");
    for (int kind = 0; kind < VSA_EVENT_STOPPED; kind++)
        assert_string_not_equal(vsa_server_event_name((enum vsa_server_event_kind)kind),
                                vsa_server_event_name((enum vsa_server_event_kind)(kind + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_are_filled_in),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
