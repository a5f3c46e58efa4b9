/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the seeds of all fuzz targets into DIRECTORY/<target>/: documents and messages from the
 * software NSM, the rest by hand. The keys are new each time, so only run it to add seeds.
 *
 *     ninja -C build fuzz/make_corpus && build/fuzz/make_corpus fuzz/corpus
 */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "attestation/pcrs.h"
#include "base/base64.h"
#include "base/pem.h"
#include "cbor/writer.h"
#include "cose/sign1.h"
#include "forge.h"
#include "fuzz.h"
#include "hostile_nsm.h"
#include "make_nsm.h"
#include "nsm/message.h"
#include "seal/exchange.h"
#include "server_program.h"
#include "token/ear_names.h"
#include "token/jwk.h"
#include "token/jws.h"

/* 2026-01-01T00:00:00Z */
#define NOW_MS INT64_C(1767225600000)

static const char *directory;

static void write_seed(const char *target, const char *name, struct vsa_slice bytes)
{
    char path[PATH_MAX];
    FUZZ_REQUIRE(snprintf(path, sizeof(path), "%s/%s", directory, target) < (int)sizeof(path));
    FUZZ_REQUIRE(mkdir(path, 0755) == 0 || errno == EEXIST);
    FUZZ_REQUIRE(snprintf(path, sizeof(path), "%s/%s/%s", directory, target, name) <
                 (int)sizeof(path));
    FILE *file = fopen(path, "wb");
    FUZZ_REQUIRE(file && fwrite(bytes.data, 1, bytes.size, file) == bytes.size);
    FUZZ_REQUIRE(fclose(file) == 0);
}

static void write_text(const char *target, const char *name, const char *text)
{
    write_seed(target, name, vsa_slice_of_text(text));
}

