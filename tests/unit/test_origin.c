/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler learns of where its request came from. */
#include "unit_test.h"

#include <pthread.h>
#include <string.h>

#include "server/origin.h"

static const struct vsa_command_context context;

static void in_clear(void **state)
{
    (void)state;
    struct vsa_slice aad = {0};
    vsa_origin_enter(NULL);
    assert_false(vsa_server_sealed(&context, &aad));
    assert_null(aad.data);
    assert_null(vsa_server_sender(&context));
}

static void *look(void *found)
{
    *(bool *)found = vsa_server_sealed(&context, NULL);
    return NULL;
}

/* A handler in one thread learns nothing of what another thread answers. */
static void sealed(void **state)
{
    (void)state;
    pthread_t thread;
    bool elsewhere = true;
    struct vsa_slice aad = {0};
    struct vsa_origin origin = {.aad = "tenant", .aad_size = strlen("tenant")};
    vsa_origin_enter(&origin);
    assert_true(vsa_server_sealed(&context, NULL));
    assert_true(vsa_server_sealed(&context, &aad));
    assert_int_equal(aad.size, strlen("tenant"));
    assert_memory_equal(aad.data, "tenant", aad.size);
    assert_null(vsa_server_sender(&context));
    strcpy(origin.sender, "print");
    assert_string_equal(vsa_server_sender(&context), "print");
    assert_int_equal(pthread_create(&thread, NULL, look, &elsewhere), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(elsewhere);
    vsa_origin_enter(NULL);
    assert_false(vsa_server_sealed(&context, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_clear),
        cmocka_unit_test(sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
