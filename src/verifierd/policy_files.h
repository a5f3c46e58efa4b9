/* SPDX-License-Identifier: Apache-2.0 */
/* Policies of the service, each a JSON file (docs/SERVICE.md, "Policies"): all of them or none. */
#ifndef VSA_VERIFIERD_POLICY_FILES_H
#define VSA_VERIFIERD_POLICY_FILES_H

#include "file/whole_file.h"
#include "verifierd/appraise.h"
#include "verifierd/limits.h"
#include <vsattest/report.h>

/* "NAME#sha256-" and 43 characters of base64url. */
#define VSA_POLICY_ID_SIZE (VSA_MAX_POLICY_NAME + 8 + 43 + 1)

struct vsa_service_policy {
    char name[VSA_MAX_POLICY_NAME + 1];
    char id[VSA_POLICY_ID_SIZE];         /* in tokens: which bytes of the file were applied */
    struct vsa_whole_file file;          /* as it is, so that its digest can be computed again */
    char roots[VSA_MAX_POLICY_NAME + 1]; /* "aws", or a file beside it */
    struct vsa_verifier *verifier;       /* of all policies with these roots */
    bool borrows_verifier;               /* from the first of them */
    struct vsa_measurements_list images;
    struct vsa_appraisal_rules rules; /* borrows from here */
    char instance[VSA_MAX_MODULE_ID];
    uint8_t user_data[VSA_MAX_FIELD];
    int64_t max_age_ms;
    bool challenge_required;
};

/*
 * Reads one policy; its roots are only named yet.
 *
 * text    in: hostile; borrowed only during the call
 * policy  in and out: name set, all else zero; also on failure freed with vsa_service_policy_free()
 *
 * Errors: VSA_ERR_JSON and others of vsa_json_load(), VSA_ERR_FIELD (unknown member, wrong type or
 * value), those of vsa_measurements_read() and vsa_policy_check().
 */
VSA_MUST_USE enum vsa_status vsa_service_policy_parse(struct vsa_slice text,
                                                      struct vsa_service_policy *policy,
                                                      struct vsa_error *error);
void vsa_service_policy_free(struct vsa_service_policy *policy);

/* Sorted by name. */
struct vsa_policy_set {
    size_t count;
    struct vsa_service_policy policies[VSA_MAX_POLICY_FILES];
};

/*
 * Reads all NAME.json of a directory and the root certificates that they name there. NAME is of
 * a-z, 0-9, '-', '_' and '.', at most VSA_MAX_POLICY_NAME, and begins with a letter or digit.
 *
 * set  out: the caller's, freed with vsa_policy_set_free()
 *
 * Errors name the file: those above, VSA_ERR_IO, VSA_ERR_ARGUMENT (a name, none at all),
 * VSA_ERR_TOO_MANY, those of vsa_verifier_add_root(), VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_policy_set_load(const char *directory, struct vsa_policy_set **set,
                                                 struct vsa_error *error);
/* Frees it. NULL is fine. */
void vsa_policy_set_free(struct vsa_policy_set *set);
VSA_DEFINE_CLEANUP(struct vsa_policy_set, vsa_policy_set_free, vsa_cleanup_policy_set);

/* Returns the policy of that name, or NULL. */
const struct vsa_service_policy *vsa_policy_set_find(const struct vsa_policy_set *set,
                                                     struct vsa_slice name);

#endif
