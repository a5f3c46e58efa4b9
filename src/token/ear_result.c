/* SPDX-License-Identifier: Apache-2.0 */
#include "token/ear_result.h"

#include "base/error.h"
#include "base/slice.h"
#include "token/ear_names.h"
#include "json/value.h"

/* Errors of this file: which claim, and what is wrong with it. */
#define fail_claim(error, ...) vsa_fail(error, VSA_ERR_TOKEN, "the token's " __VA_ARGS__)

/* The end of year 9999, in s since 1970. */
#define LAST_SECOND INT64_C(253402300799)

static bool is_text(const json_t *claims, const char *name, struct vsa_slice expected)
{
    return vsa_json_is_text(vsa_json_get(claims, name), expected);
}

static enum vsa_status check_purpose(const json_t *claims, const struct vsa_ear_expected *expected,
                                     struct vsa_error *error)
{
    if (!is_text(claims, "eat_profile", vsa_slice_of_text(VSA_EAR_PROFILE)))
        return fail_claim(error, "\"eat_profile\" is not %s", VSA_EAR_PROFILE);
    if (!is_text(claims, "eat_nonce", expected->challenge))
        return fail_claim(error, "\"eat_nonce\" is not the challenge: it is of another request");
    if (!expected->audience && vsa_json_get(claims, "aud"))
        return fail_claim(error, "\"aud\" names an audience, and none was given");
    if (expected->audience && !is_text(claims, "aud", vsa_slice_of_text(expected->audience)))
        return fail_claim(error, "\"aud\" is not the audience that was given");
    return VSA_OK;
}

/* Returns whether it is a time in s that has a date: its ms and sums of it do not overflow. */
static bool is_time(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 &&
           json_integer_value(value) <= LAST_SECOND;
}

static enum vsa_status check_times(const json_t *claims, int64_t now_ms, struct vsa_error *error)
{
    const json_t *from = vsa_json_get(claims, "iat");
    const json_t *until = vsa_json_get(claims, "exp");
    const int64_t skew = VSA_TOKEN_MAX_SKEW_MS / 1000;
    if (!is_time(from) || !is_time(until))
        return fail_claim(error, "\"iat\" and \"exp\" must be integers, seconds until year 9999");
    if (json_integer_value(from) > now_ms / 1000 + skew)
        return fail_claim(error, "\"iat\" is in the future: compare the clocks");
    if (json_integer_value(until) <= now_ms / 1000 - skew)
        return fail_claim(error, "\"exp\" is over: compare the clocks");
    return VSA_OK;
}

static enum vsa_status read_status(const json_t *object, enum vsa_trust_tier *status,
                                   struct vsa_error *error)
{
    const json_t *name = vsa_json_get(object, "ear_status");
    *status = VSA_TIERS;
    if (json_is_string(name))
        *status = vsa_trust_tier_named(vsa_json_string_slice(name));
    if (*status == VSA_TIERS)
        return fail_claim(error, "\"ear_status\" is missing, or no status");
    return VSA_OK;
}

/* Finds the worst tier of a vector, which must have one value at least. */
static enum vsa_status read_vector(const json_t *submodule, enum vsa_trust_tier *worst,
                                   struct vsa_error *error)
{
    json_t *vector = vsa_json_get(submodule, "ear_trustworthiness_vector");
    const char *name;
    json_t *value;
    *worst = VSA_TIER_NONE;
    if (!json_object_size(vector))
        return fail_claim(error, "\"ear_trustworthiness_vector\" is missing or empty");
    json_object_foreach(vector, name, value)
    {
        if (!json_is_integer(value))
            return fail_claim(error, "vector: \"%.32s\" is no integer", name);
        enum vsa_trust_tier tier = vsa_trust_tier_of(json_integer_value(value));
        *worst = tier > *worst ? tier : *worst;
    }
    return VSA_OK;
}

/*
 * Returns whether a status is no better than what it sums up. No claim at all (none) is less than
 * an affirming one, though the numbers of the tiers have it below.
 */
static bool is_supported(enum vsa_trust_tier status, enum vsa_trust_tier from)
{
    return status >= from && !(status == VSA_TIER_AFFIRMING && from == VSA_TIER_NONE);
}

/* Looks for NAME#..., where NAME is the policy's. */
static bool names_policy(const json_t *submodule, const char *policy)
{
    const json_t *ids = vsa_json_get(submodule, "ear_appraisal_policy_ids");
    size_t size = strlen(policy);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        const char *text = json_string_value(id);
        if (text && strncmp(text, policy, size) == 0 && text[size] == '#')
            return true;
    }
    return false;
}

/* Returns the first of the service's reasons that is one of ours, of class trust or policy. */
static enum vsa_status reason_of(const json_t *submodule)
{
    const json_t *codes =
        json_object_get(vsa_json_get(submodule, "ear_verifier_claims"), "error_codes");
    for (size_t i = 0; i < json_array_size(codes); i++) {
        const char *code = json_string_value(json_array_get(codes, i));
        enum vsa_status status = code ? vsa_status_from_code(code) : VSA_ERR_INTERNAL;
        enum vsa_status_class class = vsa_status_class(status);
        if (class == VSA_CLASS_TRUST || class == VSA_CLASS_POLICY)
            return status;
    }
    return VSA_ERR_REFUSED_BY_PEER;
}

const json_t *vsa_ear_submodule(const json_t *claims)
{
    return json_object_get(json_object_get(claims, "submods"), VSA_EAR_SUBMODULE);
}

enum vsa_status vsa_ear_read(const json_t *claims, const struct vsa_ear_expected *expected,
                             struct vsa_ear_result *result, struct vsa_error *error)
{
    const json_t *submodule = vsa_ear_submodule(claims);
    enum vsa_trust_tier overall;
    enum vsa_trust_tier own;
    enum vsa_trust_tier worst;
    VSA_TRY(check_purpose(claims, expected, error));
    VSA_TRY(check_times(claims, expected->now_ms, error));
    if (!json_is_object(submodule))
        return fail_claim(error, "submodule \"%s\" is missing", VSA_EAR_SUBMODULE);
    if (!names_policy(submodule, expected->policy))
        return fail_claim(error, "\"ear_appraisal_policy_ids\" has no policy %.64s",
                          expected->policy);
    VSA_TRY(read_status(claims, &overall, error));
    VSA_TRY(read_status(submodule, &own, error));
    VSA_TRY(read_vector(submodule, &worst, error));
    if (!is_supported(own, worst) || !is_supported(overall, own))
        return fail_claim(error, "\"ear_status\" is better than what it stands for");
    *result = (struct vsa_ear_result){.status = overall};
    if (overall != VSA_TIER_AFFIRMING)
        result->reason = reason_of(submodule);
    return VSA_OK;
}
