/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to applications behind the server, and theirs: docs/PROTOCOL.md, "Backends". */
#ifndef VSA_PROTOCOL_FORWARDED_H
#define VSA_PROTOCOL_FORWARDED_H

#include "protocol/json.h"

/* What the server knows of a request. */
struct vsa_forwarded_facts {
    bool sealed;
    struct vsa_slice aad; /* of a sealed one */
    uint32_t cid;         /* of the client; 0: it has none */
    const char *sender;   /* "": not signed */
};

/*
 * Writes a client's request as the application gets it, with the member "vsattest".
 *
 * object  in/out: gets the member
 * buffer  out: VSA_MAX_REPLY_LINE bytes, borrowed by `*line`
 *
 * Errors: VSA_ERR_FIELD (it has such a member, or one that may be taken for it or for "command"),
 * VSA_ERR_TOO_LARGE, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_forwarded_encode(json_t *object,
                                                  const struct vsa_forwarded_facts *facts,
                                                  char *buffer, struct vsa_slice *line,
                                                  struct vsa_error *error);

/*
 * Reads an application's reply.
 *
 * reply  out: owned by the caller, also after a failure
 * said   out: the status that it is counted and logged as
 *
 * Errors: VSA_ERR_BACKEND (it is none of the protocol).
 */
VSA_MUST_USE enum vsa_status vsa_forwarded_reply_decode(struct vsa_slice line, json_t **reply,
                                                        enum vsa_status *said,
                                                        struct vsa_error *error);

#endif
