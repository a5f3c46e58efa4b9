/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of saved documents: entries, their results, the run (src/archive). */
#include "unit_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/results.h"
#include "archive/run.h"
#include "base/base64.h"
#include "forge.h"

static struct forge forge;
static char document[2 * VSA_MAX_DOCUMENT]; /* base64 */
static struct vsa_verifier *verifier;
static struct vsa_policy policy;
static struct vsa_archive_expectations all;

static int set_up(void **state)
{
    (void)state;
    forge_reset(&forge);
    assert_int_equal(vsa_base64_encode(forge_build(&forge), document, sizeof(document), NULL),
                     VSA_OK);
    verifier = vsa_verifier_new();
    assert_int_equal(vsa_verifier_add_root(verifier, forge_genuine_root(&forge), NULL), VSA_OK);
    vsa_policy_init(&policy);
    all = (struct vsa_archive_expectations){.policy = &policy, .now_ms = FORGE_NOW_MS};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vsa_verifier_free(verifier);
    return 0;
}

/* --- entries --- */

static struct vsa_archive_request request;

static enum vsa_status read_line(const char *format)
{
    static char line[2 * VSA_MAX_ARCHIVE_LINE];
    struct vsa_error error = {.status = VSA_OK};
    char *end = line;
    for (const char *at = format; *at; at++)
        if (at[0] == '$')
            end = stpcpy(end, document);
        else
            *end++ = *at;
    *end = '\0';
    struct vsa_archive_entry entry = {
        .bytes = (uint8_t *)line, .size = strlen(line), .is_line = true};
    vsa_archive_request_clear(&request);
    vsa_archive_request_init(&request);
    enum vsa_status status = vsa_archive_request_read(&entry, &all, &request, &error);
    assert_int_equal(error.status, status);
    return status;
}

struct row {
    const char *line; /* with $ for a genuine document */
    enum vsa_status expected;
};

static void lines_that_are_read_or_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"document\": \"$\"}", VSA_OK},
        {"{\"document\": \"$\", \"id\": 7}", VSA_OK},
        {"{\"document\": \"$\", \"nonce\": null}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"pcrs\": null}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"id\": \"a\", \"at\": \"2026-01-15T12:00:00Z\"}", VSA_OK},
        {"{\"document\": \"$\", \"at\": 1768478400}", VSA_OK},
        {"{\"document\": \"$\", \"at\": \"document\", \"nonce\": \"n\"}", VSA_OK},
        {"{\"document\": \"$\", \"nonce_base64\": \"bm9uY2U=\"}", VSA_OK},
        {"{\"document\": \"$\", \"nonce_base64\": \"bm9uY2U=\", \"nonce\": \"nonce\"}", VSA_OK},
        {"{\"document\": \"$\", \"nonce_base64\": \"bm9uY2U=\", \"nonce\": \"n\"}",
         VSA_ERR_ARGUMENT},
        {"{\"document\": \"$\", \"nonse\": \"n\"}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"nonce\": 7}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"nonce_base64\": \"%\"}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"id\": []}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"at\": \"soon\"}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"at\": []}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"pcrs\": {\"32\": \"00\"}}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"pcrs\": {\"0\": \"00\"}}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"pcrs\": 0}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"max_age\": 300, \"max_skew\": 30}", VSA_OK},
        {"{\"document\": \"$\", \"max_age\": 0, \"max_skew\": 0}", VSA_OK},
        {"{\"document\": \"$\", \"max_age\": 301}", VSA_ERR_ARGUMENT},
        {"{\"document\": \"$\", \"max_skew\": 31}", VSA_ERR_ARGUMENT},
        {"{\"document\": \"$\", \"max_age\": -1}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"max_age\": 1.5}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"max_age\": \"300\"}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"max_age\": null}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"max_age\": 9223372036854775807}", VSA_ERR_JSON},
        {"{\"document\": \"$\", \"document\": \"$\"}", VSA_ERR_DUPLICATE_KEY},
        {"{\"nonce\": \"n\"}", VSA_ERR_JSON},
        {"{\"document\": null}", VSA_ERR_JSON},
        {"{\"document\": 7}", VSA_ERR_JSON},
        {"{\"document\": \"!\"}", VSA_ERR_BASE64},
        {"{\"document\": \"\"}", VSA_ERR_EMPTY},
        {"{\"document\": \"AAAA\", \"at\": \"document\"}", VSA_ERR_COSE},
        {"[]", VSA_ERR_JSON},
        {"{", VSA_ERR_JSON},
        {"", VSA_ERR_EMPTY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum vsa_status status = read_line(rows[i].line);
        if (status != rows[i].expected)
            fail_msg("%s: %s", rows[i].line, vsa_status_code(status));
    }
    vsa_archive_request_clear(&request);
}

