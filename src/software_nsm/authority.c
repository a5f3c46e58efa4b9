/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/authority.h"

#include <stdio.h>

#include "base/error.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "x509/issue.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/* Names under .invalid (RFC 6761) cannot belong to a real host. */
#define DOMAIN       "software-nsm.invalid"
#define REGION       "dev." DOMAIN
#define ORGANISATION "Not Amazon - software NSM for development"
#define UNIT         "not AWS"
#define COUNTRY      "XX" /* user-assigned in ISO 3166-1 */
#define PLACE        "Development"

#define CA_USAGE                                                                                   \
    (VSA_KEY_USAGE_DIGITAL_SIGNATURE | VSA_KEY_USAGE_CERTIFICATE_SIGN | VSA_KEY_USAGE_CRL_SIGN)

/*
 * What AWS's certificates have (nitro-facts.md, section 2.3). Every `renew_ms` is no less than the
 * lifetime one level down, so that none outlives its issuer.
 */
struct profile {
    int64_t backdated_ms; /* distance of notBefore before the issue, in ms */
    int64_t lifetime_ms;  /* distance of notAfter after it, in ms */
    int64_t renew_ms;     /* with less than this left a new one is issued */
    int path_length;
    uint32_t key_usage;
    bool has_authority_identifier;
    bool has_distribution_point;
};

static const struct profile profiles[VSA_AUTHORITY_LEVELS] = {
    [VSA_AUTHORITY_ROOT] = {HOUR_MS, 10958 * DAY_MS, 20 * DAY_MS, VSA_NO_PATH_LENGTH, CA_USAGE,
                            false, false},
    [VSA_AUTHORITY_REGIONAL] = {HOUR_MS, 20 * DAY_MS, 6 * DAY_MS, 2, CA_USAGE, true, true},
    [VSA_AUTHORITY_ZONAL] = {HOUR_MS, 6 * DAY_MS, DAY_MS, 1, CA_USAGE, true, true},
    [VSA_AUTHORITY_INSTANCE] = {3 * SECOND_MS, DAY_MS - 3 * SECOND_MS, 3 * HOUR_MS, 0,
                                VSA_KEY_USAGE_CERTIFICATE_SIGN, true, false},
    [VSA_AUTHORITY_LEAF] = {3 * SECOND_MS, 3 * HOUR_MS, VSA_AUTHORITY_LEAF_SLACK_MS,
                            VSA_NO_PATH_LENGTH,
                            VSA_KEY_USAGE_DIGITAL_SIGNATURE | VSA_KEY_USAGE_NON_REPUDIATION, false,
                            false},
};

struct link {
    struct vsa_key *key;                 /* NULL while not issued */
    struct vsa_certificate *certificate; /* owned */
    size_t size;
    uint8_t der[VSA_MAX_CERTIFICATE];
};

struct vsa_authority {
    struct vsa_module_id module_id;
    struct link links[VSA_AUTHORITY_LEVELS];
};

/* What a template points into. */
struct texts {
    char common_name[80];
    char distribution_point[96];
    uint8_t serial[16];
};

static void clear_link(struct link *link)
{
    vsa_key_free(link->key);
    vsa_certificate_release(link->certificate);
    memset(link, 0, sizeof(*link));
}

/* --- what a certificate of a level looks like ------------------------------------------------ */

/* Sets the name of a level. The order of its parts differs between levels, as in AWS's. */
static void set_subject(struct vsa_certificate_template *wanted, enum vsa_authority_level level,
                        const char *common_name)
{
    const struct vsa_name_part country = {"C", COUNTRY};
    const struct vsa_name_part state = {"ST", PLACE};
    const struct vsa_name_part locality = {"L", PLACE};
    const struct vsa_name_part organisation = {"O", ORGANISATION};
    const struct vsa_name_part unit = {"OU", UNIT};
    const struct vsa_name_part name = {"CN", common_name};
    const struct vsa_name_part orders[3][6] = {
        {country, organisation, unit, name},
        {name, unit, organisation, country, state, locality},
        {country, state, locality, organisation, unit, name},
    };
    size_t order = level <= VSA_AUTHORITY_REGIONAL ? 0 : level == VSA_AUTHORITY_ZONAL ? 1 : 2;
    memcpy(wanted->subject, orders[order], sizeof(orders[order]));
}

static void format_common_name(enum vsa_authority_level level,
                               const struct vsa_module_id *module_id, uint64_t number,
                               struct texts *texts)
{
    char *text = texts->common_name;
    size_t capacity = sizeof(texts->common_name);
    unsigned long long shown = number;
    if (level == VSA_AUTHORITY_ROOT)
        (void)snprintf(text, capacity, "%s", DOMAIN);
    else if (level == VSA_AUTHORITY_REGIONAL)
        (void)snprintf(text, capacity, "%llx.%s", shown, REGION);
    else if (level == VSA_AUTHORITY_ZONAL)
        (void)snprintf(text, capacity, "%llx.zonal.%s", shown, REGION);
    else if (level == VSA_AUTHORITY_INSTANCE)
        (void)snprintf(text, capacity, "%s.%s", module_id->instance, REGION);
    else
        (void)snprintf(text, capacity, "%s.%s", module_id->text, DOMAIN);
}

