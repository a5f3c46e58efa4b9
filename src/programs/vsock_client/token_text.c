/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/token_text.h"

#include "base/slice.h"
#include "base/time_text.h"
#include "command_line/output.h"
#include "token/ear_result.h"
#include "json/value.h"

/* Characters of a name in text output. */
#define NAME_WIDTH 17

/* Prints a name in its column; of a vector or of PCRs it is the service's, as values are. */
static void print_name(const char *name)
{
    size_t size = strlen(name);
    (void)fputs("  ", stdout);
    output_text(stdout, vsa_slice_of_text(name));
    (void)printf("%*s", (int)(size < NAME_WIDTH ? NAME_WIDTH - size : 0) + 1, "");
}

static void print_line(const char *name, const json_t *value)
{
    print_name(name);
    if (json_is_string(value))
        output_text(stdout, vsa_json_string_slice(value));
    else if (json_is_integer(value))
        (void)printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        (void)fputc('-', stdout);
    (void)fputc('\n', stdout);
}

/*
 * Prints a line for each member of an object, its name behind `name`, or for each element of an
 * array under `name`.
 */
static void print_lines(const char *name, json_t *values)
{
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_object(values)) {
        json_object_foreach(values, key, value)
        {
            char column[128];
            (void)snprintf(column, sizeof(column), "%s%s", name, key);
            print_line(column, value);
        }
    } else {
        json_array_foreach(values, i, value)
        {
            print_line(name, value);
        }
    }
}

static void print_time(const char *name, const json_t *seconds)
{
    char text[VSA_TIME_TEXT_SIZE];
    vsa_time_format(json_integer_value(seconds) * 1000, text, sizeof(text));
    print_name(name);
    (void)printf("%s\n", text);
}

enum vsa_status client_print_token(const struct client_arguments *arguments,
                                   const struct vsa_outcome *outcome, struct vsa_error *error)
{
    const json_t *claims = outcome->appraised.claims;
    const json_t *submodule = vsa_ear_submodule(claims);
    const json_t *verifier = json_object_get(submodule, "ear_verifier_claims");
    const json_t *attester = json_object_get(submodule, "ear_attester_claims");
    (void)fputs("Result of ", stdout);
    output_text(stdout, vsa_slice_of_text(arguments->operand));
    (void)fputs(": ", stdout);
    output_text(stdout, vsa_json_string_slice(json_object_get(claims, "ear_status")));
    (void)fputs("\n\n", stdout);
    print_lines("because of", json_object_get(verifier, "error_codes"));
    print_lines("policy", json_object_get(submodule, "ear_appraisal_policy_ids"));
    print_lines("", json_object_get(submodule, "ear_trustworthiness_vector"));
    if (json_object_get(verifier, "image"))
        print_line("image", json_object_get(verifier, "image"));
    if (attester) {
        print_line("module ID", json_object_get(attester, "module_id"));
        print_lines("PCR", json_object_get(attester, "pcrs"));
    }
    print_time("made at", json_object_get(claims, "iat"));
    print_time("valid until", json_object_get(claims, "exp"));
    (void)fputs("\nToken:\n", stdout);
    output_text(stdout, vsa_json_string_slice(outcome->appraised.token));
    (void)fputc('\n', stdout);
    return output_finish(error);
}

void client_print_token_columns(const struct vsa_outcome *outcome)
{
    const json_t *submodule = vsa_ear_submodule(outcome->appraised.claims);
    const json_t *attester = json_object_get(submodule, "ear_attester_claims");
    const char *module_id = json_string_value(json_object_get(attester, "module_id"));
    (void)fputs("  ", stdout);
    output_text(stdout,
                vsa_json_string_slice(json_object_get(outcome->appraised.claims, "ear_status")));
    (void)fputs("  ", stdout);
    output_text(stdout, vsa_slice_of_text(module_id ? module_id : "-"));
}
