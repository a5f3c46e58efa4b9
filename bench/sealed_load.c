/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed pings beside plain ones, and beside what their cryptography costs bare:
 *
 *   sealed_load SOCKET PID ROUNDS CONNECTIONS
 *
 * of the server with that process ID, on 1 to 16 connections that ask at the same time. Prints its
 * CPU time of a plain ping, of a sealed one, and that of one Diffie-Hellman, two HKDF and two
 * AES-GCM of the same suite, in microseconds, then sealed pings a second.
 *
 *   sealed_load SOCKET lines COUNT
 *
 * prints sealed pings. The key is taken on the word of an unverified document.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/slice.h"
#include "crypto/aead.h"
#include "protocol/json.h"
#include "seal/key_config.h"
#include <vsattest/seal.h>

#define CONNECTIONS 16 /* at most */
#define MAX_ROUNDS  400
#define STEP        10 /* rounds */
#define LINE        4096

static int sockets[CONNECTIONS];
static char lines[MAX_ROUNDS * CONNECTIONS][LINE];
static clockid_t server_clock;
static size_t rounds;
static size_t connections;

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

static void seal_ping(const struct vsa_seal_recipient *recipient, char line[LINE])
{
    static const char head[] = "{\"command\":\"sealed\",\"sealed\":\"";
    uint8_t bytes[1024];
    struct vsa_slice sealed;
    struct vsa_seal_pending *pending = NULL;
    size_t at = strlen(head);
    must(vsa_seal_request(recipient, vsa_slice_of(NULL, 0),
                          vsa_slice_of_text("{\"command\":\"ping\"}"), bytes, sizeof(bytes),
                          &sealed, &pending, NULL) == VSA_OK,
         "cannot seal");
    vsa_seal_pending_free(pending);
    memcpy(line, head, at);
    must(vsa_base64_encode(sealed, line + at, LINE - at, NULL) == VSA_OK, "too long");
    strcat(line, "\"}\n");
}

static int print_lines(const struct vsa_seal_recipient *recipient, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        seal_ping(recipient, lines[0]);
        must(fputs(lines[0], stdout) >= 0, "not written");
    }
    return 0;
}

/* Adds the server's CPU time for some rounds, and the time they took, in seconds. */
static void load(bool is_sealed, size_t first, size_t end, double *cpu, double *taken)
{
    static const char good[] = "{\"success\":true";
    char reply[LINE];
    *cpu -= seconds(server_clock);
    *taken -= seconds(CLOCK_MONOTONIC);
    for (size_t round = first; round < end; round++) {
        for (size_t i = 0; i < connections; i++)
            send_line(sockets[i],
                      is_sealed ? lines[round * connections + i] : "{\"command\":\"ping\"}\n");
        /* The last one first: a reply that wakes its client costs the server more, and pings in
         * clear are done before the client sleeps. */
        for (size_t i = connections; i-- > 0;) {
            (void)receive_line(sockets[i], reply, sizeof(reply));
            must(strncmp(reply, good, strlen(good)) == 0, "refused");
        }
    }
    *taken += seconds(CLOCK_MONOTONIC);
    *cpu += seconds(server_clock);
}

/* --- bare ------------------------------------------------------------------------------------- */

/*
 * By the calls of libcrypto's manual, each as it stands there, and not by ours: what src/crypto
 * gains must not raise what it is measured by.
 */
struct bare {
    EVP_PKEY *own;
    const EVP_MD *md;
    bool is_curve;
};

static EVP_PKEY *make_key(bool is_curve)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(is_curve ? EVP_PKEY_EC : EVP_PKEY_X25519, NULL);
    must(EVP_PKEY_keygen_init(context) == 1 &&
             (!is_curve || EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_secp384r1) == 1) &&
             EVP_PKEY_keygen(context, &key) == 1,
         "no key");
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *read_public(const struct bare *bare, const uint8_t *bytes, size_t size)
{
    if (!bare->is_curve)
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, bytes, size);
    EVP_PKEY *key = EVP_PKEY_new();
    must(EVP_PKEY_copy_parameters(key, bare->own) == 1 &&
             EVP_PKEY_set1_tls_encodedpoint(key, bytes, size) == 1,
         "no public key");
    return key;
}

static size_t diffie_hellman(const struct bare *bare, const struct vsa_key_config *config,
                             uint8_t *secret)
{
    size_t size = VSA_MAX_DH_SECRET;
    EVP_PKEY *peer = read_public(bare, config->public_key, config->suite->enc_size);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(bare->own, NULL);
    must(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1 &&
             EVP_PKEY_derive(context, secret, &size) == 1,
         "no secret");
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer);
    return size;
}

