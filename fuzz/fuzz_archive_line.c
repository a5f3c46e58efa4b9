/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of archives and files of results: both are read from files that others wrote. */
#include <sys/mman.h>
#include <unistd.h>

#include "archive/lines.h"
#include "archive/results.h"
#include "fuzz.h"

/* All lines together are the input, whatever their sizes. */
static void read_lines(int fd, size_t size)
{
    static struct vsa_lines lines;
    vsa_lines_init(&lines, fd, -1);
    for (;;) {
        struct vsa_slice line = {NULL, 0};
        bool has_end = false;
        enum vsa_status status = vsa_lines_next(&lines, &line, &has_end, NULL);
        FUZZ_REQUIRE(status == VSA_OK || status == VSA_ERR_LINE_TOO_LONG);
        FUZZ_REQUIRE(line.size <= VSA_MAX_ARCHIVE_LINE);
        if (status == VSA_OK && !line.data)
            break;
    }
    FUZZ_REQUIRE(lines.offset == size);
}

static void read_results(int fd, size_t size)
{
    static struct vsa_archive_tally tally;
    uint64_t whole = 0;
    tally = (struct vsa_archive_tally){0};
    FUZZ_REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
    if (vsa_archive_results_read(fd, NULL, &tally, &whole, NULL) == VSA_OK)
        FUZZ_REQUIRE(whole <= size && (tally.entries > 0) == (whole > 0));
    uint64_t ended = tally.verified;
    for (size_t i = 0; i < VSA_ARCHIVE_FAILURES; i++)
        ended += tally.failures[i].count;
    FUZZ_REQUIRE(ended == tally.entries);
}

static void read_entry(const uint8_t *data, size_t size)
{
    static struct vsa_archive_request request;
    struct vsa_policy policy;
    vsa_policy_init(&policy);
    const struct vsa_archive_expectations all = {.policy = &policy, .now_ms = 1};
    struct vsa_archive_entry entry = {
        .bytes = (uint8_t *)(uintptr_t)data, .size = size, .is_line = true};
    vsa_archive_request_init(&request);
    entry.status = vsa_archive_request_read(&entry, &all, &request, &entry.error);
    FUZZ_REQUIRE(entry.status == VSA_OK || entry.error.status == entry.status);
    if (entry.status == VSA_OK)
        FUZZ_REQUIRE(request.document.data != NULL);
    else
        free(vsa_archive_result_line(&entry, &request, NULL, "0123456789abcdef"));
    vsa_archive_request_clear(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("lines", MFD_CLOEXEC);
    FUZZ_REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    FUZZ_REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
    read_lines(fd, size);
    read_results(fd, size);
    (void)close(fd);
    if (size <= VSA_MAX_ARCHIVE_LINE)
        read_entry(data, size);
    return 0;
}
