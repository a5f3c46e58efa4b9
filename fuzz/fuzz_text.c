/* SPDX-License-Identifier: Apache-2.0 */
/* Short texts: times, numbers, addresses, digits, module IDs, words of a command line. */
#include <string.h>

#include "base/hex.h"
#include "base/printable.h"
#include "base/time_text.h"
#include "command_line/numbers.h"
#include "enclave_init/user.h"
#include "enclave_init/words.h"
#include "fuzz.h"
#include "service_client/bearer.h"
#include "software_nsm/module_id.h"
#include <vsattest/transport.h>

#define MAX_TEXT 4096

/* What is read is written to a text that is read as the same. */
static void check_time(const char *text)
{
    char written[VSA_TIME_TEXT_SIZE];
    int64_t time_ms = 0;
    int64_t again_ms = 0;
    if (vsa_time_parse(text, &time_ms, NULL) != VSA_OK)
        return;
    vsa_time_format(time_ms, written, sizeof(written));
    if (written[0] == '\0')
        return; /* a year beyond 9999 */
    FUZZ_REQUIRE(vsa_time_parse(written, &again_ms, NULL) == VSA_OK && again_ms == time_ms);
}

static void check_address(const char *text)
{
    char written[VSA_MAX_ADDRESS];
    struct vsa_address address;
    struct vsa_address again;
    if (vsa_address_parse(text, &address, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(vsa_address_parse(vsa_address_format(&address, written, sizeof(written)), &again,
                                   NULL) == VSA_OK);
    FUZZ_REQUIRE(again.kind == address.kind && again.cid == address.cid &&
                 again.port == address.port && strcmp(again.path, address.path) == 0);
}

static void check_hex(struct vsa_slice text)
{
    static uint8_t bytes[MAX_TEXT / 2];
    static char written[MAX_TEXT + 1];
    struct vsa_slice decoded = vsa_slice_of(bytes, text.size / 2);
    if (vsa_hex_decode(text, bytes, text.size / 2, NULL) != VSA_OK)
        return;
    vsa_hex_encode(decoded, written, sizeof(written));
    FUZZ_REQUIRE(strlen(written) == text.size);
    FUZZ_REQUIRE(vsa_hex_decode(vsa_slice_of_text(written), bytes, decoded.size, NULL) == VSA_OK);
}

/* A token is a field of HTTP: nothing in it ends the field, and it is read as the same. */
static void check_bearer(struct vsa_slice text)
{
    char token[VSA_MAX_BEARER + 1];
    char again[VSA_MAX_BEARER + 1];
    if (vsa_bearer_read(text, token, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(token[0] && !strpbrk(token, " \t\r\n"));
    FUZZ_REQUIRE(vsa_bearer_read(vsa_slice_of_text(token), again, NULL) == VSA_OK);
    FUZZ_REQUIRE(strcmp(token, again) == 0);
}

static void check_numbers(const char *text)
{
    struct vsa_error error = {.status = VSA_OK};
    uint64_t number = 0;
    int64_t ms = 0;
    if (numbers_parse("--number", text, 3, 4000000000, &number, &error) == VSA_OK)
        FUZZ_REQUIRE(number >= 3 && number <= 4000000000);
    else
        FUZZ_REQUIRE(error.status != VSA_OK);
    if (numbers_parse_seconds("--time", text, 100, 86400, &ms, NULL) == VSA_OK)
        FUZZ_REQUIRE(ms >= 0 && ms <= 86400 * 1000);
}

static void check_module_id(const char *text)
{
    struct vsa_module_id id;
    FUZZ_CALL(vsa_module_id_parse(text, &id, NULL));
}

static void check_user(const char *text)
{
    struct user user = {0, 0};
    if (!user_parse(text, &user))
        FUZZ_REQUIRE(user.uid != 0 && user.gid != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[MAX_TEXT + 1];
    if (size > MAX_TEXT)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_time(text);
    check_address(text);
    check_hex(vsa_slice_of(data, size));
    check_bearer(vsa_slice_of(data, size));
    check_numbers(text);
    check_module_id(text);
    check_user(text);
    FUZZ_CALL(words_have(text, WORD_NO_HEARTBEAT));
    FUZZ_CALL(vsa_printable_all(vsa_slice_of(data, size)));
    return 0;
}