static void make_cbor(void)
{
    uint8_t buffer[512];
    struct vsa_slice out;
    struct vsa_builder builder = vsa_builder_of(buffer, sizeof(buffer));
    static const uint64_t edges[] = {0,     23,         24,          255,       256,
                                     65535, 0xffffffff, 0x100000000, UINT64_MAX};
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        vsa_cbor_write_unsigned(&builder, edges[i]);
    vsa_cbor_write_integer(&builder, -35);
    vsa_cbor_write_integer(&builder, INT64_MIN);
    FUZZ_REQUIRE(vsa_builder_finish(&builder, &out, NULL) == VSA_OK);
    write_seed("cbor", "integers", out);

    builder = vsa_builder_of(buffer, sizeof(buffer));
    vsa_cbor_write_text(&builder, "module_id");
    vsa_cbor_write_text(&builder, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x92");
    vsa_cbor_write_bytes(&builder, vsa_slice_of_text("bytes"));
    vsa_cbor_write_optional_bytes(&builder, vsa_slice_of(NULL, 0));
    vsa_cbor_write_boolean(&builder, true);
    vsa_cbor_write_boolean(&builder, false);
    FUZZ_REQUIRE(vsa_builder_finish(&builder, &out, NULL) == VSA_OK);
    write_seed("cbor", "strings", out);

    builder = vsa_builder_of(buffer, sizeof(buffer));
    vsa_cbor_write_tag(&builder, VSA_COSE_TAG_SIGN1);
    vsa_cbor_write_array(&builder, 2);
    vsa_cbor_write_indefinite_map(&builder);
    vsa_cbor_write_text(&builder, "a");
    vsa_cbor_write_map(&builder, 2);
    vsa_cbor_write_unsigned(&builder, 0);
    vsa_cbor_write_null(&builder);
    vsa_cbor_write_unsigned(&builder, 31);
    vsa_cbor_write_array(&builder, 0);
    vsa_cbor_write_break(&builder);
    vsa_cbor_write_array(&builder, 1);
    vsa_cbor_write_array(&builder, 1);
    vsa_cbor_write_array(&builder, 0);
    FUZZ_REQUIRE(vsa_builder_finish(&builder, &out, NULL) == VSA_OK);
    write_seed("cbor", "nested", out);

    static const uint8_t bomb[] = {0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    write_seed("cbor", "length-bomb", vsa_slice_of(bomb, sizeof(bomb)));
    static const uint8_t twice[] = {0xa2, 0x01, 0x00, 0x01, 0x00};
    write_seed("cbor", "duplicate-key", vsa_slice_of(twice, sizeof(twice)));
}

/* As a sender signs, but bound to nothing. */
static void make_signed_request(const struct vsa_key *key)
{
    uint8_t public_key[VSA_MAX_EC_SPKI];
    uint8_t buffer[512];
    struct vsa_cose_context context = {0};
    struct vsa_slice out;
    FUZZ_REQUIRE(vsa_key_write_public(key, public_key, sizeof(public_key), &context.key_id, NULL) ==
                 VSA_OK);
    FUZZ_REQUIRE(vsa_cose_sign1_sign(key, &context, vsa_slice_of_text("{\"command\":\"ping\"}"),
                                     buffer, sizeof(buffer), &out, NULL) == VSA_OK);
    write_seed("cose", "signed-request", out);
}

static void make_cose(void)
{
    static const struct {
        enum vsa_curve curve;
        const char *name;
    } keys[] = {{VSA_CURVE_P256, "es256"}, {VSA_CURVE_P384, "es384"}, {VSA_CURVE_P521, "es512"}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        uint8_t buffer[512];
        struct vsa_key *key = NULL;
        struct vsa_slice out;
        FUZZ_REQUIRE(vsa_key_generate(keys[i].curve, &key, NULL) == VSA_OK);
        FUZZ_REQUIRE(vsa_cose_sign1_sign(key, NULL, vsa_slice_of_text("payload"), buffer + 1,
                                         sizeof(buffer) - 1, &out, NULL) == VSA_OK);
        write_seed("cose", keys[i].name, out);
        buffer[0] = 0xc0 | VSA_COSE_TAG_SIGN1;
        if (keys[i].curve == VSA_CURVE_P384)
            write_seed("cose", "es384-tagged", vsa_slice_of(buffer, out.size + 1));
        if (keys[i].curve == VSA_CURVE_P384)
            make_signed_request(key);
        vsa_key_free(key);
    }
}

static struct vsa_software_nsm *make_seed_nsm(bool debug)
{
    struct vsa_pcr_bank bank;
    vsa_pcr_bank_init(&bank);
    for (unsigned i = 0; i < 5; i++)
        FUZZ_REQUIRE(vsa_pcr_measure_text(vsa_slice_of_text("seed"), bank.value[i], NULL) ==
                     VSA_OK);
    if (debug)
        vsa_pcr_bank_set_debug(&bank);
    return make_nsm(&bank, NOW_MS);
}

/* Writes a request and the NSM's answer to it as seeds; the answer is borrowed. */
static struct vsa_nsm_response ask(struct vsa_software_nsm *nsm,
                                   const struct vsa_nsm_request *request, const char *name)
{
    uint8_t buffer[VSA_NSM_MAX_REQUEST];
    char file[64];
    struct vsa_slice encoded;
    struct vsa_slice answer;
    struct vsa_nsm_response response;
    FUZZ_REQUIRE(vsa_nsm_request_encode(request, buffer, sizeof(buffer), &encoded, NULL) == VSA_OK);
    vsa_software_nsm_respond(nsm, encoded, NOW_MS + 1000, &answer, NULL);
    FUZZ_REQUIRE(vsa_nsm_response_decode(answer, &response, NULL) == VSA_OK);
    if (name) {
        (void)snprintf(file, sizeof(file), "%s-request", name);
        write_seed("nsm_message", file, encoded);
        (void)snprintf(file, sizeof(file), "%s-response", name);
        write_seed("nsm_message", file, answer);
    }
    return response;
}

static void make_nsm_messages(struct vsa_software_nsm *nsm)
{
    struct vsa_slice data = vsa_slice_of_text("hello");
    static const char *const names[] = {"describe-pcr", "extend-pcr",  "lock-pcr",  "lock-pcrs",
                                        "describe-nsm", "attestation", "get-random"};
    for (enum vsa_nsm_kind kind = VSA_NSM_DESCRIBE_PCR; kind <= VSA_NSM_GET_RANDOM; kind++) {
        struct vsa_nsm_request request = {.kind = kind, .index = 16, .range = 20};
        if (kind == VSA_NSM_EXTEND_PCR)
            request.data = data;
        (void)ask(nsm, &request, names[kind]);
    }
    struct vsa_nsm_request wrong = {.kind = VSA_NSM_DESCRIBE_PCR, .index = 32};
    (void)ask(nsm, &wrong, "invalid-index");
}

static void make_document(const char *name, bool debug, bool all_fields, bool as_base64)
{
    static char text[2 * VSA_MAX_DOCUMENT];
    struct vsa_software_nsm *nsm = make_seed_nsm(debug);
    struct vsa_nsm_request request = {.kind = VSA_NSM_ATTESTATION};
    if (all_fields) {
        request.user_data = vsa_slice_of_text("user data");
        request.nonce = vsa_slice_of_text("nonce");
        request.public_key = vsa_slice_of_text("public key");
    }
    struct vsa_nsm_response response = ask(nsm, &request, NULL);
    FUZZ_REQUIRE(response.kind == VSA_NSM_ATTESTATION);
    if (as_base64) {
        FUZZ_REQUIRE(vsa_base64_encode(response.document, text, sizeof(text), NULL) == VSA_OK);
        write_text("document", name, text);
    } else {
        write_seed("document", name, response.document);
    }
    vsa_software_nsm_free(nsm);
}

/* Shapes that the software NSM does not make: the forge's, the same bytes each time. */
static void make_forged_documents(void)
{
    static struct forge forge;
    forge_reset(&forge);
    forge.cose.before = "d2";
    forge.payload_head = "bf";
    forge.payload_end = "ff";
    forge_set(&forge, FORGE_FIELD_NONCE, "f6");
    forge_set(&forge, FORGE_FIELD_USER_DATA, "40");
    forge_remove(&forge, FORGE_FIELD_PUBLIC_KEY);
    write_seed("document", "forged-tagged-indefinite", forge_build(&forge));
    forge_reset(&forge);
    forge_add(&forge, "later", "82a261620061618100f6");
    forge.pcr_count = 1;
    forge_add_pcr(&forge, 31, 0xab);
    write_seed("document", "forged-unknown-entry", forge_build(&forge));
    forge_reset(&forge);
    forge.pcr_count = 1;
    forge_set_levels(&forge, 2);
    write_seed("document", "forged-root-and-leaf", forge_build(&forge));
    forge_reset(&forge);
    forge_add(&forge, "nitrotpm_pcrs", "a0");
    write_seed("document", "forged-nitrotpm", forge_build(&forge));
    write_seed("cbor", "payload", forge.made_payload);
    forge_reset(&forge);
    forge.cose.signature_edit = FORGE_SIGNATURE_NEGATED;
    write_seed("cose", "forged-high-or-low-s", forge_build(&forge));
}

static void make_protocol_lines(void)
{
    static const char target[] = "protocol_line";
    write_text(target, "ping", "{\"command\":\"ping\",\"id\":7}");
    write_text(target, "attest",
               "{\"command\":\"attest\",\"user_data\":\"hello\",\"nonce\":\"n\","
               "\"generate_key\":true,\"id\":\"a\"}");
    write_text(target, "attest-binary",
               "{\"command\":\"attest\",\"user_data_base64\":\"AAH/\","
               "\"nonce_base64\":\"/w==\",\"generate_key\":false}");
    write_text(target, "attest-null", "{\"command\":\"attest\",\"user_data\":null}");
    write_text(target, "pong", "{\"success\":true,\"message\":\"pong\"}");
    write_text(target, "status",
               "{\"success\":true,\"status\":\"running\",\"port\":9000,\"uptime\":5,"
               "\"version\":\"0.1.0\",\"requests\":1,\"errors\":0,\"connections\":1,"
               "\"module_id\":\"i-0-enc0\",\"nsm_reachable\":true}");
    write_text(target, "attested",
               "{\"success\":true,\"attestation_document\":\"hEShATgioEBA\",\"user_data\":\"u\","
               "\"nonce\":null,\"has_public_key\":true,\"document_size\":9,"
               "\"timestamp\":1767225600000}");
    write_text(target, "refused",
               "{\"success\":false,\"error\":\"busy\\u001b\",\"error_code\":\"busy\"}");
    write_text(target, "deep", "{\"a\":[[[[[[[[[[]]]]]]]]]]}");
}

static void make_base64(void)
{
    write_text("base64", "empty", "");
    write_text("base64", "whole", "hEShATgioFkQ");
    write_text("base64", "padded", "hEShATgioFk=");
    write_text("base64", "lines", "hESh\r\nATgi\n oA==\n");
    write_text("base64", "stray-bits", "hEShAR==");
}

static void make_enclaves(void)
{
    static const char target[] = "describe_enclaves";
    write_text(target, "none", "[]");
    write_text(
        target, "one",
        "[{\"EnclaveName\":\"app\",\"EnclaveID\":\"i-0123456789abcdef0-enc0123456789abcdef\","
        "\"ProcessID\":1,\"EnclaveCID\":16,\"NumberOfCPUs\":2,\"CPUIDs\":[1,3],"
        "\"MemoryMiB\":64,\"State\":\"RUNNING\",\"Flags\":\"DEBUG_MODE\"}]");
    write_text(
        target, "two",
        "[{\"EnclaveName\":\"app\",\"EnclaveID\":\"a\",\"EnclaveCID\":16,\"State\":\"RUNNING\","
        "\"Flags\":\"NONE\"},{\"EnclaveName\":\"b\",\"EnclaveID\":\"b\",\"EnclaveCID\":17,"
        "\"State\":\"RUNNING\",\"Flags\":\"NONE\"},{\"EnclaveID\":\"c\",\"EnclaveCID\":18,"
        "\"State\":\"TERMINATING\",\"Flags\":\"NONE\"}]");
#define PCR                                                                                        \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"                             \
    "202122232425262728292a2b2c2d2e2f"
    write_text(target, "measured",
               "[{\"EnclaveID\":\"a\",\"EnclaveCID\":16,\"State\":\"RUNNING\",\"Flags\":\"NONE\","
               "\"Measurements\":{\"HashAlgorithm\":\"Sha384 { ... }\",\"PCR0\":\"" PCR "\"}}]");
    write_text(target, "built",
               "Start building the Enclave Image...\n{\"Measurements\":{\"PCR0\":\"" PCR
               "\",\"PCR1\":\"" PCR "\",\"PCR2\":\"" PCR "\"}}\n");
    write_text(target, "history",
               "[{\"PCR0\":\"" PCR "\",\"timestamp\":1,\"signature\":\"MGUC\"},"
               "{\"name\":\"v2\",\"Measurements\":{\"pcr2\":\"0x" PCR "\"}}]");
    write_text(target, "bare", "{\"PCR8\":\"" PCR "\"}");
}

static void write_pem(const char *target, const char *name, const char *label, struct vsa_slice der)
{
    char text[2 * VSA_MAX_CERTIFICATE + 128];
    struct vsa_slice pem;
    FUZZ_REQUIRE(vsa_pem_encode(label, der, text, sizeof(text), &pem, NULL) == VSA_OK);
    write_seed(target, name, pem);
}

static void make_certificates(void)
{
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice der;
    struct vsa_key *key = NULL;
    FUZZ_REQUIRE(vsa_authority_make_root(NOW_MS, &key, buffer, sizeof(buffer), &der, NULL) ==
                 VSA_OK);
    write_seed("certificate", "root.der", der);
    write_seed("der", "root.der", der);
    write_seed("x509", "root.der", der);
    write_pem("certificate", "root.pem", "CERTIFICATE", der);
    FUZZ_REQUIRE(vsa_key_write_private(key, buffer, sizeof(buffer), &der, NULL) == VSA_OK);
    write_seed("private_key", "private.der", der);
    write_pem("private_key", "private.pem", "PRIVATE KEY", der);
    FUZZ_REQUIRE(vsa_key_write_public(key, buffer, sizeof(buffer), &der, NULL) == VSA_OK);
    write_pem("certificate", "public.pem", "PUBLIC KEY", der);
    vsa_key_free(key);
    static const uint8_t signature[] = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01};
    write_seed("private_key", "signature", vsa_slice_of(signature, sizeof(signature)));
}

static void make_texts(void)
{
    write_text("text", "time", "2024-09-09T19:49:12.345Z");
    write_text("text", "time-offset", "2024-02-29t23:59:60+05:30");
    write_text("text", "seconds", "1725911352.345");
    write_text("text", "number", "65535");
    write_text("text", "vsock", "vsock:any:9000");
    write_text("text", "unix", "unix:/tmp/server");
    write_text("text", "mux", "vsock-mux:/tmp/v:5000");
    write_text("text", "tcp", "tcp:parent.example:9000");
    write_text("text", "tcp-ipv6", "tcp:[fe80::1%eth0]:9000");
    write_text("text", "hex", "00fFaB");
    write_text("text", "module-id", "i-0123456789abcdef0-enc0123456789abcdef");
    write_text("text", "user", "1000:100\n");
    write_text("text", "words",
               "quiet a=\"b enclave_init.heartbeat=off\" enclave_init.heartbeat=off");
}

static void make_settings(void)
{
    write_text("settings", "all",
               "# all of them\n\nlisten = unix:/tmp/s\nnsm=/dev/nsm\nmax-connections = 10\n"
               "max-in-flight = 3\nmax-nsm-queue = 4\nmax-buffered = 1000000\n"
               "rate-limit = 10:20\ncache-ttl = 1.5\nidle-timeout = 0.1\n"
               "request-timeout = 2\ndrain-timeout = 3\nlog-level = debug\n");
    write_text("settings", "backends",
               "backend = unix:/b\nbackend=a,b_1=unix:c=d\nbackend-connections = 1\n"
               "backend-sealed-only = yes\n");
    write_text("settings", "twice", "listen = unix:a\r\nlisten = unix:b\r\n");
    write_text("settings", "unknown", "colour = blue\n");
    write_text("settings", "no-value", "nsm =\n  rate-limit = 0:5");
}

/* A dynamic program with an interpreter and one library. */
static void make_archive_lines(void)
{
    write_text("archive_line", "all",
               "{\"id\":\"a\",\"at\":\"document\",\"nonce\":\"n\",\"nonce_base64\":\"bg==\","
               "\"user_data\":\"u\",\"user_data_base64\":\"dQ==\",\"public_key\":\"cA==\","
               "\"instance_id\":\"i-0\",\"pcrs\":{\"0\":\"00\"},\"document\":\"hEShATg\"}");
    write_text("archive_line", "time", "{\"at\":1768478400,\"id\":7,\"document\":\"AAAA\"}\n\n{}");
    write_text(
        "archive_line", "results",
        "{\"entry\":0,\"verification_status\":\"SUCCESS\",\"x\":1}\n"
        "{\"entry\":1,\"verification_status\":\"FAILED\",\"error_code\":\"ok\"}\n{\"entry\"");
}

static void make_program(void)
{
    struct {
        Elf64_Ehdr head;
        Elf64_Phdr parts[3];
        Elf64_Dyn dynamic[4];
        char strings[64];
    } program = {
        .head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                             EV_CURRENT},
                 .e_type = ET_DYN,
                 .e_machine = EM_X86_64,
                 .e_version = EV_CURRENT,
                 .e_phoff = sizeof(Elf64_Ehdr),
                 .e_ehsize = sizeof(Elf64_Ehdr),
                 .e_phentsize = sizeof(Elf64_Phdr),
                 .e_phnum = 3},
        .strings = "/lib64/ld-linux-x86-64.so.2\0libc.so.6",
    };
    const size_t dynamic = (size_t)((char *)program.dynamic - (char *)&program);
    const size_t strings = (size_t)(program.strings - (char *)&program);
    program.parts[0] =
        (Elf64_Phdr){.p_type = PT_LOAD, .p_filesz = sizeof(program), .p_memsz = sizeof(program)};
    program.parts[1] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = strings, .p_filesz = 28};
    program.parts[2] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                    .p_offset = dynamic,
                                    .p_vaddr = dynamic,
                                    .p_filesz = sizeof(program.dynamic)};
    program.dynamic[0] = (Elf64_Dyn){.d_tag = DT_STRTAB, .d_un.d_ptr = strings};
    program.dynamic[1] = (Elf64_Dyn){.d_tag = DT_STRSZ, .d_un.d_val = sizeof(program.strings)};
    program.dynamic[2] = (Elf64_Dyn){.d_tag = DT_NEEDED, .d_un.d_val = 28};
    write_seed("boot_file", "program", vsa_slice_of(&program, sizeof(program)));
}

