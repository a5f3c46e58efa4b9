/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Python uses of libvsattest and jansson. cffi reads this file, and the C compiler holds each
 * line of it to the real headers; "..." stands for what the compiler knows better.
 */

/* --- jansson ---------------------------------------------------------------------------------- */

typedef struct json_t json_t;
typedef struct {
    char text[...];
    ...;
} json_error_t;
json_t *json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
char *json_dumps(const json_t *json, size_t flags);
void json_decref(json_t *json);
#define JSON_REJECT_DUPLICATES ...
#define JSON_ALLOW_NUL         ...
#define JSON_COMPACT           ...
void free(void *memory);

/* --- base.h, limits.h ------------------------------------------------------------------------- */

enum vsa_status {
    VSA_OK,
    VSA_ERR_INTERNAL,
    VSA_ERR_MEMORY,
    VSA_ERR_REFUSED,
    VSA_ERR_TIMEOUT,
    VSA_ERR_NO_SUCH_CID,
    ...
};
struct vsa_slice {
    const uint8_t *data;
    size_t size;
};
struct vsa_error {
    int status;
    size_t offset;
    const char *rule;
    char detail[...];
};
#define VSA_NO_OFFSET               ...
#define VSA_MAX_FIELD               ...
#define VSA_MAX_CACHED_CERTIFICATES ...
#define VSA_MAX_INPUT_FILE          ...
#define VSA_PCR_COUNT               ...
#define VSA_PCR_SIZE                ...
#define VSA_CID_ANY                 ...
int vsa_status_class(int status);
const char *vsa_status_code(int status);
int vsa_status_from_code(const char *code);
const char *vsa_error_sentence(const struct vsa_error *error, char *text, size_t capacity);
const char *vsa_version(void);

/* --- attestation.h, report.h ------------------------------------------------------------------ */

struct vsa_pcrs {
    uint32_t present;
    uint8_t value[...][...];
};
struct vsa_measurements {
    size_t index;
    ...;
};
#define VSA_NO_INDEX ...
struct vsa_policy {
    int64_t max_age_ms;
    int64_t max_skew_ms;
    bool allow_debug;
    bool require_pcrs;
    struct vsa_slice user_data;
    struct vsa_slice nonce;
    struct vsa_slice public_key;
    struct vsa_slice instance;
    const struct vsa_measurements *measurements;
    size_t measurement_count;
    ...;
};
struct vsa_claims {
    struct vsa_pcrs pcrs;
    struct vsa_slice public_key;
    struct vsa_slice user_data;
    struct vsa_slice nonce;
    ...;
};
struct vsa_verifier;
struct vsa_verifier *vsa_verifier_new(void);
int vsa_verifier_set_cache_size(struct vsa_verifier *verifier, size_t certificates,
                                struct vsa_error *error);
void vsa_verifier_free(struct vsa_verifier *verifier);
int vsa_verifier_add_aws_roots(struct vsa_verifier *verifier, struct vsa_error *error);
int vsa_verifier_add_root(struct vsa_verifier *verifier, struct vsa_slice certificate,
                          struct vsa_error *error);
int vsa_document_decode(struct vsa_slice input, void *buffer, size_t capacity,
                        struct vsa_slice *document, struct vsa_error *error);
void vsa_policy_init(struct vsa_policy *policy);
int vsa_policy_expect_pcr(struct vsa_policy *policy, unsigned index, struct vsa_slice value,
                          struct vsa_error *error);
struct vsa_measurements_list {
    struct vsa_measurements *images;
    size_t count;
};
int vsa_measurements_read(struct vsa_measurements_list *list, struct vsa_slice json,
                          const char *file, struct vsa_error *error);
void vsa_measurements_free(struct vsa_measurements_list *list);
struct vsa_unverified_document {
    uint64_t timestamp_ms;
    ...;
};
int vsa_document_parse(struct vsa_slice document, struct vsa_unverified_document *parsed,
                       struct vsa_error *error);
int vsa_policy_check(const struct vsa_policy *policy, struct vsa_error *error);
int vsa_verify(struct vsa_verifier *verifier, struct vsa_slice document,
               const struct vsa_policy *policy, int64_t now_ms, struct vsa_claims *claims,
               struct vsa_error *error);
