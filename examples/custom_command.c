/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server with a command of its own, `random`, beside the built-in ones:
 *
 *     custom_command unix:/tmp/enclave.sock [unix:/tmp/nsm.sock]
 *
 *     {"command": "random", "size": 8}  ->  {"success": true, "random": "5f0c..."}
 *
 * And with a rule before a built-in one: `attest` takes no requests without a nonce.
 */
#include <signal.h>
#include <stdio.h>

#include <vsattest/server.h>

static struct vsa_server *server;

static void stop(int number)
{
    (void)number;
    vsa_server_stop(server);
}

/* Runs in the NSM's thread because of VSA_COMMAND_NSM, so it may call the NSM. */
static enum vsa_status answer_random(const struct vsa_command_context *context,
                                     const json_t *request, json_t *reply, struct vsa_error *error)
{
    const json_t *size = json_object_get(request, "size");
    struct vsa_slice random;
    char hex[2 * 32 + 1];
    if (!json_is_integer(size) || json_integer_value(size) < 1 || json_integer_value(size) > 32) {
        error->status = VSA_ERR_FIELD;
        (void)snprintf(error->detail, sizeof(error->detail), "\"size\" must be 1..32");
        return error->status;
    }
    enum vsa_status status = vsa_nsm_random(context->nsm, &random, error);
    if (status != VSA_OK)
        return status;
    if (random.size < (size_t)json_integer_value(size))
        return VSA_ERR_REPLY; /* the status alone will do: its text becomes the "error" */
    for (size_t i = 0; i < (size_t)json_integer_value(size); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", random.data[i]);
    return json_object_set_new(reply, "random", json_string(hex)) == 0 ? VSA_OK : VSA_ERR_MEMORY;
}

/* Stands before the built-in command, and has it do the work. */
static enum vsa_status answer_attest(const struct vsa_command_context *context,
                                     const json_t *request, json_t *reply, struct vsa_error *error)
{
    /* A string, if it is one: null is the same as none. */
    if (!json_is_string(json_object_get(request, "nonce")) &&
        !json_is_string(json_object_get(request, "nonce_base64"))) {
        error->status = VSA_ERR_REQUEST;
        (void)snprintf(error->detail, sizeof(error->detail), "\"attest\" needs a nonce here");
        return error->status;
    }
    return vsa_server_run_builtin(context, request, reply, error);
}

int main(int argc, char **argv)
{
    struct vsa_server_options options;
    struct vsa_error error = {0};
    char sentence[320];
    const struct vsa_command random = {
        .name = "random", .handler = answer_random, .flags = VSA_COMMAND_NSM};
    /* Limited for each peer, as the built-in command is. */
    const struct vsa_command attest = {.name = "attest",
                                       .handler = answer_attest,
                                       .flags = VSA_COMMAND_NSM | VSA_COMMAND_RATE_LIMITED};
    if (argc < 2 || argc > 3) {
        (void)fprintf(stderr, "usage: custom_command ADDRESS [NSM]\n");
        return 2;
    }
    vsa_server_options_init(&options);
    options.listen = argv[1];
    if (argc == 3)
        options.nsm = argv[2];

    enum vsa_status status = vsa_server_new(&options, &server, &error);
    if (status == VSA_OK)
        status = vsa_server_register(server, &random, &error);
    if (status == VSA_OK)
        status = vsa_server_register(server, &attest, &error);
    if (status == VSA_OK) {
        (void)signal(SIGTERM, stop);
        (void)signal(SIGINT, stop);
        status = vsa_server_run(server, &error);
    }
    if (status != VSA_OK)
        (void)fprintf(stderr, "custom_command: %s\n",
                      vsa_error_sentence(&error, sentence, sizeof(sentence)));
    vsa_server_free(server);
    return status == VSA_OK ? 0 : 1;
}