static void hmac(const struct bare *bare, const void *key, size_t size, const void *text,
                 size_t text_size, uint8_t *digest)
{
    HMAC_CTX *context = HMAC_CTX_new();
    must(HMAC_Init_ex(context, key, (int)size, bare->md, NULL) == 1 &&
             HMAC_Update(context, text, text_size) == 1 && HMAC_Final(context, digest, NULL) == 1,
         "HMAC");
    HMAC_CTX_free(context);
}

/* Extracts, and expands to one key. */
static void hkdf(const struct bare *bare, const uint8_t *ikm, size_t size, uint8_t *key)
{
    static const char info[] = "key\1";
    uint8_t prk[VSA_MAX_HASH_SIZE];
    hmac(bare, info, 3, ikm, size, prk);
    hmac(bare, prk, (size_t)EVP_MD_size(bare->md), info, 4, key);
}

static void gcm(const uint8_t *key)
{
    static const uint8_t nonce[VSA_AEAD_NONCE_SIZE];
    static const uint8_t text[256];
    uint8_t sealed[sizeof(text)];
    uint8_t tag[VSA_AEAD_TAG_SIZE];
    int size = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    must(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
             EVP_EncryptUpdate(context, sealed, &size, text, sizeof(text)) == 1 &&
             EVP_EncryptFinal_ex(context, tag, &size) == 1 &&
             EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, sizeof(tag), tag) == 1,
         "GCM");
    EVP_CIPHER_CTX_free(context);
}

/* Adds the CPU time of `count`, in seconds. */
static void load_bare(const struct bare *bare, const struct vsa_key_config *config, size_t count,
                      double *cpu)
{
    uint8_t secret[VSA_MAX_DH_SECRET];
    uint8_t key[VSA_MAX_HASH_SIZE];
    *cpu -= seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < count; i++) {
        size_t size = diffie_hellman(bare, config, secret);
        hkdf(bare, secret, size, key);
        gcm(key);
        hkdf(bare, secret, size, key);
        gcm(key);
    }
    *cpu += seconds(CLOCK_PROCESS_CPUTIME_ID);
}

/* In turns of few rounds, so that all three have the same of what else the machine does. */
static void measure(const struct vsa_key_config *config)
{
    bool is_curve = config->suite->group == VSA_DH_P384;
    struct bare bare = {make_key(is_curve), is_curve ? EVP_sha384() : EVP_sha256(), is_curve};
    double plain = 0, sealed = 0, alone = 0, plain_taken = 0, sealed_taken = 0;
    for (size_t first = 0; first < rounds; first += STEP) {
        size_t end = first + STEP < rounds ? first + STEP : rounds;
        load(false, first, end, &plain, &plain_taken);
        load(true, first, end, &sealed, &sealed_taken);
        load_bare(&bare, config, (end - first) * connections, &alone);
    }
    double count = (double)(rounds * connections);
    (void)printf("%.2f %.2f %.2f %.0f\n", plain * 1e6 / count, sealed * 1e6 / count,
                 alone * 1e6 / count, count / sealed_taken);
    EVP_PKEY_free(bare.own);
}

int main(int argc, char **argv)
{
    struct vsa_key_config config;
    bool prints = argc == 4 && strcmp(argv[2], "lines") == 0;
    must(prints || argc == 5,
         "usage: sealed_load SOCKET PID ROUNDS CONNECTIONS | sealed_load SOCKET lines COUNT");
    rounds = strtoul(argv[3], NULL, 10);
    if (prints) {
        sockets[0] = connect_to(argv[1]);
        return print_lines(fetch_recipient(&config), rounds);
    }
    must(rounds > 0 && rounds <= MAX_ROUNDS, "ROUNDS");
    connections = strtoul(argv[4], NULL, 10);
    must(connections > 0 && connections <= CONNECTIONS, "CONNECTIONS");
    must(clock_getcpuclockid((pid_t)strtol(argv[2], NULL, 10), &server_clock) == 0, "no process");
    for (size_t i = 0; i < connections; i++)
        sockets[i] = connect_to(argv[1]);
    struct vsa_seal_recipient *recipient = fetch_recipient(&config);
    for (size_t i = 0; i < rounds * connections; i++)
        seal_ping(recipient, lines[i]);
    measure(&config);
    vsa_seal_recipient_free(recipient);
    return 0;
}