struct vsa_verify_job {
    struct vsa_slice document;
    const struct vsa_policy *policy;
    int64_t now_ms;
    struct vsa_claims *claims;
    int status;
    struct vsa_error *error;
    ...;
};
void vsa_verify_job_init(struct vsa_verify_job *job);
int vsa_verify_batch(struct vsa_verifier *verifier, struct vsa_verify_job *jobs, size_t count);
json_t *vsa_claims_to_json(const struct vsa_claims *claims);
#define VSA_WARNING_DEBUG_MODE   ...
#define VSA_WARNING_NO_PCR       ...
#define VSA_WARNING_NO_IMAGE_PCR ...
#define VSA_WARNING_OTHER_ROOT   ...
unsigned vsa_claims_warnings(const struct vsa_claims *claims);
const char *vsa_warning_text(int warning);

/* --- transport.h, client.h -------------------------------------------------------------------- */

struct vsa_address {
    ...;
};
int vsa_address_parse(const char *text, struct vsa_address *address, struct vsa_error *error);

struct vsa_attestation_request {
    bool generate_key;
    struct vsa_slice user_data;
    struct vsa_slice nonce;
    ...;
};
void vsa_attestation_request_init(struct vsa_attestation_request *request);
struct vsa_attestation_reply {
    size_t document_size;
    size_t user_data_size;
    size_t nonce_size;
    bool has_user_data;
    bool has_nonce;
    bool has_public_key;
    uint64_t timestamp_ms;
    uint8_t document[...];
    uint8_t user_data[...];
    uint8_t nonce[...];
    ...;
};
struct vsa_client_options {
    int64_t timeout_ms;
    unsigned retries;
    size_t max_connections;
    ...;
};
#define VSA_MAX_CLIENT_CONNECTIONS ...
#define VSA_MAX_RETRIES            ...
struct vsa_client;
void vsa_client_options_init(struct vsa_client_options *options);
int vsa_client_new(const char *address, const struct vsa_client_options *options,
                   struct vsa_client **client, struct vsa_error *error);
void vsa_client_free(struct vsa_client *client);
int vsa_client_request(struct vsa_client *client, const json_t *request, json_t **reply,
                       struct vsa_error *error);
int vsa_client_ping(struct vsa_client *client, struct vsa_error *error);
int vsa_client_status(struct vsa_client *client, json_t **status, struct vsa_error *error);
int vsa_client_attest(struct vsa_client *client, const struct vsa_attestation_request *request,
                      struct vsa_attestation_reply *reply, struct vsa_error *error);
int vsa_client_attest_and_verify(struct vsa_client *client,
                                 const struct vsa_attestation_request *request,
                                 struct vsa_verifier *verifier, const struct vsa_policy *policy,
                                 int64_t (*now)(const void *context), const void *context,
                                 struct vsa_attestation_reply *reply, struct vsa_claims *claims,
                                 struct vsa_error *error);
/* In build_native.py: milliseconds since 1970. */
int64_t wall_clock_ms(const void *unused);

struct vsa_sender;
#define VSA_SEAL_MAX_AAD ...
int vsa_sender_new(struct vsa_slice private_key, struct vsa_sender **sender,
                   struct vsa_error *error);
const char *vsa_sender_thumbprint(const struct vsa_sender *sender);
void vsa_sender_free(struct vsa_sender *sender);
struct vsa_sealed_enclave;
int vsa_client_seal(struct vsa_client *client, struct vsa_verifier *verifier,
                    const struct vsa_policy *policy, int64_t (*now)(const void *context),
                    const void *context, const struct vsa_sender *sender,
                    struct vsa_sealed_enclave **enclave, struct vsa_error *error);
void vsa_sealed_enclave_free(struct vsa_sealed_enclave *enclave);
int vsa_sealed_request(struct vsa_sealed_enclave *enclave, const json_t *request,
                       struct vsa_slice aad, json_t **reply, struct vsa_error *error);

struct vsa_enclave {
    char name[...];
    char id[...];
    uint32_t cid;
    bool debug_mode;
};
struct vsa_enclave_selector {
    const char *name;
    const char *id;
};
struct vsa_enclave_list {
    size_t count;
    struct vsa_enclave enclaves[...];
    size_t unreachable;
};
int vsa_find_enclave(const struct vsa_enclave_selector *selector, int64_t timeout_ms,
                     struct vsa_enclave_list *running, struct vsa_enclave *enclave,
                     struct vsa_error *error);