/* Writes "http://software-nsm.invalid/crl/<uuid>.crl": AWS's are not fetched either. */
static void format_distribution_point(const uint8_t random[16], struct texts *texts)
{
    const uint8_t *r = random;
    (void)snprintf(texts->distribution_point, sizeof(texts->distribution_point),
                   "http://" DOMAIN "/crl/"
                   "%02x%02x%02x%02x-%02x%02x-4%x%02x-8%x%02x-%02x%02x%02x%02x%02x%02x.crl",
                   r[0], r[1], r[2], r[3], r[4], r[5], r[6] & 15u, r[7], r[8] & 15u, r[9], r[10],
                   r[11], r[12], r[13], r[14], r[15]);
}

/*
 * Sets the serial number. Leaf: enclave ID || 00000000 || Unix time of issue.
 * Others: random and positive.
 */
static void set_serial(enum vsa_authority_level level, const struct vsa_module_id *module_id,
                       int64_t now_ms, const uint8_t random[16], uint8_t serial[16])
{
    memcpy(serial, random, 16);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
    if (level != VSA_AUTHORITY_LEAF)
        return;
    uint64_t seconds = (uint64_t)(now_ms / SECOND_MS);
    memcpy(serial, module_id->enclave, VSA_ENCLAVE_ID_SIZE);
    memset(serial + VSA_ENCLAVE_ID_SIZE, 0, 4);
    for (size_t i = 0; i < 4; i++)
        serial[12 + i] = (uint8_t)(seconds >> (24 - 8 * i));
}

/* Fills the template of a level; `module_id` may be NULL for the root. */
static enum vsa_status fill_template(enum vsa_authority_level level,
                                     const struct vsa_module_id *module_id, int64_t now_ms,
                                     struct texts *texts, struct vsa_certificate_template *wanted,
                                     struct vsa_error *error)
{
    const struct profile *profile = &profiles[level];
    struct {
        uint8_t serial[16];
        uint8_t distribution_point[16];
        uint64_t name;
    } random;
    VSA_TRY(vsa_random(&random, sizeof(random), error));
    format_common_name(level, module_id, random.name, texts);
    format_distribution_point(random.distribution_point, texts);
    set_serial(level, module_id, now_ms, random.serial, texts->serial);
    memset(wanted, 0, sizeof(*wanted));
    set_subject(wanted, level, texts->common_name);
    wanted->serial = vsa_slice_of(texts->serial, sizeof(texts->serial));
    wanted->not_before_ms = now_ms - profile->backdated_ms;
    wanted->not_after_ms = now_ms + profile->lifetime_ms;
    wanted->is_ca = level != VSA_AUTHORITY_LEAF;
    wanted->basic_constraints_critical = true;
    wanted->path_length = profile->path_length;
    wanted->key_usage = profile->key_usage;
    wanted->key_usage_critical = wanted->is_ca;
    wanted->key_usage_first = level == VSA_AUTHORITY_INSTANCE;
    wanted->subject_key_identifier = wanted->is_ca;
    wanted->authority_key_identifier = profile->has_authority_identifier;
    if (profile->has_distribution_point)
        wanted->crl_distribution_point = texts->distribution_point;
    return VSA_OK;
}

/* --- issuing --------------------------------------------------------------------------------- */

enum vsa_status vsa_authority_make_root(int64_t now_ms, struct vsa_key **key, uint8_t *buffer,
                                        size_t capacity, struct vsa_slice *root,
                                        struct vsa_error *error)
{
    struct texts texts = {0};
    struct vsa_certificate_template wanted;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *made = NULL;
    VSA_TRY(fill_template(VSA_AUTHORITY_ROOT, NULL, now_ms, &texts, &wanted, error));
    VSA_TRY(vsa_key_generate(VSA_CURVE_P384, &made, error));
    VSA_TRY(vsa_certificate_issue(&wanted, made, NULL, made, buffer, capacity, root, error));
    *key = made;
    made = NULL;
    return VSA_OK;
}

/* Fills `link`, which was empty; the caller clears it on failure. */
static enum vsa_status issue(struct vsa_authority *authority, enum vsa_authority_level level,
                             int64_t now_ms, struct link *link, struct vsa_error *error)
{
    struct texts texts = {0};
    struct vsa_certificate_template wanted;
    struct vsa_slice der;
    const struct link *issuer = &authority->links[level - 1];
    VSA_TRY(fill_template(level, &authority->module_id, now_ms, &texts, &wanted, error));
    VSA_TRY(vsa_key_generate(VSA_CURVE_P384, &link->key, error));
    VSA_TRY(vsa_certificate_issue(&wanted, link->key, issuer->certificate, issuer->key, link->der,
                                  sizeof(link->der), &der, error));
    link->size = der.size;
    return vsa_certificate_parse(der, issuer->key, &link->certificate, error);
}

static bool is_fresh(const struct link *link, enum vsa_authority_level level, int64_t now_ms)
{
    return link->certificate && now_ms >= link->certificate->fields.not_before_ms &&
           link->certificate->fields.not_after_ms - now_ms >= profiles[level].renew_ms;
}

