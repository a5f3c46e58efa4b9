/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `nitro-cli describe-enclaves` prints. It comes from a program that may run as root on our
 * side, but names in it were chosen by the operator who started the enclaves.
 */
#include <vsattest/client.h>

#include <stdio.h>

#include "base/error.h"
#include "base/printable.h"
#include "json/load.h"

#define RULE "nitro-cli describe-enclaves"
/* 0: hypervisor, 1: loopback, 2: host, 3: the parent itself (vm_sockets.h; AWS user guide). */
#define FIRST_ENCLAVE_CID 4
#define ADVICE            "name the enclave's CID instead"

static enum vsa_status malformed(struct vsa_error *error, const char *what)
{
    return vsa_fail_at(error, VSA_ERR_JSON, VSA_NO_OFFSET, RULE,
                       "cannot understand the output of nitro-cli: %s; " ADVICE, what);
}

/* Copies text for display: printable, NUL-terminated. */
static enum vsa_status copy_text(const json_t *value, char text[VSA_MAX_ENCLAVE_NAME],
                                 const char *what, struct vsa_error *error)
{
    size_t size = json_string_length(value);
    if (!json_is_string(value) || size >= VSA_MAX_ENCLAVE_NAME)
        return malformed(error, what);
    memcpy(text, json_string_value(value), size + 1);
    vsa_printable_make(text, size);
    return VSA_OK;
}

static enum vsa_status read_running(const json_t *entry, struct vsa_enclave *enclave,
                                    struct vsa_error *error)
{
    const json_t *name = json_object_get(entry, "EnclaveName");
    const json_t *id = json_object_get(entry, "EnclaveID");
    const json_t *cid = json_object_get(entry, "EnclaveCID");
    const json_t *flags = json_object_get(entry, "Flags");
    *enclave = (struct vsa_enclave){0};
    /* nitro-cli before 1.2 has no names. */
    if (name)
        VSA_TRY(copy_text(name, enclave->name, "EnclaveName is no short string", error));
    VSA_TRY(copy_text(id, enclave->id, "EnclaveID is no short string", error));
    json_int_t number = json_integer_value(cid);
    if (!json_is_integer(cid) || number < FIRST_ENCLAVE_CID || number >= UINT32_MAX)
        return malformed(error, "EnclaveCID is not the CID of an enclave");
    enclave->cid = (uint32_t)number;
    if (flags && !json_is_string(flags))
        return malformed(error, "Flags is not a string");
    enclave->debug_mode = flags && strstr(json_string_value(flags), "DEBUG_MODE");
    return VSA_OK;
}

static enum vsa_status read_list(struct vsa_slice json, struct vsa_enclave_list *running,
                                 struct vsa_error *error)
{
    static const struct vsa_json_limits limits = {
        .name = "the output of nitro-cli",
        .advice = ADVICE,
        .max_size = VSA_MAX_NITRO_CLI_OUTPUT,
        .max_depth = VSA_MAX_JSON_FILE_DEPTH,
    };
    VSA_AUTO_JSON json_t *root = NULL;
    VSA_TRY(vsa_json_load(json, &limits, &root, error));
    if (!json_is_array(root))
        return malformed(error, "it is not a JSON array");
    *running = (struct vsa_enclave_list){0};
    size_t i;
    json_t *entry;
    json_array_foreach(root, i, entry)
    {
        const char *state = json_string_value(json_object_get(entry, "State"));
        if (!state)
            return malformed(error, "an entry without State");
        if (strcmp(state, "RUNNING") != 0)
            continue;
        if (running->count == VSA_MAX_ENCLAVES)
            return vsa_fail_at(error, VSA_ERR_TOO_MANY, VSA_NO_OFFSET, RULE,
                               "more than %d running enclaves", VSA_MAX_ENCLAVES);
        VSA_TRY(read_running(entry, &running->enclaves[running->count], error));
        running->count++;
    }
    return VSA_OK;
}

/*
 * Compares an enclave ID with a document's module ID: the number behind "-enc" has leading zeros
 * in documents and none in nitro-cli's output. The parts before it must be the same.
 */
static bool is_same_id(const char *one, const char *other)
{
    const char *one_number = strstr(one, "-enc");
    const char *other_number = strstr(other, "-enc");
    if (!one_number || !other_number)
        return strcmp(one, other) == 0;
    size_t instance = (size_t)(one_number - one) + strlen("-enc");
    if (strncmp(one, other, instance) != 0)
        return false;
    one += instance;
    other += instance;
    one += strspn(one, "0");
    other += strspn(other, "0");
    return strcmp(one, other) == 0;
}

static bool is_selected(const struct vsa_enclave *enclave,
                        const struct vsa_enclave_selector *selector)
{
    return (!selector->name || strcmp(enclave->name, selector->name) == 0) &&
           (!selector->id || is_same_id(enclave->id, selector->id));
}

/* Writes "app (i-...-enc..., CID 16), ...", cut at `capacity`. */
static void list_text(const struct vsa_enclave_list *list, char *text, size_t capacity)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        const struct vsa_enclave *enclave = &list->enclaves[i];
        int length =
            snprintf(text + used, capacity - used, "%s%s (%s, CID %u)", i ? ", " : "",
                     enclave->name[0] ? enclave->name : "unnamed", enclave->id, enclave->cid);
        if (length < 0 || (size_t)length >= capacity - used) {
            /* The last one is cut: mark that there are more. */
            (void)snprintf(text + (capacity > 5 ? capacity - 5 : 0), 5, " ...");
            return;
        }
        used += (size_t)length;
    }
}

static enum vsa_status none_selected(const struct vsa_enclave_list *running,
                                     const struct vsa_enclave_selector *selector,
                                     struct vsa_error *error)
{
    char list[120];
    if (!running->count)
        return vsa_fail(error, VSA_ERR_NO_ENCLAVE,
                        "No running enclaves found; start one: nitro-cli run-enclave --cpu-count "
                        "2 --memory 64 --eif-path app.eif; or see whether it ended: sudo "
                        "nitro-cli describe-enclaves");
    list_text(running, list, sizeof(list));
    return vsa_fail(
        error, VSA_ERR_NO_ENCLAVE, "no running enclave with the %s '%.60s'; there is %s",
        selector->name ? "name" : "ID", selector->name ? selector->name : selector->id, list);
}

static enum vsa_status choose(const struct vsa_enclave_list *running,
                              const struct vsa_enclave_selector *selector,
                              struct vsa_enclave *enclave, struct vsa_error *error)
{
    struct vsa_enclave_list matching = {0};
    for (size_t i = 0; i < running->count; i++)
        if (is_selected(&running->enclaves[i], selector))
            matching.enclaves[matching.count++] = running->enclaves[i];
    if (!matching.count)
        return none_selected(running, selector, error);
    if (matching.count > 1) {
        char list[160];
        list_text(&matching, list, sizeof(list));
        return vsa_fail(error, VSA_ERR_AMBIGUOUS_ENCLAVE,
                        "%zu enclaves run, choose one by name, ID or CID: %s", matching.count,
                        list);
    }
    *enclave = matching.enclaves[0];
    return VSA_OK;
}

enum vsa_status vsa_find_enclave_in(struct vsa_slice json,
                                    const struct vsa_enclave_selector *selector,
                                    struct vsa_enclave_list *running, struct vsa_enclave *enclave,
                                    struct vsa_error *error)
{
    struct vsa_enclave_list found;
    VSA_TRY(read_list(json, &found, error));
    if (running)
        *running = found;
    return choose(&found, selector, enclave, error);
}