/* The longest values, each as text and as base64, are two names of the same bytes. */
static void the_longest_fields_in_both_forms(void **state)
{
    (void)state;
    static char line[16 * VSA_MAX_FIELD];
    char text[VSA_MAX_FIELD + 1];
    char base64[2 * VSA_MAX_FIELD];
    memset(text, 'n', VSA_MAX_FIELD);
    text[VSA_MAX_FIELD] = '\0';
    assert_int_equal(
        vsa_base64_encode(vsa_slice_of(text, VSA_MAX_FIELD), base64, sizeof(base64), NULL), VSA_OK);
    (void)snprintf(line, sizeof(line),
                   "{\"document\": \"$\", \"nonce\": \"%s\", \"nonce_base64\": \"%s\", "
                   "\"user_data\": \"%s\", \"user_data_base64\": \"%s\", "
                   "\"public_key\": \"%s\"}",
                   text, base64, text, base64, base64);
    assert_int_equal(read_line(line), VSA_OK);
    assert_int_equal(request.policy.user_data.size, VSA_MAX_FIELD);
    vsa_archive_request_clear(&request);
}

/* The longest string is not copied where it can be borrowed: each rule holds for it, too. */
static void the_longest_string_is_any_member(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"document\": \"AAAA\", \"id\": \"$\"}", VSA_ERR_JSON},
        {"{\"document\": \"AAAA\", \"at\": \"$\"}", VSA_ERR_JSON},
        {"{\"document\": \"AAAA\", \"pcrs\": {\"0\": \"$\"}}", VSA_ERR_JSON},
        {"{\"document\": \"AAAA\", \"pcrs\": \"$\"}", VSA_ERR_JSON},
        {"{\"document\": \"AAAA\", \"max_age\": \"$\"}", VSA_ERR_JSON},
        {"{\"document\": \"AAAA\", \"nonce_base64\": \"$.\"}", VSA_ERR_JSON},
        {"{\"document\": \"AAAA\", \"$\": 1}", VSA_ERR_JSON},
        {"{\"document\": \"AAAA\", \"nonce\": \"$$$\"}", VSA_ERR_TOO_LARGE},
        {"{\"document\": \"AAAA\", \"nonce_base64\": \"$\", \"nonce\": \"n\"}", VSA_ERR_ARGUMENT},
        {"{\"nonce\": \"$\", \"document\": \"AAAA\"}", VSA_OK},
    };
    static char genuine[sizeof(document)];
    memcpy(genuine, document, sizeof(document));
    memset(document, '7', 400);
    document[400] = '\0';
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (read_line(rows[i].line) != rows[i].expected)
            fail_msg("%s", rows[i].line);
    assert_int_equal(request.policy.nonce.size, 400);
    assert_memory_equal(request.policy.nonce.data, document, 400);
    vsa_archive_request_clear(&request);
    memcpy(document, genuine, sizeof(document));
}

static void a_line_lowers_the_age(void **state)
{
    (void)state;
    assert_int_equal(read_line("{\"document\": \"$\", \"max_age\": 7}"), VSA_OK);
    assert_int_equal(request.policy.max_age_ms, 7000);
    assert_int_equal(request.policy.max_skew_ms, policy.max_skew_ms);
    /* Not for the next one. */
    assert_int_equal(read_line("{\"document\": \"$\", \"max_skew\": 8}"), VSA_OK);
    assert_int_equal(request.policy.max_age_ms, policy.max_age_ms);
    assert_int_equal(request.policy.max_skew_ms, 8000);
    vsa_archive_request_clear(&request);
}