static enum vsa_status check_root(const struct link *root, int64_t now_ms, struct vsa_error *error)
{
    if (is_fresh(root, VSA_AUTHORITY_ROOT, now_ms))
        return VSA_OK;
    if (now_ms < root->certificate->fields.not_before_ms)
        return vsa_fail(error, VSA_ERR_NOT_YET_VALID,
                        "the software NSM's root is not valid yet: check the clock");
    return vsa_fail(error, VSA_ERR_EXPIRED,
                    "the software NSM's root expires within 20 days: make a new one in another "
                    "state directory and give it to the verifiers");
}

/* Replaces a level's key and certificate; a failure changes nothing. */
static enum vsa_status replace(struct vsa_authority *authority, enum vsa_authority_level level,
                               int64_t now_ms, struct vsa_error *error)
{
    struct link made = {0};
    enum vsa_status status = issue(authority, level, now_ms, &made, error);
    if (status != VSA_OK) {
        clear_link(&made);
        return status;
    }
    for (unsigned below = level; below < VSA_AUTHORITY_LEVELS; below++)
        clear_link(&authority->links[below]);
    authority->links[level] = made;
    return VSA_OK;
}

enum vsa_status vsa_authority_refresh(struct vsa_authority *authority, int64_t now_ms,
                                      struct vsa_error *error)
{
    VSA_TRY(check_root(&authority->links[VSA_AUTHORITY_ROOT], now_ms, error));
    for (unsigned i = VSA_AUTHORITY_REGIONAL; i < VSA_AUTHORITY_LEVELS; i++) {
        enum vsa_authority_level level = (enum vsa_authority_level)i;
        if (!is_fresh(&authority->links[level], level, now_ms))
            VSA_TRY(replace(authority, level, now_ms, error));
    }
    return VSA_OK;
}

/* --- the object ------------------------------------------------------------------------------ */

static enum vsa_status check_pair(const struct vsa_key *key,
                                  const struct vsa_certificate *certificate,
                                  struct vsa_error *error)
{
    uint8_t ours[VSA_P384_SPKI_SIZE];
    uint8_t theirs[VSA_P384_SPKI_SIZE];
    struct vsa_slice our_key;
    struct vsa_slice their_key;
    if (vsa_key_curve(key) != VSA_CURVE_P384 || !certificate->key || !certificate->fields.is_ca ||
        certificate->fields.path_length != VSA_NO_PATH_LENGTH ||
        !(certificate->fields.key_usage & VSA_KEY_USAGE_CERTIFICATE_SIGN) ||
        !vsa_certificate_names_issuer(certificate, certificate))
        return vsa_fail(error, VSA_ERR_CERTIFICATE_PROFILE,
                        "that certificate is not the root of a software NSM");
    VSA_TRY(vsa_key_write_public(key, ours, sizeof(ours), &our_key, error));
    VSA_TRY(vsa_key_write_public(certificate->key, theirs, sizeof(theirs), &their_key, error));
    if (!vsa_slice_equal(our_key, their_key))
        return vsa_fail(error, VSA_ERR_CERTIFICATE_PROFILE,
                        "the root's key and its certificate do not belong together");
    return VSA_OK;
}

enum vsa_status vsa_authority_new(struct vsa_key *root_key, struct vsa_slice root,
                                  const struct vsa_module_id *module_id, struct vsa_authority **out,
                                  struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = root_key;
    VSA_CLEANUP(vsa_cleanup_authority)
    struct vsa_authority *authority = calloc(1, sizeof(*authority));
    if (!authority)
        return vsa_fail_memory(error);
    struct link *link = &authority->links[VSA_AUTHORITY_ROOT];
    if (root.size > sizeof(link->der))
        return vsa_fail(error, VSA_ERR_CERTIFICATE_PROFILE, "a root certificate of %zu bytes",
                        root.size);
    VSA_TRY(vsa_certificate_parse(root, key, &link->certificate, error));
    VSA_TRY(check_pair(key, link->certificate, error));
    memcpy(link->der, root.data, root.size);
    link->size = root.size;
    link->key = key;
    key = NULL;
    authority->module_id = *module_id;
    *out = authority;
    authority = NULL;
    return VSA_OK;
}

void vsa_authority_free(struct vsa_authority *authority)
{
    if (!authority)
        return;
    for (size_t i = 0; i < VSA_AUTHORITY_LEVELS; i++)
        clear_link(&authority->links[i]);
    free(authority);
}

struct vsa_slice vsa_authority_certificate(const struct vsa_authority *authority,
                                           enum vsa_authority_level level)
{
    const struct link *link = &authority->links[level];
    return link->size ? vsa_slice_of(link->der, link->size) : vsa_slice_of(NULL, 0);
}

const struct vsa_key *vsa_authority_leaf_key(const struct vsa_authority *authority)
{
    return authority->links[VSA_AUTHORITY_LEAF].key;
}

const struct vsa_module_id *vsa_authority_module_id(const struct vsa_authority *authority)
{
    return &authority->module_id;
}
