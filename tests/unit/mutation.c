/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "mutation.h"
#include "slow_tool.h"

/* A file that gets the rows' certificates, instead of a run. */
#define DUMP "VSA_DUMP_CERTIFICATES"

static void add_root(struct vsa_verifier *verifier, struct vsa_slice root)
{
    struct vsa_error error = {0};
    if (vsa_verifier_add_root(verifier, root, &error) != VSA_OK)
        fail_msg("root: %s", error.detail);
}

static struct vsa_verifier *make_verifier(struct setting *setting, struct vsa_slice own_root)
{
    struct vsa_verifier *verifier = vsa_verifier_new();
    assert_non_null(verifier);
    if (setting->anchors != ANCHOR_NONE)
        add_root(verifier, forge_genuine_root(&setting->forge));
    if (setting->anchors == ANCHOR_OWN)
        add_root(verifier, own_root);
    return verifier;
}

static bool is_zero(const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < size; i++)
        if (byte[i])
            return false;
    return true;
}

/* The verdict; and that nothing can be mistaken for claims after a refusal. */
static void check(struct vsa_verifier *verifier, struct vsa_slice document,
                  const struct setting *setting, enum vsa_status expected)
{
    struct vsa_claims claims;
    struct vsa_error error;
    memset(&claims, 0xa5, sizeof(claims));
    memset(&error, 0xa5, sizeof(error));
    enum vsa_status status =
        vsa_verify(verifier, document, setting->used_policy, setting->now_ms, &claims, &error);
    if (status != expected)
        fail_msg("%s instead of %s: %s", vsa_status_code(status), vsa_status_code(expected),
                 status == VSA_OK ? "accepted" : error.detail);
    if (status == VSA_OK) {
        assert_in_range((uintptr_t)claims.module_id.data, (uintptr_t)document.data,
                        (uintptr_t)document.data + document.size - 1);
        assert_int_equal(claims.verified_at_ms, setting->now_ms);
        return;
    }
    assert_true(is_zero(&claims, sizeof(claims)));
    assert_int_equal(error.status, status);
    assert_true(error.detail[0] != '\0' && strnlen(error.detail, VSA_ERROR_DETAIL) > 8);
    assert_true(error.offset == VSA_NO_OFFSET || error.offset <= document.size);
    /* The error object is optional. */
    if (is_slow_tool())
        return;
    assert_int_equal(
        vsa_verify(verifier, document, setting->used_policy, setting->now_ms, &claims, NULL),
        status);
}

static void check_genuine(struct vsa_verifier *verifier, struct vsa_slice document)
{
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_error error = {0};
    vsa_policy_init(&policy);
    if (vsa_verify(verifier, document, &policy, FORGE_NOW_MS, &claims, &error) != VSA_OK)
        fail_msg("the genuine document: %s", error.detail);
}

/* A heap block of exactly its size, so that sanitizers and valgrind see what is read past it. */
static struct vsa_slice exact_copy(struct vsa_slice bytes)
{
    uint8_t *copy = malloc(bytes.size ? bytes.size : 1);
    assert_non_null(copy);
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    return vsa_slice_of(copy, bytes.size);
}

static void free_copy(struct vsa_slice copy)
{
    free((void *)(uintptr_t)copy.data);
}

static void set_up(struct setting *setting)
{
    forge_reset(&setting->forge);
    vsa_policy_init(&setting->policy);
    setting->used_policy = &setting->policy;
    setting->now_ms = FORGE_NOW_MS;
    setting->anchors = ANCHOR_GENUINE;
}

