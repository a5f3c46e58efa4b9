/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every input of up to three bytes (VSA_EVERY_INPUT=4 in the environment: four, as .ci/nightly)
 * through the readers of hostile bytes.
 *
 * Up to two bytes, and wherever a reader looks at every byte, the input is a heap block that ends
 * where the input does. Otherwise an input is known by its first bytes alone: it stands before a
 * page that cannot be read, on which its other bytes would be. A reader that comes to its verdict
 * without touching that page has the same verdict for whatever could be there, since it has read
 * nothing else; where it touches it, each value of the next byte is tried in turn. So all 2^32
 * inputs are met, most of them by the few bytes that decide.
 */
#include "unit_test.h"

#include <ctype.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/hex.h"
#include "cbor/reader.h"
#include "der/reader.h"
#include "slow_tool.h"

static void check_cbor(struct vsa_slice input)
{
    for (int any_form = 0; any_form < 2; any_form++) {
        struct vsa_cbor_reader reader = vsa_cbor_reader_of(input);
        reader.any_form = any_form;
        enum vsa_status status = vsa_cbor_skip(&reader, NULL);
        assert_true(reader.offset <= input.size);
        assert_true(status != VSA_OK || reader.offset > 0);
    }
}

/* A failed read does not move the reader; a good one moves it behind the element. */
static void check_der(struct vsa_slice input)
{
    struct vsa_der_reader reader = vsa_der_reader_of(input);
    if (vsa_der_skip(&reader, NULL) == VSA_OK)
        assert_true(reader.offset >= 2 && reader.offset == 2u + input.data[1]);
    else
        assert_true(reader.offset == 0);
    assert_true(reader.end == input.size);
}

static void check_base64(struct vsa_slice input)
{
    uint8_t bytes[4];
    char text[8];
    struct vsa_slice out;
    for (unsigned forms = 0; forms < 8; forms++)
        if (vsa_base64_decode(input, forms, bytes, sizeof(bytes), &out, NULL) == VSA_OK)
            assert_true(out.size <= 3);
    /* Strict text has one reading. */
    if (vsa_base64_decode(input, VSA_BASE64_STRICT, bytes, sizeof(bytes), &out, NULL) != VSA_OK)
        return;
    assert_true(vsa_base64_encode(out, text, sizeof(text), NULL) == VSA_OK);
    assert_true(strlen(text) == input.size);
    assert_true(!input.size || memcmp(text, input.data, input.size) == 0);
}

static void check_hex(struct vsa_slice input)
{
    uint8_t bytes[2];
    char text[5];
    if (vsa_hex_decode(input, bytes, input.size / 2, NULL) != VSA_OK)
        return;
    assert_true(input.size % 2 == 0);
    vsa_hex_encode(vsa_slice_of(bytes, input.size / 2), text, sizeof(text));
    for (size_t i = 0; i < input.size; i++)
        assert_true(text[i] == tolower(input.data[i]));
}

static size_t most_bytes(void)
{
    const char *chosen = getenv("VSA_EVERY_INPUT");
    if (chosen)
        return (size_t)(chosen[0] - '0');
    return is_slow_tool() ? 1 : 3;
}

#define MOST 4

/* The bytes that are known, and behind them a page that cannot be read. */
static struct {
    uint8_t *unreadable;
    size_t page;
    const uint8_t *fault; /* where the reader touched it */
    sigjmp_buf back;
} border;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    border.fault = info->si_addr;
    if (border.fault >= border.unreadable && border.fault < border.unreadable + MOST)
        siglongjmp(border.back, 1);
    /* A fault of the reader's own: as it would end without this test. */
    struct sigaction plain = {.sa_handler = SIG_DFL};
    (void)sigaction(signal, &plain, NULL);
}

static void set_up_border(struct sigaction *before)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    border.page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages =
        mmap(NULL, 2 * border.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    border.unreadable = pages + border.page;
    assert_int_equal(mprotect(border.unreadable, border.page, PROT_NONE), 0);
    assert_int_equal(sigaction(SIGSEGV, &action, before), 0);
}

static void tear_down_border(const struct sigaction *before)
{
    assert_int_equal(sigaction(SIGSEGV, before, NULL), 0);
    assert_int_equal(munmap(border.unreadable - border.page, 2 * border.page), 0);
}

