/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to applications behind the server, and theirs. */
#include "unit_test.h"

#include <string.h>

#include "base/slice.h"
#include "protocol/forwarded.h"

static char buffer[VSA_MAX_REPLY_LINE];

static enum vsa_status encode(const char *text, const struct vsa_forwarded_facts *facts,
                              const char **written)
{
    VSA_AUTO_JSON json_t *object = json_loads(text, 0, NULL);
    struct vsa_slice line;
    assert_non_null(object);
    enum vsa_status status = vsa_forwarded_encode(object, facts, buffer, &line, NULL);
    if (status != VSA_OK)
        return status;
    buffer[line.size] = '\0';
    *written = buffer;
    return VSA_OK;
}

static void with_what_the_server_knows(void **state)
{
    (void)state;
    const char *line = NULL;
    const struct vsa_forwarded_facts plain = {.sender = ""};
    assert_int_equal(encode("{\"command\":\"x\",\"id\":1}", &plain, &line), VSA_OK);
    assert_string_equal(line, "{\"command\":\"x\",\"id\":1,\"vsattest\":{\"sealed\":false,"
                              "\"aad\":null,\"peer\":null,\"sender\":null}}\n");
    const struct vsa_forwarded_facts sealed = {true, vsa_slice_of_text("a"), 16, "print"};
    assert_int_equal(encode("{\"command\":\"x\"}", &sealed, &line), VSA_OK);
    assert_string_equal(line, "{\"command\":\"x\",\"vsattest\":{\"sealed\":true,"
                              "\"aad\":\"YQ==\",\"peer\":16,\"sender\":\"print\"}}\n");
}

/* What a library that ignores case, or folds U+017F to s, would read as another member. */
static void members_that_pretend(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{\"command\":\"x\",\"vsattest\":{}}",
        "{\"command\":\"x\",\"VSAttest\":1}",
        "{\"command\":\"x\",\"v\305\277atte\305\277t\":1}",
        "{\"command\":\"x\",\"Command\":\"y\"}",
    };
    const struct vsa_forwarded_facts facts = {.sender = ""};
    const char *line = NULL;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (encode(wrong[i], &facts, &line) != VSA_ERR_FIELD)
            fail_msg("%s", wrong[i]);
    assert_int_equal(encode("{\"command\":\"x\",\"vsattes\":1,\"commands\":2}", &facts, &line),
                     VSA_OK);
}

static void too_large(void **state)
{
    (void)state;
    static char text[VSA_MAX_REPLY_LINE];
    const struct vsa_forwarded_facts facts = {.sender = ""};
    const char *line = NULL;
    memset(text, ' ', sizeof(text) - 1);
    memcpy(text, "{\"command\":\"", strlen("{\"command\":\""));
    memset(text + strlen("{\"command\":\""), 'x', sizeof(text) - 30);
    memcpy(text + sizeof(text) - 3, "\"}", 3);
    assert_int_equal(encode(text, &facts, &line), VSA_ERR_TOO_LARGE);
}

static void assert_read(const char *line, enum vsa_status expected, enum vsa_status counted)
{
    VSA_AUTO_JSON json_t *reply = NULL;
    enum vsa_status said = VSA_OK;
    assert_int_equal(vsa_forwarded_reply_decode(vsa_slice_of_text(line), &reply, &said, NULL),
                     expected);
    if (expected == VSA_OK)
        assert_int_equal(said, counted);
}

static void replies(void **state)
{
    (void)state;
    assert_read("{\"success\":true}", VSA_OK, VSA_OK);
    assert_read("{\"success\":false}", VSA_OK, VSA_ERR_REQUEST);
    assert_read("{\"success\":false,\"error_code\":\"busy\"}", VSA_OK, VSA_ERR_BUSY);
    assert_read("{\"success\":false,\"error_code\":\"of_its_own\"}", VSA_OK, VSA_ERR_REQUEST);
    assert_read("{\"success\":1}", VSA_ERR_BACKEND, VSA_OK);
    assert_read("{}", VSA_ERR_BACKEND, VSA_OK);
    assert_read("[true]", VSA_ERR_BACKEND, VSA_OK);
    assert_read("pong", VSA_ERR_BACKEND, VSA_OK);
    assert_read("", VSA_ERR_BACKEND, VSA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_what_the_server_knows),
        cmocka_unit_test(members_that_pretend),
        cmocka_unit_test(too_large),
        cmocka_unit_test(replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