static void make_boot_files(void)
{
    static const char target[] = "boot_file";
    uint8_t kernel[0x300] = {[0x1fe] = 0x55, [0x1ff] = 0xaa, [0x202] = 'H', 'd', 'r', 'S', 0x0f, 2};
    uint8_t arm[64] = {[56] = 'A', 'R', 'M', 'd'};
    make_program();
    write_seed(target, "bzimage", vsa_slice_of(kernel, sizeof(kernel)));
    write_seed(target, "arm64", vsa_slice_of(arm, sizeof(arm)));
    write_text(target, "script", "#!/usr/bin/env -S python3 -u\nprint(1)\n");
    write_text(target, "cpio",
               "07070100000001000081A400000000000000000000000100000000000000080000");
    write_text(target, "gzip", "\x1f\x8b\x08\x04");
    write_text(target, "environment", "PATH=/bin\n\nA=b c\nX=");
    write_text(target, "services",
               "name signer\nuser 1001:1001\nsocket /run/signer/socket\nrestart always\nenv A=1\n"
               "arg /usr/bin/python3\narg /app/signer.py\nname b\nrestart never\narg /bin/b\n");
    write_text(target, "metadata",
               "{\"ImageName\":\"app\",\"ImageVersion\":\"1.0\",\"BuildMetadata\":{"
               "\"BuildTime\":\"2026-01-01T00:00:00Z\",\"BuildTool\":\"t\","
               "\"BuildToolVersion\":\"1\",\"OperatingSystem\":\"Linux\",\"KernelVersion\":"
               "\"6.1\"},\"DockerInfo\":{},\"CustomMetadata\":{\"a\":[1]}}");
}