static bool same_bytes(struct vsa_slice a, struct vsa_slice b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* The genuine document, and a verifier that has met it and every row so far. */
static struct {
    struct vsa_slice document;
    struct vsa_verifier *verifier;
} genuine;

static int set_up_group(void **state)
{
    static struct setting setting;
    (void)state;
    set_up(&setting);
    genuine.document = exact_copy(forge_build(&setting.forge));
    genuine.verifier = make_verifier(&setting, genuine.document);
    check_genuine(genuine.verifier, genuine.document);
    return 0;
}

static int tear_down_group(void **state)
{
    (void)state;
    free_copy(genuine.document);
    vsa_verifier_free(genuine.verifier);
    return 0;
}

/* With the genuine chain in the cache; and refused or not, it leaves nothing harmful there. */
static void check_warm(struct vsa_verifier *verifier, struct vsa_slice document,
                       const struct setting *setting, enum vsa_status expected)
{
    check_genuine(verifier, genuine.document);
    check(verifier, document, setting, expected);
    check(verifier, document, setting, expected);
    check_genuine(verifier, genuine.document);
}

/* In a batch, between and beside genuine documents, each gets what it gets alone. */
static void check_batch(struct vsa_verifier *verifier, struct vsa_slice document,
                        const struct setting *setting, enum vsa_status expected)
{
    struct vsa_policy policy;
    struct vsa_verify_job jobs[5];
    struct vsa_claims claims[5];
    struct vsa_error errors[5] = {{.status = VSA_OK}};
    struct vsa_claims alone;
    struct vsa_error error = {.status = VSA_OK};
    vsa_policy_init(&policy);
    for (size_t i = 0; i < 5; i++) {
        bool is_row = i % 2 == 0;
        memset(&claims[i], 0xa5, sizeof(claims[i]));
        vsa_verify_job_init(&jobs[i]);
        jobs[i].document = is_row ? document : genuine.document;
        jobs[i].policy = is_row ? setting->used_policy : &policy;
        jobs[i].now_ms = is_row ? setting->now_ms : FORGE_NOW_MS;
        jobs[i].claims = &claims[i];
        jobs[i].error = &errors[i];
    }
    assert_int_equal(vsa_verify_batch(verifier, jobs, 5), expected);
    assert_int_equal(
        vsa_verify(verifier, document, setting->used_policy, setting->now_ms, &alone, &error),
        expected);
    for (size_t i = 0; i < 5; i += 2) {
        assert_int_equal(jobs[i].status, expected);
        assert_memory_equal(&claims[i], &alone, sizeof(alone));
        assert_int_equal(errors[i].status, error.status);
        assert_int_equal(errors[i].offset, error.offset);
        assert_string_equal(errors[i].detail, error.detail);
    }
    assert_int_equal(jobs[1].status, jobs[3].status);
    if (setting->anchors == ANCHOR_GENUINE)
        assert_int_equal(jobs[1].status, VSA_OK);
}

/* Writes the certificates of a row, each behind its length in 4 bytes, for tests/interop. */
static void write_certificates(FILE *file, const struct forge *forge)
{
    for (size_t i = 0; i < forge->levels; i++) {
        struct vsa_slice der = forge->made_certificates[i];
        const uint8_t head[] = {(uint8_t)(der.size >> 24), (uint8_t)(der.size >> 16),
                                (uint8_t)(der.size >> 8), (uint8_t)der.size};
        assert_int_equal(fwrite(head, sizeof(head), 1, file), 1);
        assert_int_equal(fwrite(der.data, 1, der.size, file), der.size);
    }
}

static void dump_row(void **state)
{
    const struct mutation *row = *state;
    static struct setting setting;
    set_up(&setting);
    row->apply(&setting, row);
    (void)forge_build(&setting.forge);
    FILE *file = fopen(getenv(DUMP), "ab");
    assert_non_null(file);
    write_certificates(file, &setting.forge);
    assert_int_equal(fclose(file), 0);
}

static void run_row(void **state)
{
    const struct mutation *row = *state;
    static struct setting setting;
    static struct setting untouched;
    set_up(&untouched);
    set_up(&setting);
    row->apply(&setting, row);
    struct vsa_slice mutated = exact_copy(forge_build(&setting.forge));

    /* A row that changes nothing would test nothing. */
    bool changed = !same_bytes(genuine.document, mutated) || setting.now_ms != untouched.now_ms ||
                   setting.anchors != untouched.anchors || !setting.used_policy ||
                   memcmp(&setting.policy, &untouched.policy, sizeof(setting.policy)) != 0;
    assert_int_equal(changed, row->apply != leave);

    struct vsa_verifier *own = make_verifier(&setting, setting.forge.made_certificates[FORGE_ROOT]);
    check(own, mutated, &setting, row->expected);
    /* Slow tools look at memory, and the first time shows that as well. */
    bool again = !is_slow_tool();
    if (again && setting.anchors == ANCHOR_GENUINE)
        check_warm(genuine.verifier, mutated, &setting, row->expected);
    else if (again && setting.anchors == ANCHOR_OWN)
        check_warm(own, mutated, &setting, row->expected);
    vsa_verifier_free(own);
    if (again) {
        own = make_verifier(&setting, setting.forge.made_certificates[FORGE_ROOT]);
        check_batch(own, mutated, &setting, row->expected);
        vsa_verifier_free(own);
    }
    free_copy(mutated);
}

int mutation_run(const char *group, const struct mutation *rows, size_t count)
{
    struct CMUnitTest *tests = calloc(count, sizeof(*tests));
    if (!tests)
        return 1;
    size_t chosen = 0;
    for (size_t i = 0; i < count; i += slow_tool_step()) {
        tests[chosen].name = rows[i].name;
        tests[chosen].test_func = getenv(DUMP) ? dump_row : run_row;
        tests[chosen++].initial_state = (void *)(uintptr_t)&rows[i];
    }
    int failed = _cmocka_run_group_tests(group, tests, chosen, set_up_group, tear_down_group);
    free(tests);
    return failed;
}

/* --- for `apply` --- */

void set_cose(struct setting *setting, const struct mutation *row)
{
    memcpy((char *)&setting->forge.cose + row->where, &row->hex, sizeof(row->hex));
}

void set_field(struct setting *setting, const struct mutation *row)
{
    forge_set(&setting->forge, (enum forge_field)row->where, row->hex);
}

void set_field_size(struct setting *setting, const struct mutation *row)
{
    forge_set_value(&setting->forge, (enum forge_field)row->where,
                    forge_bytes(&setting->forge, (size_t)row->number, 0x5a));
}

void remove_field(struct setting *setting, const struct mutation *row)
{
    forge_remove(&setting->forge, (enum forge_field)row->where);
}

void add_entry(struct setting *setting, const struct mutation *row)
{
    forge_add(&setting->forge, row->text, row->hex);
}

void leave(struct setting *setting, const struct mutation *row)
{
    (void)setting;
    (void)row;
}