/* --- nsm.h ------------------------------------------------------------------------------------ */

struct vsa_nsm;
int vsa_nsm_open(const char *address, int timeout_ms, struct vsa_nsm **nsm,
                 struct vsa_error *error);
void vsa_nsm_free(struct vsa_nsm *nsm);
int vsa_nsm_attest(struct vsa_nsm *nsm, struct vsa_slice user_data, struct vsa_slice nonce,
                   struct vsa_slice public_key, struct vsa_slice *document,
                   struct vsa_error *error);

/* --- key.h ------------------------------------------------------------------------------------ */

struct vsa_key_pair {
    size_t private_key_size;
    uint8_t private_key[...];
    uint8_t public_key[...];
};
#define VSA_P384_SPKI_SIZE ...
int vsa_key_pair_generate(struct vsa_key_pair *pair, struct vsa_error *error);
void vsa_key_pair_wipe(struct vsa_key_pair *pair);

/* --- server.h --------------------------------------------------------------------------------- */

struct vsa_server;
struct vsa_command_context {
    void *user;
    ...;
};
struct vsa_command {
    const char *name;
    enum vsa_status (*handler)(const struct vsa_command_context *context, const json_t *request,
                               json_t *reply, struct vsa_error *error);
    void *user;
    unsigned flags;
};
struct vsa_server_key {
    struct vsa_slice private_key;
    struct vsa_slice public_key;
    struct vsa_slice document;
    struct vsa_slice user_data;
    struct vsa_slice nonce;
    ...;
};
struct vsa_server_options {
    const char *listen;
    const char *nsm;
    size_t max_connections;
    size_t max_in_flight;
    size_t max_queue;
    size_t max_buffered;
    size_t rate_limit;
    size_t rate_burst;
    int64_t cache_ttl_ms;
    int64_t idle_timeout_ms;
    int64_t request_timeout_ms;
    int64_t drain_timeout_ms;
    enum vsa_status (*on_key)(void *user, const struct vsa_server_key *key);
    void *user;
    ...;
};
#define VSA_COMMAND_BLOCKING     ...
#define VSA_COMMAND_SEALED_ONLY  ...
#define VSA_DEFAULT_MAX_BUFFERED ...
#define VSA_MAX_RATE_LIMIT       ...
#define VSA_MAX_CACHE_TTL_MS     ...
static char *const VSA_COMMAND_ANY;
void vsa_server_options_init(struct vsa_server_options *options);
int vsa_server_new(const struct vsa_server_options *options, struct vsa_server **server,
                   struct vsa_error *error);
int vsa_server_register(struct vsa_server *server, const struct vsa_command *command,
                        struct vsa_error *error);
#define VSA_MAX_BACKEND_CONNECTIONS ...
int vsa_server_add_backend(struct vsa_server *server, const char *commands, const char *address,
                           size_t max_connections, unsigned flags, struct vsa_error *error);
#define VSA_SEALING_X25519 ...
#define VSA_SEALING_P384   ...
struct vsa_sealing_options {
    size_t kem;
    ...;
};
void vsa_sealing_options_init(struct vsa_sealing_options *options);
int vsa_server_enable_sealing(struct vsa_server *server, const struct vsa_sealing_options *options,
                              struct vsa_error *error);
bool vsa_server_sealed(const struct vsa_command_context *context, struct vsa_slice *aad);
const char *vsa_server_sender(const struct vsa_command_context *context);
int vsa_server_run_builtin(const struct vsa_command_context *context, const json_t *request,
                           json_t *reply, struct vsa_error *error);
int vsa_server_run(struct vsa_server *server, struct vsa_error *error);
void vsa_server_stop(struct vsa_server *server);
void vsa_server_free(struct vsa_server *server);
int json_object_clear(json_t *object);
int json_object_update(json_t *object, json_t *other);

/* In python/vsattest/server.py. */
extern "Python" {
enum vsa_status vsattest_on_request(const struct vsa_command_context *context,
                                    const json_t *request, json_t *reply, struct vsa_error *error);
enum vsa_status vsattest_on_key(void *user, const struct vsa_server_key *key);
}