/* What a line expects adds to what is expected of all, and cannot replace it. */
static void expectations_of_all_hold_too(void **state)
{
    (void)state;
    policy.nonce = vsa_slice_of_text("nonce");
    assert_int_equal(read_line("{\"document\": \"$\"}"), VSA_OK);
    assert_memory_equal(request.policy.nonce.data, "nonce", 5);
    assert_int_equal(read_line("{\"document\": \"$\", \"nonce\": \"nonce\"}"), VSA_OK);
    assert_int_equal(read_line("{\"document\": \"$\", \"nonce\": \"other\"}"), VSA_ERR_ARGUMENT);
    all.has_time = true;
    assert_int_equal(read_line("{\"document\": \"$\", \"at\": 7}"), VSA_ERR_ARGUMENT);
    all.has_time = false;
    assert_int_equal(read_line("{\"document\": \"$\", \"at\": 7}"), VSA_OK);
    assert_int_equal(request.now_ms, 7000);
    vsa_policy_init(&policy);
    vsa_archive_request_clear(&request);
}

/* --- runs --- */

struct taken {
    uint64_t count;
    uint64_t verified;
    uint64_t end_at; /* fails there */
};

/* Entry n is good unless n % 7 is 3, and its id is n: the order is that of the input. */
static enum vsa_status take(void *context, const struct vsa_archive_entry *entry,
                            struct vsa_error *error)
{
    struct taken *taken = context;
    char id[32];
    (void)snprintf(id, sizeof(id), "\"id\":%llu,", (unsigned long long)entry->index);
    assert_non_null(strstr(entry->result, id));
    assert_int_equal(entry->status, entry->index % 7 == 3 ? VSA_ERR_NONCE : VSA_OK);
    assert_non_null(strstr(entry->result, entry->index % 7 == 3 ? "FAILED" : "SUCCESS"));
    taken->count++;
    taken->verified += entry->status == VSA_OK ? 1 : 0;
    if (taken->count == taken->end_at) {
        error->status = VSA_ERR_IO;
        return VSA_ERR_IO;
    }
    return VSA_OK;
}

static void write_lines(char path[], unsigned count)
{
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < count; i++)
        assert_true(fprintf(file, "{\"id\":%u,\"document\":\"%s\",\"nonce\":\"%s\"}\n", i, document,
                            i % 7 == 3 ? "other" : "nonce") > 0);
    assert_int_equal(fclose(file), 0);
}

static enum vsa_status run(const char *path, size_t workers, uint64_t skip, struct taken *taken)
{
    struct vsa_archive_source source;
    struct vsa_error error = {.status = VSA_OK};
    const struct vsa_archive_plan archive_run = {
        .verifier = verifier,
        .expectations = &all,
        .source = &source,
        .workers = workers,
        .skip = skip,
        .take = take,
        .context = taken,
    };
    assert_int_equal(vsa_archive_source_open(path, &source, NULL), VSA_OK);
    enum vsa_status status = vsa_archive_run(&archive_run, &error);
    vsa_archive_source_close(&source);
    return status;
}

static void every_number_of_workers_keeps_the_order(void **state)
{
    (void)state;
    static const unsigned counts[] = {0, 1, 31, 32, 33, 200};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        char path[] = "/tmp/vsa-archive-XXXXXX";
        write_lines(path, counts[i]);
        for (size_t workers = 1; workers <= 5; workers += 2) {
            struct taken taken = {.count = 0};
            assert_int_equal(run(path, workers, 0, &taken), VSA_OK);
            assert_int_equal(taken.count, counts[i]);
            assert_int_equal(taken.verified, counts[i] - (counts[i] + 3) / 7);
        }
        assert_int_equal(unlink(path), 0);
    }
}

static void a_run_goes_on_where_another_ended(void **state)
{
    (void)state;
    char path[] = "/tmp/vsa-archive-XXXXXX";
    write_lines(path, 100);
    for (uint64_t skip = 0; skip <= 100; skip += 25) {
        struct taken taken = {.count = 0};
        assert_int_equal(run(path, 2, skip, &taken), VSA_OK);
        assert_int_equal(taken.count, 100 - skip);
    }
    struct taken none = {.count = 0};
    assert_int_equal(run(path, 2, 101, &none), VSA_ERR_ARGUMENT);
    assert_int_equal(none.count, 0);
    assert_int_equal(unlink(path), 0);
}

/* A full disk: the run ends at once, with all its threads, also beside an input that never ends. */
static void the_caller_takes_nothing_more(void **state)
{
    (void)state;
    char path[] = "/tmp/vsa-archive-XXXXXX";
    write_lines(path, 200);
    for (uint64_t end_at = 1; end_at <= 200; end_at += 66) {
        struct taken taken = {.end_at = end_at};
        assert_int_equal(run(path, 3, 0, &taken), VSA_ERR_IO);
        assert_int_equal(taken.count, end_at);
    }
    assert_int_equal(unlink(path), 0);
}

