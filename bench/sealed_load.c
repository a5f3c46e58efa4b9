/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed pings beside plain ones, and beside what their cryptography costs bare:
 *
 *   sealed_load SOCKET PID ROUNDS
 *
 * of the server with that process ID, on 16 connections. Prints its CPU time of a plain ping, of a
 * sealed one, and that of the Diffie-Hellman, the two HKDF and the two AES-GCM of a sealed one, in
 * microseconds, then sealed pings a second. The key is taken on the word of an unverified document.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/slice.h"
#include "crypto/aead.h"
#include "crypto/hkdf.h"
#include "protocol/json.h"
#include "seal/key_config.h"
#include <vsattest/seal.h>

#define CONNECTIONS 16
#define MAX_ROUNDS  400
#define BARE        2000
#define LINE        4096

static int sockets[CONNECTIONS];
static char lines[MAX_ROUNDS * CONNECTIONS][LINE];
static clockid_t server_clock;
static size_t rounds;

static void must(bool done, const char *what)
{
    if (done)
        return;
    (void)fprintf(stderr, "sealed_load: %s\n", what);
    exit(1);
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    must(clock_gettime(clock, &now) == 0, "no clock");
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && strlen(path) < sizeof(address.sun_path), "no socket");
    memcpy(address.sun_path, path, strlen(path));
    must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "no connection");
    return fd;
}

/* Returns a line's size. */
static size_t receive_line(int fd, char *line, size_t capacity)
{
    size_t size = 0;
    while (size == 0 || line[size - 1] != '\n') {
        ssize_t got = recv(fd, line + size, capacity - size, 0);
        must(got > 0, "no reply");
        size += (size_t)got;
    }
    return size;
}

static void send_line(int fd, const char *line)
{
    must(send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line), "not sent");
}

/* --- the key ---------------------------------------------------------------------------------- */

static struct vsa_seal_recipient *fetch_recipient(struct vsa_key_config *config)
{
    static char line[VSA_MAX_REPLY_LINE];
    static uint8_t bytes[VSA_MAX_DOCUMENT];
    struct vsa_slice document = {0};
    struct vsa_unverified_document read;
    struct vsa_claims claims = {.nonce_checked = true};
    struct vsa_seal_recipient *recipient = NULL;
    json_t *reply = NULL;
    send_line(sockets[0], "{\"command\":\"seal_key\",\"nonce\":\"bench\"}\n");
    size_t size = receive_line(sockets[0], line, sizeof(line));
    must(vsa_json_parse(vsa_slice_of(line, size), &reply, NULL) == VSA_OK, "no JSON");
    const json_t *text = json_object_get(reply, "attestation_document");
    must(json_is_string(text) && vsa_base64_decode(vsa_json_string_slice(text), VSA_BASE64_STRICT,
                                                   bytes, sizeof(bytes), &document, NULL) == VSA_OK,
         "no document");
    must(vsa_document_parse(document, &read, NULL) == VSA_OK, "a malformed document");
    claims.user_data = read.user_data;
    claims.public_key = read.public_key;
    must(vsa_seal_recipient_new(&claims, &recipient, NULL) == VSA_OK &&
             vsa_key_config_read(read.user_data, read.public_key, config, NULL) == VSA_OK,
         "no sealing key");
    json_decref(reply);
    return recipient;
}

/* --- the server ------------------------------------------------------------------------------- */

static void seal_pings(const struct vsa_seal_recipient *recipient)
{
    static const char head[] = "{\"command\":\"sealed\",\"sealed\":\"";
    for (size_t i = 0; i < rounds * CONNECTIONS; i++) {
        uint8_t bytes[1024];
        struct vsa_slice sealed;
        struct vsa_seal_pending *pending = NULL;
        size_t at = strlen(head);
        must(vsa_seal_request(recipient, vsa_slice_of(NULL, 0),
                              vsa_slice_of_text("{\"command\":\"ping\"}"), bytes, sizeof(bytes),
                              &sealed, &pending, NULL) == VSA_OK,
             "cannot seal");
        vsa_seal_pending_free(pending);
        memcpy(lines[i], head, at);
        must(vsa_base64_encode(sealed, lines[i] + at, LINE - at, NULL) == VSA_OK, "too long");
        strcat(lines[i], "\"}\n");
    }
}

