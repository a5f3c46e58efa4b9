/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query to a server that sends what the input says: one byte for its kind, then pieces, each a
 * byte of length and so many bytes. Longer pieces are up to the end of a line; two lengths are
 * orders, to hang up and to send nothing for a while (one_peer.h).
 */
#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "fuzz.h"
#include "one_peer.h"
#include "query/run.h"

#define HANG_UP    255
#define SILENCE    254
#define WHOLE_LINE 253
/* 2026-01-01T00:00:00Z */
#define NOW_MS     INT64_C(1767225600000)
#define TIMEOUT_MS 30000

enum { KIND = 7, OVER_MUX = 8, GENERATE_KEY = 64 };

/* Of the input, what was not sent yet. */
static struct {
    const uint8_t *at;
    const uint8_t *end;
} server;

/* --- the server ------------------------------------------------------------------------------- */

static size_t piece_size(size_t length)
{
    size_t left = (size_t)(server.end - server.at);
    const uint8_t *newline = length == WHOLE_LINE && left ? memchr(server.at, '\n', left) : NULL;
    if (newline)
        return (size_t)(newline - server.at) + 1;
    return length < left ? length : left;
}

/* Whatever the request is, the next piece; false: time passes. */
static bool act(struct vsa_slice request)
{
    if (request.data)
        return true;
    if (server.at == server.end)
        return false;
    size_t length = *server.at++;
    if (length == SILENCE)
        return false;
    if (length == HANG_UP) {
        one_peer_hang_up();
        return true;
    }
    size_t size = piece_size(length);
    one_peer_send(vsa_slice_of(server.at, size));
    server.at += size;
    return true;
}

/* --- what came of it -------------------------------------------------------------------------- */

/* Nothing that a collector would take for another program's. */
static void check_metrics(const json_t *reply)
{
    const char *line = json_string_value(json_object_get(reply, "metrics"));
    FUZZ_REQUIRE(line && *line);
    for (; *line; line = strchr(line, '\n') + 1) {
        FUZZ_REQUIRE(strchr(line, '\n') != NULL);
        FUZZ_REQUIRE(strncmp(line, "vsattest_", 9) == 0 ||
                     strncmp(line, "# HELP vsattest_", 16) == 0 ||
                     strncmp(line, "# TYPE vsattest_", 16) == 0);
    }
}

static void check_outcome(enum vsa_query_kind kind, const struct vsa_outcome *outcome)
{
    if (outcome->status != VSA_OK) {
        FUZZ_REQUIRE(outcome->error.status == outcome->status);
        FUZZ_REQUIRE(outcome->reply == NULL);
        return;
    }
    /* No document of an input is AWS's. */
    FUZZ_REQUIRE(kind != VSA_QUERY_VERIFY);
    if (kind == VSA_QUERY_METRICS)
        check_metrics(outcome->reply);
    if (kind == VSA_QUERY_STATUS)
        FUZZ_REQUIRE(json_is_string(json_object_get(outcome->reply, "status")));
    if (kind == VSA_QUERY_ATTEST)
        FUZZ_REQUIRE(outcome->attestation.document_size > 0 &&
                     outcome->attestation.document_size <= VSA_MAX_DOCUMENT);
}

static int64_t now(const void *context)
{
    (void)context;
    return NOW_MS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vsa_verifier *verifier;
    static struct vsa_policy policy;
    static struct vsa_outcome outcome;
    char address[VSA_MAX_ADDRESS];
    if (size == 0)
        return 0;
    const char *path = one_peer_listen();
    if (!verifier) {
        verifier = vsa_verifier_new();
        FUZZ_REQUIRE(verifier && vsa_verifier_add_aws_roots(verifier, NULL) == VSA_OK);
        vsa_policy_init(&policy);
    }
    struct vsa_query query = {
        .kind = (enum vsa_query_kind)(VSA_QUERY_PING + (data[0] & KIND) % VSA_QUERY_VERIFY),
        .retries = data[0] >> 4 & 3,
        .verifier = verifier,
        .policy = &policy,
        .now = now,
    };
    vsa_attestation_request_init(&query.document);
    query.document.generate_key = data[0] & GENERATE_KEY;
    (void)snprintf(address, sizeof(address), data[0] & OVER_MUX ? "vsock-mux:%s:5000" : "unix:%s",
                   path);
    server.at = data + 1;
    server.end = data + size;
    memset(&outcome, 0, sizeof(outcome));
    one_peer_begin(act);
    vsa_query_run(&query, address, one_peer_now_ms() + TIMEOUT_MS, &outcome);
    one_peer_end();
    check_outcome(query.kind, &outcome);
    vsa_outcome_free(&outcome);
    return 0;
}