struct walk {
    void (*check)(struct vsa_slice input);
    uint8_t *block; /* on the heap, of `size` bytes */
    size_t size;
    uint64_t decided; /* inputs of which the first bytes were enough */
    uint64_t read;    /* inputs of which all bytes were there */
};

/* Returns whether the verdict on an input that begins with `known` bytes of the block is made. */
static bool is_decided(const struct walk *walk, size_t known)
{
    uint8_t *input = border.unreadable - known;
    memcpy(input, walk->block, known);
    if (sigsetjmp(border.back, 0)) {
        /* Only what is the input's may be looked at. */
        assert_true(border.fault < input + walk->size);
        return false;
    }
    walk->check(vsa_slice_of(input, walk->size));
    return true;
}

/* Tries all that begin with `known` bytes. */
static void descend(struct walk *walk, size_t known)
{
    if (known == walk->size) {
        walk->check(vsa_slice_of(walk->block, walk->size));
        walk->read++;
        return;
    }
    if (is_decided(walk, known)) {
        walk->decided += UINT64_C(1) << 8 * (walk->size - known);
        return;
    }
    for (unsigned value = 0; value < 256; value++) {
        walk->block[known] = (uint8_t)value;
        descend(walk, known + 1);
    }
}

static void walk_all(void (*check)(struct vsa_slice input), size_t size)
{
    struct sigaction before;
    struct walk walk = {.check = check, .size = size};
    walk.block = malloc(size);
    assert_non_null(walk.block);
    set_up_border(&before);
    descend(&walk, 0);
    tear_down_border(&before);
    free(walk.block);
    print_message("# %zu bytes: %llu inputs decided by their first bytes, %llu read whole\n", size,
                  (unsigned long long)walk.decided, (unsigned long long)walk.read);
    assert_true(walk.decided + walk.read == UINT64_C(1) << 8 * size);
}

/* All inputs of `size` bytes, each of which is one of `count` values. */
static void run_values(void (*check)(struct vsa_slice input), size_t size, const uint8_t *values,
                       size_t count)
{
    uint8_t *block = malloc(size + 1);
    size_t places[MOST] = {0};
    size_t at = 0;
    assert_non_null(block);
    do {
        for (size_t i = 0; i < size; i++)
            block[1 + i] = values[places[i]];
        check(vsa_slice_of(block + 1, size));
        for (at = 0; at < size && ++places[at] == count; at++)
            places[at] = 0;
    } while (at < size);
    free(block);
}

static void run_all(void (*check)(struct vsa_slice input))
{
    uint8_t every[256];
    for (size_t i = 0; i < sizeof(every); i++)
        every[i] = (uint8_t)i;
    for (size_t size = 0; size <= most_bytes(); size++)
        if (size < 3)
            run_values(check, size, every, sizeof(every));
        else
            walk_all(check, size);
}

static void cbor(void **state)
{
    (void)state;
    run_all(check_cbor);
}

static void der(void **state)
{
    (void)state;
    run_all(check_der);
}

/*
 * base64 looks at four characters at once. It distinguishes its alphabets, '=' and white space by
 * value, and of all other bytes only that they are none of these: with three bytes each is tried,
 * with four some stand for the rest.
 */
static void base64(void **state)
{
    static const char known[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_="
        " \t\r\n";
    static const char others[] = "\0\x0b!,.:@[`{\x7f\x80\xff";
    uint8_t values[sizeof(known) - 1 + sizeof(others) - 1];
    (void)state;
    memcpy(values, known, sizeof(known) - 1);
    memcpy(values + sizeof(known) - 1, others, sizeof(others) - 1);
    uint8_t every[256];
    for (size_t i = 0; i < sizeof(every); i++)
        every[i] = (uint8_t)i;
    for (size_t size = 0; size <= most_bytes(); size++)
        if (size < MOST)
            run_values(check_base64, size, every, sizeof(every));
        else
            run_values(check_base64, size, values, sizeof(values));
}

static void hex(void **state)
{
    (void)state;
    run_all(check_hex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cbor),
        cmocka_unit_test(der),
        cmocka_unit_test(base64),
        cmocka_unit_test(hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
