/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A short cut for the commonest requests: small flat objects, such as {"command":"ping","id":7},
 * which need no tree to be understood. Building one costs more than all the rest of a ping.
 */
#ifndef VSA_PROTOCOL_SCAN_H
#define VSA_PROTOCOL_SCAN_H

#include <stdbool.h>

#include <vsattest/base.h>

/* Members of an object that is looked at here. */
#define VSA_SCAN_MAX_MEMBERS 8

struct vsa_request_scan {
    struct vsa_slice command; /* borrowed from the line */
    struct vsa_slice id;      /* its JSON text, borrowed; absent: none, or null */
};

/*
 * True only for lines that vsa_json_parse(), vsa_request_command() and vsa_request_id() accept,
 * and with the same outcome: flat objects of ASCII strings without escapes, non-negative integers,
 * true, false and null. False says nothing about the line but that those three have to look.
 */
bool vsa_request_scan(struct vsa_slice line, struct vsa_request_scan *scan);

#endif