/* A token beside the keys, and what a token says, for times that fuzz_token.c has. */
static void make_tokens(void)
{
    static const enum vsa_curve curves[] = {VSA_CURVE_P256, VSA_CURVE_P384};
    static const char claims_text[] =
        "{\"eat_profile\":\"" VSA_EAR_PROFILE "\",\"iat\":1768478400,\"exp\":1768478700,"
        "\"eat_nonce\":\"challenge\",\"ear_status\":\"warning\",\"submods\":{\"" VSA_EAR_SUBMODULE
        "\":{\"ear_status\":\"warning\",\"ear_trustworthiness_vector\":{\"hardware\":2,"
        "\"executables\":33},\"ear_appraisal_policy_ids\":[\"p#x\"],"
        "\"ear_verifier_claims\":{\"error_codes\":[\"pcr_mismatch\"]}}}}";
    json_t *claims = json_loads(claims_text, 0, NULL);
    FUZZ_REQUIRE(claims);
    for (size_t i = 0; i < 2; i++) {
        struct vsa_key *key = NULL;
        char id[VSA_KEY_ID_SIZE];
        char *token = NULL;
        FUZZ_REQUIRE(vsa_key_generate(curves[i], &key, NULL) == VSA_OK);
        FUZZ_REQUIRE(vsa_jwk_thumbprint(key, id, NULL) == VSA_OK);
        FUZZ_REQUIRE(vsa_jws_sign(key, id, VSA_EAR_TYPE, claims, &token, NULL) == VSA_OK);
        json_t *seed = json_pack("{s:s, s:[o]}", "token", token, "keys", vsa_jwk_to_json(key, id));
        char *text = json_dumps(seed, JSON_COMPACT);
        FUZZ_REQUIRE(text);
        write_text("token", i ? "es384" : "es256", text);
        free(text);
        free(token);
        json_decref(seed);
        vsa_key_free(key);
    }
    json_decref(claims);
    write_text("token", "claims", claims_text);
}

/* An archive that grows by entries; fuzz_layers.c puts in the checksums. */
struct seed_tar {
    uint8_t bytes[1 + 32 * 512];
    size_t size;
};