/* CPU time of the server for each request, in microseconds; sets the rate. */
static double load(bool is_sealed, double *rate)
{
    static const char good[] = "{\"success\":true";
    char reply[LINE];
    double cpu = seconds(server_clock);
    double begun = seconds(CLOCK_MONOTONIC);
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < CONNECTIONS; i++)
            send_line(sockets[i],
                      is_sealed ? lines[round * CONNECTIONS + i] : "{\"command\":\"ping\"}\n");
        for (size_t i = 0; i < CONNECTIONS; i++) {
            (void)receive_line(sockets[i], reply, sizeof(reply));
            must(strncmp(reply, good, strlen(good)) == 0, "refused");
        }
    }
    *rate = (double)(rounds * CONNECTIONS) / (seconds(CLOCK_MONOTONIC) - begun);
    return (seconds(server_clock) - cpu) * 1e6 / (double)(rounds * CONNECTIONS);
}

/* --- bare ------------------------------------------------------------------------------------- */

static void derive(const struct vsa_hpke_suite *suite, struct vsa_slice ikm, uint8_t key[32])
{
    static const struct vsa_slice info = {(const uint8_t *)"key", 3};
    uint8_t prk[VSA_MAX_HASH_SIZE];
    must(vsa_hkdf_extract(suite->kdf_hash, info, &ikm, 1, prk, NULL) == VSA_OK &&
             vsa_hkdf_expand(suite->kdf_hash, prk, &info, 1, key, 32, NULL) == VSA_OK,
         "HKDF");
}

static double bare(const struct vsa_key_config *config)
{
    static const uint8_t nonce[VSA_AEAD_NONCE_SIZE];
    const struct vsa_hpke_suite *suite = config->suite;
    uint8_t text[256] = {0};
    uint8_t sealed[256 + VSA_AEAD_TAG_SIZE];
    uint8_t secret[VSA_MAX_DH_SECRET];
    uint8_t key[32];
    struct vsa_slice none = vsa_slice_of(NULL, 0);
    struct vsa_dh_key *own = NULL;
    must(vsa_dh_key_generate(suite->group, &own, NULL) == VSA_OK, "no key");
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < BARE; i++) {
        struct vsa_slice peer = vsa_slice_of(config->public_key, suite->enc_size);
        struct vsa_slice keys = vsa_slice_of(key, sizeof(key));
        must(vsa_dh_derive(own, peer, secret, NULL) == VSA_OK, "no secret");
        derive(suite, vsa_slice_of(secret, vsa_dh_secret_size(suite->group)), key);
        must(vsa_aead_seal(keys, nonce, none, vsa_slice_of(text, sizeof(text)), sealed, NULL) ==
                 VSA_OK,
             "GCM");
        derive(suite, keys, key);
        must(vsa_aead_seal(keys, nonce, none, vsa_slice_of(text, sizeof(text)), sealed, NULL) ==
                 VSA_OK,
             "GCM");
    }
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    vsa_dh_key_free(own);
    return cpu * 1e6 / BARE;
}

int main(int argc, char **argv)
{
    struct vsa_key_config config;
    double rate = 0;
    must(argc == 4, "usage: sealed_load SOCKET PID ROUNDS");
    rounds = strtoul(argv[3], NULL, 10);
    must(rounds > 0 && rounds <= MAX_ROUNDS, "ROUNDS");
    must(clock_getcpuclockid((pid_t)strtol(argv[2], NULL, 10), &server_clock) == 0, "no process");
    for (size_t i = 0; i < CONNECTIONS; i++)
        sockets[i] = connect_to(argv[1]);
    struct vsa_seal_recipient *recipient = fetch_recipient(&config);
    seal_pings(recipient);
    double plain = load(false, &rate);
    double sealed = load(true, &rate);
    (void)printf("%.2f %.2f %.2f %.0f\n", plain, sealed, bare(&config), rate);
    vsa_seal_recipient_free(recipient);
    return 0;
}
