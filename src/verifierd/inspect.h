/* SPDX-License-Identifier: Apache-2.0 */
/* What a document says, for people to look at: nothing of it is verified here. */
#ifndef VSA_VERIFIERD_INSPECT_H
#define VSA_VERIFIERD_INSPECT_H

#include "verifierd/answer.h"

/*
 * Answers POST /v1/inspect: fields, PCRs and the chain of a document that can be read. No
 * signature is checked, whose cost is why it needs no challenge.
 *
 * document  in: raw CBOR, hostile; borrowed during the call
 */
void vsa_inspect_document(struct vsa_slice document, int64_t now_ms, struct vsa_answer *answer);

#endif