static void add_member(struct seed_tar *tar, const char *name, char type, const char *target,
                       const char *data)
{
    char header[512] = "";
    size_t size = strlen(data);
    FUZZ_REQUIRE(tar->size + 2 * sizeof(header) <= sizeof(tar->bytes) && size <= sizeof(header));
    memcpy(header, name, strlen(name));
    memcpy(header + 100, "0000755", 7);
    (void)snprintf(header + 124, 12, "%011zo", size);
    header[156] = type;
    memcpy(header + 157, target, strlen(target));
    memcpy(header + 257, "ustar\00000", 8);
    memcpy(tar->bytes + tar->size, header, sizeof(header));
    memset(tar->bytes + tar->size + sizeof(header), 0, sizeof(header));
    memcpy(tar->bytes + tar->size + sizeof(header), data, size);
    tar->size += sizeof(header) + (size ? sizeof(header) : 0);
}

static void end_archive(struct seed_tar *tar)
{
    memset(tar->bytes + tar->size, 0, 512);
    tar->size += 512;
}

/* Two layers, each kind of entry, each form of a long name, and an archive of `docker save`. */
static void make_layers(void)
{
    struct seed_tar tar = {.size = 1};
    add_member(&tar, "./", '5', "", "");
    add_member(&tar, "d/", '5', "", "");
    add_member(&tar, "d/file", '0', "", "contents");
    add_member(&tar, "d/hard", '1', "d/file", "");
    add_member(&tar, "link", '2', "/d/file", "");
    end_archive(&tar);
    tar.bytes[0] = (uint8_t)((tar.size - 1) / 512);
    add_member(&tar, "d/.wh.file", '0', "", "");
    add_member(&tar, "d/.wh..wh..opq", '0', "", "");
    add_member(&tar, "d/new", '0', "", "2");
    end_archive(&tar);
    write_seed("layers", "whiteouts", vsa_slice_of(tar.bytes, tar.size));
    tar = (struct seed_tar){.bytes = {255}, .size = 1};
    add_member(&tar, "pax", 'g', "", "13 comment=x\n");
    add_member(&tar, "pax", 'x', "", "15 path=./long\n16 linkpath=x/y\n9 size=1\n");
    add_member(&tar, "short", '0', "", "1");
    add_member(&tar, "././@LongLink", 'L', "", "a/long/name");
    add_member(&tar, "././@LongLink", 'K', "", "long");
    add_member(&tar, "short", '1', "x", "");
    end_archive(&tar);
    write_seed("layers", "long-names", vsa_slice_of(tar.bytes, tar.size));
    tar = (struct seed_tar){.bytes = {255}, .size = 1};
    add_member(&tar, "blobs/", '5', "", "");
    add_member(&tar, "blobs/a", '0', "", "");
    add_member(&tar, "manifest.json", '0', "", "[{\"Config\":\"c\",\"Layers\":[\"blobs/a\"]}]");
    end_archive(&tar);
    write_seed("layers", "manifest", vsa_slice_of(tar.bytes, tar.size));
}

/* One of each KEM and part; what fuzz_sealed.c's keys do not open is refused at the same place. */
static void make_sealed(void)
{
    static const uint16_t kems[] = {VSA_HPKE_X25519, VSA_HPKE_P256, VSA_HPKE_P384};
    static const char *const names[] = {"x25519", "p256", "p384"};
    for (size_t i = 0; i < sizeof(kems) / sizeof(kems[0]); i++) {
        uint8_t bytes[512] = {(uint8_t)(3 * i)};
        char name[32];
        struct vsa_key_config config = {.suite = vsa_hpke_find_suite(kems[i])};
        struct vsa_seal_exchange exchange = {.label = VSA_SEAL_LABEL};
        struct vsa_dh_key *key = NULL;
        FUZZ_REQUIRE(vsa_dh_key_generate(config.suite->group, &key, NULL) == VSA_OK);
        vsa_dh_public(key, config.public_key);
        size_t size = vsa_key_config_write(&config, bytes + 1);
        (void)snprintf(name, sizeof(name), "config-%s", names[i]);
        write_seed("sealed", name, vsa_slice_of(bytes, size + 1));
        bytes[0]++;
        FUZZ_REQUIRE(vsa_seal_write_request(&config, NULL, vsa_slice_of(NULL, 0),
                                            vsa_slice_of_text("{}"), bytes + 1, &exchange,
                                            NULL) == VSA_OK);
        size = strlen("{}") + vsa_seal_request_overhead(config.suite);
        (void)snprintf(name, sizeof(name), "request-%s", names[i]);
        write_seed("sealed", name, vsa_slice_of(bytes, size + 1));
        bytes[0]++;
        FUZZ_REQUIRE(vsa_seal_write_reply(&exchange, NULL, vsa_slice_of_text("{}"), bytes + 1,
                                          NULL) == VSA_OK);
        size = strlen("{}") + vsa_seal_reply_overhead(config.suite);
        (void)snprintf(name, sizeof(name), "reply-%s", names[i]);
        write_seed("sealed", name, vsa_slice_of(bytes, size + 1));
        vsa_dh_key_free(key);
        vsa_seal_exchange_wipe(&exchange);
    }
}