/* --- sources --- */

static void expect_entry(struct vsa_archive_source *source, const char *name,
                         enum vsa_status status)
{
    struct vsa_archive_entry entry;
    assert_true(vsa_archive_source_next(source, &entry));
    assert_string_equal(entry.name, name);
    assert_int_equal(entry.status, status);
    vsa_archive_entry_clear(&entry);
}

/* Files in the order of their names; what cannot be read is an entry of its own. */
static void files_of_a_directory(void **state)
{
    (void)state;
    char path[] = "/tmp/vsa-archive-XXXXXX";
    struct vsa_archive_source source;
    struct vsa_archive_entry entry;
    assert_non_null(mkdtemp(path));
    int directory = open(path, O_RDONLY | O_DIRECTORY);
    static const char *const names[] = {"b", "a", "large"};
    for (size_t i = 0; i < 3; i++) {
        int fd = openat(directory, names[i], O_WRONLY | O_CREAT, 0600);
        assert_int_equal(write(fd, "x", 1), 1);
        assert_int_equal(ftruncate(fd, i == 2 ? VSA_MAX_ARCHIVE_LINE + 1 : 1), 0);
        assert_int_equal(close(fd), 0);
    }
    assert_int_equal(mkdirat(directory, "d", 0700), 0);
    assert_int_equal(mkfifoat(directory, "pipe", 0600), 0);
    assert_int_equal(symlinkat("nothing", directory, "link"), 0);
    assert_int_equal(vsa_archive_source_open(path, &source, NULL), VSA_OK);
    assert_int_equal(source.total, 6);
    expect_entry(&source, "a", VSA_OK);
    expect_entry(&source, "b", VSA_OK);
    expect_entry(&source, "d", VSA_ERR_IO);
    expect_entry(&source, "large", VSA_ERR_TOO_LARGE);
    expect_entry(&source, "link", VSA_ERR_IO);
    expect_entry(&source, "pipe", VSA_ERR_IO);
    assert_false(vsa_archive_source_next(&source, &entry));
    vsa_archive_source_close(&source);
    static const char *const all_names[] = {"a", "b", "large", "pipe", "link"};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(unlinkat(directory, all_names[i], 0), 0);
    assert_int_equal(unlinkat(directory, "d", AT_REMOVEDIR), 0);
    assert_int_equal(close(directory), 0);
    assert_int_equal(rmdir(path), 0);
}

static void an_archive_that_is_not_there(void **state)
{
    (void)state;
    struct vsa_archive_source source;
    assert_int_equal(vsa_archive_source_open("/vsa-nothing-there", &source, NULL), VSA_ERR_IO);
    vsa_archive_source_close(&source);
}

/* --- results --- */

static enum vsa_status open_results_in(const char *options, struct vsa_slice text,
                                       struct vsa_archive_tally *tally, off_t *size)
{
    char path[] = "/tmp/vsa-results-XXXXXX";
    struct stat after;
    FILE *file = NULL;
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text.data, text.size), (ssize_t)text.size);
    *tally = (struct vsa_archive_tally){0};
    enum vsa_status status = vsa_archive_results_open(path, options, &file, tally, NULL);
    assert_non_null(file);
    assert_int_equal(fstat(fd, &after), 0);
    *size = after.st_size;
    if (status == VSA_OK)
        assert_int_equal(ftello(file), after.st_size);
    /* It is another run's meanwhile. */
    FILE *other = NULL;
    struct vsa_archive_tally none = {0};
    assert_int_equal(vsa_archive_results_open(path, options, &other, &none, NULL), VSA_ERR_IO);
    assert_int_equal(none.entries, 0);
    assert_int_equal(fclose(other), 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    return status;
}

static enum vsa_status open_results_of(const char *options, const char *text,
                                       struct vsa_archive_tally *tally, off_t *size)
{
    return open_results_in(options, vsa_slice_of_text(text), tally, size);
}

static enum vsa_status open_results(const char *text, struct vsa_archive_tally *tally, off_t *size)
{
    return open_results_of(NULL, text, tally, size);
}

