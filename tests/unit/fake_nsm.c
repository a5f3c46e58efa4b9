/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_nsm.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/container_of.h"
#include "base/error.h"
#include "nsm/message.h"
#include "nsm/transport.h"

struct fake_transport {
    struct vsa_nsm_transport transport;
    struct fake_nsm *fake;
};

static struct vsa_nsm_response respond(struct fake_nsm *fake, const struct vsa_nsm_request *request)
{
    struct vsa_nsm_response response = {.kind = request->kind};
    if (fake->refuses) {
        response.kind = VSA_NSM_ERROR;
        response.code = VSA_NSM_INVALID_OPERATION;
    } else if (request->kind == VSA_NSM_DESCRIBE_NSM) {
        response.description = (struct vsa_nsm_description){.version_major = 1,
                                                            .max_pcrs = 32,
                                                            .digest = "SHA384",
                                                            .module_id = FAKE_NSM_MODULE_ID};
    } else {
        fake->attestations++;
        response.document = request->user_data;
    }
    return response;
}

static enum vsa_status exchange(struct vsa_nsm_transport *transport, struct vsa_slice request,
                                uint8_t *buffer, size_t capacity, struct vsa_slice *response,
                                struct vsa_error *error)
{
    struct fake_nsm *fake = VSA_CONTAINER_OF(transport, struct fake_transport, transport)->fake;
    struct vsa_nsm_request decoded;
    fake->exchanges++;
    if (fake->status != VSA_OK)
        return vsa_fail(error, fake->status, "the fake NSM says so");
    VSA_TRY(vsa_nsm_request_decode(request, &decoded, error));
    const struct vsa_nsm_response answer = respond(fake, &decoded);
    return vsa_nsm_response_encode(&answer, buffer, capacity, response, error);
}

static void close_transport(struct vsa_nsm_transport *transport)
{
    free(VSA_CONTAINER_OF(transport, struct fake_transport, transport));
}

struct vsa_nsm *fake_nsm_open(struct fake_nsm *fake)
{
    struct vsa_nsm *nsm = NULL;
    struct fake_transport *transport = malloc(sizeof(*transport));
    if (!transport)
        return NULL;
    *transport = (struct fake_transport){{exchange, close_transport}, fake};
    return vsa_nsm_new(&transport->transport, &nsm, NULL) == VSA_OK ? nsm : NULL;
}