/* KEM, reply to `seal_key`, reply to `sealed`; then what is in them. */
static void make_sealed_client(void)
{
    static const char target[] = "sealed_client";
#define SEED(name, text) write_seed(target, name, vsa_slice_of(text, sizeof(text) - 1))
    SEED("good", "\0\0\0{\"success\":true,\"n\":1}  ");
    SEED("p256", "\1\0\0{\"success\":true}");
    SEED("p384", "\2\0\0{\"success\":true}");
    SEED("refusal", "\0\0\0{\"success\":false,\"error\":\"later\",\"error_code\":\"busy\"}");
    SEED("no-json", "\0\0\0{");
    SEED("changed", "\0\0\1\0\0\0\0\0\0\1");
    SEED("cut", "\0\0\2\1\1\1");
    SEED("bytes", "\0\0\3 forty-eight bytes for a reply that is none at all.");
    SEED("outer-error", "\0\0\4{\"success\":false,\"error\":\"e\",\"error_code\":\"busy\"}");
    SEED("hang-up", "\0\0\5");
    SEED("expires-soon", "\0\1\0000");
    SEED("expires-never", "\0\1\00099999999999999999");
    SEED("key-line", "\0\2\0{\"success\":true,\"attestation_document\":\"\",\"expires_in_ms\":1}");
    SEED("purpose", "\0\3\0\0\0\0\0\0\0\0\0\0\0\1");
    SEED("suite", "\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
    SEED("public-key", "\0\4\0\0\0\1");
    SEED("no-document", "\0\5\0\x84");
#undef SEED
}

/* The action, then lines: "\xfd" is a piece up to the end of a line, "\xff" hangs up. */
static void make_client_replies(void)
{
    static const char target[] = "client";
    write_text(target, "ping",
               "\x08\xfdOK 5000\n\xfd{\"success\":true,\"message\":\"pong\",\"id\":1}\n");
    write_text(target, "status",
               "\x01\xfd{\"success\":true,\"status\":\"running\",\"port\":null,\"uptime\":5,"
               "\"version\":\"0.1.0\",\"requests\":1,\"errors\":0,\"connections\":1,\"id\":1}\n");
    write_text(target, "metrics",
               "\x02\xfd{\"success\":true,\"metrics\":\"# HELP vsattest_a b\\nvsattest_a "
               "1\\n\",\"id\":1}\n");
    write_text(
        target, "attest",
        "\x03\xfd{\"success\":true,\"attestation_document\":\"hEShATgioEBA\",\"user_data\":\"u\","
        "\"nonce\":null,\"has_public_key\":false,\"document_size\":9,"
        "\"timestamp\":1767225600000,\"id\":1}\n");
    write_text(
        target, "busy-then-pong",
        "\x10\xfd{\"success\":false,\"error\":\"later\",\"error_code\":\"rate_limited\","
        "\"retry_after_ms\":5,\"id\":1}\n\xfd{\"success\":true,\"message\":\"pong\",\"id\":2}\n");
    write_text(target, "closed-then-pong",
               "\x30\xff\xfe\xff\xfd{\"success\":true,\"message\":\"pong\"}\n");
    write_text(target, "verify", "\x04\x05{\"suc\xfe\xff");
}

/* --- programs for the server ------------------------------------------------------------------ */

#define OP(kind, client, argument)                                                                 \
    (uint8_t)((client)*SERVER_OPERATIONS + SERVER_##kind), (uint8_t)(argument)
#define LINE(client, line)             OP(LINE, client, SERVER_##line)
#define SETTLE                         OP(SETTLE, 0, 0)
#define NSM(manner, argument)          OP(NSM, argument, HOSTILE_##manner)
#define TIMEOUTS(idle, request, drain) [SERVER_TIMEOUTS] = ((idle) | (request) << 2 | (drain) << 4)

static void write_program(const char *name, const uint8_t settings[SERVER_SETTINGS],
                          const uint8_t *operations, size_t size)
{
    uint8_t bytes[1024];
    FUZZ_REQUIRE(SERVER_SETTINGS + size <= sizeof(bytes));
    memcpy(bytes, settings, SERVER_SETTINGS);
    memcpy(bytes + SERVER_SETTINGS, operations, size);
    write_seed("server", name, vsa_slice_of(bytes, SERVER_SETTINGS + size));
}

#define PROGRAM(name, settings, ...)                                                               \
    do {                                                                                           \
        static const uint8_t operations[] = {__VA_ARGS__};                                         \
        write_program(name, settings, operations, sizeof(operations));                             \
    } while (0)

static const uint8_t defaults[SERVER_SETTINGS];

/* Requests that all go well, and those that do not. */
static void make_plain_programs(void)
{
    PROGRAM("each-line", defaults, OP(CONNECT, 0, 0), LINE(0, PING), LINE(0, PING_LONG_ID),
            LINE(0, STATUS), LINE(0, METRICS), LINE(0, ATTEST), SETTLE, LINE(0, ATTEST_NONCE),
            LINE(0, ATTEST_KEY), LINE(0, ATTEST_NULL), LINE(0, ATTEST_WRONG), SETTLE,
            OP(READ, 0, 0), LINE(0, ECHO), LINE(0, ECHO_BLOCKING), LINE(0, ECHO_LIMITED),
            LINE(0, UNKNOWN), LINE(0, NO_JSON), LINE(0, NO_COMMAND), LINE(0, KEY_TWICE),
            LINE(0, DEEP), LINE(0, ID_WRONG), LINE(0, BLANK), LINE(0, LONG_LINE), SETTLE);
    PROGRAM("many-clients", defaults, OP(CONNECT, 0, 0), OP(CONNECT, 1, 0), OP(CONNECT, 2, 0),
            OP(CONNECT, 3, 0), OP(CONNECT, 4, 0), OP(CONNECT, 5, 0), LINE(0, ATTEST),
            LINE(1, ATTEST), LINE(2, ATTEST_KEY), LINE(3, PING), LINE(4, STATUS), LINE(5, METRICS),
            OP(TURN, 0, 0), OP(CLOSE, 1, 0), OP(SHUTDOWN, 2, 1), SETTLE);
    PROGRAM("bytes", defaults, OP(CONNECT, 0, 0), OP(BYTES, 0, 19), '{', '"', 'c', 'o', 'm', 'm',
            'a', 'n', 'd', '"', ':', '"', 'p', 'i', 'n', 'g', '"', '}', '\n', SETTLE,
            OP(BYTES, 0, 3), '{', '}', 0, OP(SHUTDOWN, 0, 1), SETTLE);
}

/*
 * A client that reads no more, whose requests stand in the connection's buffer and whose replies
 * are sent in the middle of its turn: once a use after free (docs/FAULTS.md).
 */
static void make_half_closed_programs(void)
{
/* However long the first reply is, the second request is the one that has no room for its own. */
#define BOTH LINE(1, METRICS), LINE(1, PING_LONG_ID)
    PROGRAM("half-close-pipeline", defaults, OP(CONNECT, 0, 0), LINE(0, METRICS), SETTLE,
            OP(READ, 0, 0), OP(CONNECT, 1, 0), OP(HOLD, 1, 6), LINE(1, METRICS), SETTLE,
            OP(SHUTDOWN, 1, 0), BOTH, BOTH, BOTH, BOTH, BOTH, BOTH, BOTH, BOTH, BOTH, BOTH, BOTH,
            BOTH, BOTH, BOTH, BOTH, BOTH, OP(FINISH, 1, 0), SETTLE, OP(CONNECT, 2, 0),
            LINE(2, PING), SETTLE);
    PROGRAM("half-close-attest", defaults, OP(CONNECT, 0, 0), LINE(0, ATTEST), OP(REPEAT, 0, 3),
            OP(TURN, 0, 0), OP(SHUTDOWN, 0, 0), SETTLE, OP(CONNECT, 1, 0), LINE(1, ATTEST_KEY),
            OP(SHUTDOWN, 1, 1), SETTLE);
    PROGRAM("unread", defaults, OP(CONNECT, 0, 0), LINE(0, METRICS), OP(REPEAT, 0, 63), SETTLE,
            LINE(0, PING), SETTLE, OP(READ, 0, 100), SETTLE, OP(READ, 0, 0), SETTLE,
            OP(SHUTDOWN, 0, 2), SETTLE);
}

static void make_sealed_programs(void)
{
    static const uint8_t x25519[SERVER_SETTINGS] = {[SERVER_FLAGS] = SERVER_SEALING};
    static const uint8_t p384[SERVER_SETTINGS] = {
        [SERVER_FLAGS] = SERVER_SEALING_P384 | SERVER_AUDIT, [SERVER_RATE_LIMIT] = UINT8_MAX};
    static const uint8_t senders[SERVER_SETTINGS] = {[SERVER_FLAGS] =
                                                         SERVER_SEALING | SERVER_SENDERS};
    static const uint8_t small[SERVER_SETTINGS] = {[SERVER_FLAGS] = SERVER_SEALING,
                                                   [SERVER_MAX_BUFFERED] = 16,
                                                   [SERVER_MAX_IN_FLIGHT] = 2,
                                                   [SERVER_MAX_QUEUE] = 1,
                                                   TIMEOUTS(2, 2, 2)};
#define EACH(client)                                                                               \
    LINE(client, SEALED_PING), LINE(client, SEALED_ATTEST), SETTLE, OP(READ, client, 0),           \
        LINE(client, SEALED_ECHO), LINE(client, SEALED_ECHO_BLOCKING), SETTLE,                     \
        LINE(client, SEALED_NO_JSON), LINE(client, SEALED_NESTED), LINE(client, SEALED_SIGNED),    \
        LINE(client, SEALED_CHANGED), SETTLE, OP(READ, client, 0)
    PROGRAM("sealed", x25519, OP(CONNECT, 0, 0), EACH(0), LINE(0, SEAL_KEY), SETTLE, OP(READ, 0, 0),
            EACH(0), LINE(0, SEALED_PING), SETTLE, LINE(0, SEALED_AGAIN), SETTLE, LINE(0, METRICS),
            LINE(0, STATUS), SETTLE);
    PROGRAM("sealed-p384", p384, OP(CONNECT, 0, 0), LINE(0, SEAL_KEY), SETTLE, OP(READ, 0, 0),
            OP(CONNECT, 1, 0), LINE(1, SEALED_PING), OP(REPEAT, 1, 2), LINE(0, SEALED_ECHO),
            OP(TURN, 0, 0), OP(CLOSE, 1, 0), SETTLE);
    PROGRAM("sealed-senders", senders, OP(CONNECT, 0, 0), LINE(0, ECHO), LINE(0, SEAL_KEY), SETTLE,
            OP(READ, 0, 0), EACH(0), LINE(0, SEALED_SIGNED), LINE(0, SEALED_AGAIN), SETTLE);
    /* Each is gone for idleness after the time that passes. */
    PROGRAM("sealed-rotation", x25519, OP(CONNECT, 0, 0), LINE(0, SEAL_KEY), SETTLE, OP(READ, 0, 0),
            LINE(0, SEALED_PING), SETTLE, OP(TIME, 0, 16), SETTLE, OP(CONNECT, 1, 0),
            LINE(1, SEALED_PING), SETTLE, LINE(1, SEALED_AGAIN), SETTLE, OP(TIME, 0, 14), SETTLE,
            OP(CONNECT, 2, 0), LINE(2, SEALED_PING), LINE(2, SEALED_AGAIN), SETTLE,
            LINE(2, SEAL_KEY), SETTLE, OP(READ, 2, 0), LINE(2, SEALED_PING), SETTLE);
    PROGRAM("sealed-small", small, OP(CONNECT, 0, 0), OP(CONNECT, 1, 0), LINE(0, SEAL_KEY), SETTLE,
            OP(READ, 0, 0), LINE(0, SEALED_ATTEST), LINE(1, SEALED_ECHO), OP(REPEAT, 1, 3),
            OP(TURN, 0, 0), LINE(0, SEALED_PING), NSM(HOLD, 0), LINE(0, SEALED_ATTEST), SETTLE,
            OP(TIME, 0, 7), SETTLE, OP(STOP, 0, 0), SETTLE);
#undef EACH
}

static void make_limited_programs(void)
{
    static const uint8_t small[SERVER_SETTINGS] = {
        [SERVER_MAX_CONNECTIONS] = 2, [SERVER_MAX_LINE] = 1,  [SERVER_MAX_BUFFERED] = 4,
        [SERVER_MAX_IN_FLIGHT] = 2,   [SERVER_MAX_QUEUE] = 1, [SERVER_RATE_LIMIT] = 2,
    };
    static const uint8_t memory[SERVER_SETTINGS] = {[SERVER_MAX_BUFFERED] = 16};
    static const uint8_t impatient[SERVER_SETTINGS] = {TIMEOUTS(2, 2, 2)};
    static const uint8_t slow[SERVER_SETTINGS] = {[SERVER_TICK] = 40};
    PROGRAM("small-limits", small, OP(CONNECT, 0, 0), OP(CONNECT, 1, 0), OP(CONNECT, 2, 0), SETTLE,
            LINE(0, ATTEST), LINE(1, ATTEST_NONCE), OP(REPEAT, 1, 4), SETTLE, LINE(2, PING),
            LINE(0, HALF_LINE), LINE(1, ECHO), SETTLE);
    PROGRAM("small-memory", memory, OP(CONNECT, 0, 0), OP(CONNECT, 1, 0), LINE(0, HALF_LINE),
            SETTLE, LINE(1, HALF_LINE), OP(REPEAT, 1, 4), SETTLE, OP(CONNECT, 2, 0), OP(HOLD, 2, 5),
            LINE(2, STATUS), SETTLE, OP(FINISH, 2, 0), LINE(2, METRICS), OP(REPEAT, 2, 15), SETTLE);
    PROGRAM("idle", impatient, OP(CONNECT, 0, 0), LINE(0, PING), SETTLE, OP(TIME, 0, 5),
            LINE(0, HALF_LINE), OP(TIME, 0, 7), SETTLE, OP(TIME, 0, 12), SETTLE, OP(CONNECT, 1, 0),
            LINE(1, PING), OP(TIME, 0, 7), SETTLE);
    PROGRAM("slices", slow, OP(CONNECT, 0, 0), LINE(0, METRICS), OP(REPEAT, 0, 30),
            OP(CONNECT, 1, 0), LINE(1, PING), OP(TURN, 0, 0), OP(SHUTDOWN, 0, 0), OP(TURN, 0, 0),
            LINE(1, STATUS), SETTLE);
}

static void make_nsm_programs(void)
{
    static const uint8_t cached[SERVER_SETTINGS] = {
        [SERVER_CACHE_TTL] = 100, [SERVER_FLAGS] = SERVER_KEEP_KEYS};
    static const uint8_t away[SERVER_SETTINGS] = {
        [SERVER_FLAGS] = SERVER_NSM_IS_AWAY | SERVER_REFUSE_KEYS, TIMEOUTS(0, 1, 1)};
    static const uint8_t audited[SERVER_SETTINGS] = {[SERVER_FLAGS] = SERVER_AUDIT_BLOCKING};
    static const uint8_t looked_at[SERVER_SETTINGS] = {[SERVER_FLAGS] = SERVER_AUDIT};
    PROGRAM("nsm-answers", defaults, OP(CONNECT, 0, 0), NSM(ERROR, 1), LINE(0, ATTEST), SETTLE,
            NSM(BYTES, 0), 3, 0xa1, 0x61, 0x61, LINE(0, ATTEST), SETTLE, NSM(CUT, 9),
            LINE(0, ATTEST), SETTLE, NSM(CHANGED, 3), LINE(0, ATTEST), SETTLE, NSM(OTHER, 6),
            LINE(0, ATTEST), SETTLE, NSM(TWICE, 0), LINE(0, ATTEST), OP(REPEAT, 0, 1), SETTLE,
            NSM(EMPTY, 0), LINE(0, ATTEST), SETTLE, NSM(HANG_UP, 0), LINE(0, ATTEST), SETTLE,
            NSM(HUGE, 0), LINE(0, ATTEST), SETTLE, NSM(HONEST, 0), LINE(0, ATTEST), SETTLE);
    PROGRAM("nsm-late", defaults, OP(CONNECT, 0, 0), OP(CONNECT, 1, 0), NSM(HOLD, 0),
            LINE(0, ATTEST), SETTLE, LINE(1, ATTEST), LINE(1, PING), OP(TIME, 0, 8), SETTLE,
            OP(NSM_RELEASE, 0, 0), SETTLE, OP(TIME, 0, 14), SETTLE, OP(NSM_RELEASE, 0, 0), SETTLE,
            OP(CLOSE, 0, 0), SETTLE);
    PROGRAM("nsm-away", away, OP(CONNECT, 0, 0), LINE(0, ATTEST_KEY), LINE(0, STATUS), SETTLE,
            OP(NSM_LISTEN, 0, 1), LINE(0, ATTEST_KEY), OP(REPEAT, 0, 2), SETTLE,
            OP(NSM_LISTEN, 0, 0), OP(TIME, 0, 11), LINE(0, STATUS), SETTLE);
    PROGRAM("cached", cached, OP(CONNECT, 0, 0), OP(CONNECT, 1, 0), LINE(0, ATTEST),
            OP(REPEAT, 0, 2), SETTLE, LINE(1, ATTEST), LINE(1, ATTEST_NULL), SETTLE,
            OP(TIME, 0, 14), LINE(1, ATTEST), LINE(0, ATTEST_KEY), SETTLE);
    PROGRAM("audited", audited, OP(CONNECT, 0, 0), LINE(0, PING), LINE(0, STATUS), LINE(0, ATTEST),
            LINE(0, METRICS), LINE(0, UNKNOWN), LINE(0, ECHO), SETTLE);
    PROGRAM("looked-at", looked_at, OP(CONNECT, 0, 0), LINE(0, PING), LINE(0, STATUS),
            LINE(0, ATTEST), LINE(0, METRICS), LINE(0, UNKNOWN), SETTLE);
}

static void make_stopped_programs(void)
{
    static const uint8_t one_by_one[SERVER_SETTINGS] = {TIMEOUTS(0, 1, 2)};
    PROGRAM("stop-in-flight", defaults, OP(CONNECT, 0, 0), OP(CONNECT, 1, 0), NSM(HOLD, 0),
            LINE(0, ATTEST), LINE(0, PING), OP(REPEAT, 0, 40), LINE(1, ATTEST_NONCE), SETTLE,
            OP(STOP, 0, 0), OP(TURN, 0, 0), LINE(1, PING), OP(CONNECT, 2, 0), OP(NSM_RELEASE, 0, 0),
            SETTLE, OP(READ, 0, 0), SETTLE);
    PROGRAM("stop-drain-limit", one_by_one, OP(CONNECT, 0, 0), OP(CONNECT, 1, 0), NSM(HOLD, 0),
            LINE(0, ATTEST), LINE(1, METRICS), OP(REPEAT, 1, 60), OP(HOLD, 1, 3), LINE(1, PING),
            SETTLE, OP(STOP, 0, 0), SETTLE, OP(TIME, 0, 8), SETTLE, OP(CLOSE, 0, 0), SETTLE);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    directory = argv[1];
    struct vsa_software_nsm *nsm = make_seed_nsm(false);
    make_cbor();
    make_cose();
    make_nsm_messages(nsm);
    vsa_software_nsm_free(nsm);
    make_document("plain", false, false, false);
    make_document("all-fields", false, true, false);
    make_document("debug-base64", true, false, true);
    make_forged_documents();
    make_protocol_lines();
    make_base64();
    make_enclaves();
    make_certificates();
    make_texts();
    make_settings();
    make_archive_lines();
    make_boot_files();
    make_tokens();
    make_layers();
    make_client_replies();
    make_sealed();
    make_sealed_client();
    make_plain_programs();
    make_half_closed_programs();
    make_limited_programs();
    make_sealed_programs();
    make_nsm_programs();
    make_stopped_programs();
    return 0;
}