/* The first line says with which options it was made. */
static void results_of_other_options(void **state)
{
    (void)state;
    static const char same[] = "{\"entry\":0,\"verification_status\":\"FAILED\",\"options\":"
                               "\"12ab\",\"error_code\":\"nonce_mismatch\"}\n"
                               "{\"entry\":1,\"verification_status\":\"SUCCESS\"}\n";
    struct vsa_archive_tally tally;
    off_t size;
    assert_int_equal(open_results_of("12ab", same, &tally, &size), VSA_OK);
    assert_int_equal(tally.entries, 2);
    assert_int_equal(tally.failures[0].status, VSA_ERR_NONCE);
    assert_int_equal(size, sizeof(same) - 1);
    static const char *const others[] = {"12a", "12ab0", "22ab", ""};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(open_results_of(others[i], same, &tally, &size), VSA_ERR_ARGUMENT);
        assert_int_equal(tally.entries, 0);
        assert_int_equal(size, sizeof(same) - 1);
    }
    assert_int_equal(open_results_of("12ab", "{\"entry\":0,\"verification_status\":\"SUCCESS\"}\n",
                                     &tally, &size),
                     VSA_ERR_ARGUMENT);
    assert_int_equal(open_results_of("12ab", "", &tally, &size), VSA_OK);
}

static void results_are_read_again(void **state)
{
    (void)state;
    static const char good[] = "{\"entry\":0,\"verification_status\":\"SUCCESS\",\"x\":1}\n"
                               "{\"entry\":1,\"verification_status\":\"FAILED\",\"error_code\":"
                               "\"nonce_mismatch\"}\n"
                               "{\"entry\":2,\"verification_status\":\"FAILED\"}\n";
    struct vsa_archive_tally tally;
    off_t size;
    char text[400];
    assert_int_equal(open_results("", &tally, &size), VSA_OK);
    assert_int_equal(tally.entries, 0);
    /* Cut off anywhere: whole lines count. */
    for (size_t cut = 0; cut < sizeof(good); cut++) {
        memcpy(text, good, cut);
        text[cut] = '\0';
        assert_int_equal(open_results(text, &tally, &size), VSA_OK);
        size_t whole = 0;
        uint64_t entries = 0;
        for (size_t i = 0; i < cut; i++)
            if (text[i] == '\n') {
                whole = i + 1;
                entries++;
            }
        assert_int_equal(tally.entries, entries);
        assert_int_equal(size, whole);
    }
    assert_int_equal(open_results(good, &tally, &size), VSA_OK);
    assert_int_equal(tally.verified, 1);
    assert_int_equal(tally.failures[0].status, VSA_ERR_NONCE);
    assert_int_equal(tally.failures[0].count, 1);
    assert_int_equal(tally.failures[1].status, VSA_ERR_INTERNAL);
    assert_int_equal(tally.failures[1].count, 1);
    assert_int_equal(tally.failures[2].count, 0);
    static const char *const bad[] = {
        "{\"entry\":1,\"verification_status\":\"SUCCESS\"}\n",
        "{\"entry\":0,\"verification_status\":\"MAYBE\"}\n",
        "{\"entry\":0}\n",
        "\n",
        "hello\n",
        /* Files that are named by mistake, and would be lost. */
        "hello",
        "{\"document\":\"",
        "{\"entry\":1",
        "{\"entry\":0,\"verification_status\":\"SUCCESS\"}\n{\"entry\":2,",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(open_results(bad[i], &tally, &size), VSA_ERR_JSON);
        assert_int_equal(size, strlen(bad[i]));
    }
    assert_int_equal(open_results_in(NULL, vsa_slice_of("{\"ent\0\0", 7), &tally, &size), VSA_OK);
    assert_int_equal(size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_that_are_read_or_refused),
        cmocka_unit_test(the_longest_fields_in_both_forms),
        cmocka_unit_test(the_longest_string_is_any_member),
        cmocka_unit_test(a_line_lowers_the_age),
        cmocka_unit_test(expectations_of_all_hold_too),
        cmocka_unit_test(every_number_of_workers_keeps_the_order),
        cmocka_unit_test(a_run_goes_on_where_another_ended),
        cmocka_unit_test(the_caller_takes_nothing_more),
        cmocka_unit_test(files_of_a_directory),
        cmocka_unit_test(an_archive_that_is_not_there),
        cmocka_unit_test(results_are_read_again),
        cmocka_unit_test(results_of_other_options),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
