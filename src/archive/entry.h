/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of an archive: a saved document, and what it is expected to be. What an entry expects
 * only adds to what the caller expects of all of them.
 */
#ifndef VSA_ARCHIVE_ENTRY_H
#define VSA_ARCHIVE_ENTRY_H

#include <stdbool.h>

#include <jansson.h>

#include <vsattest/attestation.h>

/* What was read, and later the result. */
struct vsa_archive_entry {
    uint64_t index;         /* in the archive, from 0 */
    uint64_t position;      /* bytes or files of the archive up to here */
    char *name;             /* owned; of a file; NULL for a line */
    uint8_t *bytes;         /* owned; as they were in the archive */
    size_t size;            /* of `bytes` */
    bool is_line;           /* `bytes` are a JSON object, else a document in any saved form */
    enum vsa_status status; /* of reading; then of the whole */
    struct vsa_error error;
    char *result; /* owned; one line of JSON without a newline; NULL without memory */
};

void vsa_archive_entry_clear(struct vsa_archive_entry *entry);

/* What the caller expects of each document. */
struct vsa_archive_expectations {
    const struct vsa_policy *policy; /* borrowed */
    bool has_time;                   /* the caller chose one time for all; lines name none then */
    bool document_time;              /* each at its own time */
    int64_t now_ms;                  /* Unix milliseconds; unless `document_time` */
};

/* An entry's document and expectations, decoded. `policy` borrows from this struct. */
struct vsa_archive_request {
    struct vsa_slice document; /* borrows `decoded` or the entry */
    struct vsa_policy policy;
    int64_t now_ms;
    bool document_time;
    json_t *id;             /* a reference: given back with the result; NULL without */
    uint8_t *decoded;       /* owned */
    struct vsa_slice apart; /* of vsa_json_load_object_apart(); borrows the entry */
    uint8_t fields[4 * VSA_MAX_FIELD];
    size_t fields_used;
};

/* Sets a request that holds nothing, for vsa_archive_request_clear(). */
void vsa_archive_request_init(struct vsa_archive_request *request);

/*
 * Decodes an entry into a request that was set up. Errors: class syntax, format or limit for what
 * is no document or no proper line; VSA_ERR_ARGUMENT for an expectation that contradicts the
 * caller's, or makes no sense.
 */
VSA_MUST_USE enum vsa_status vsa_archive_request_read(const struct vsa_archive_entry *entry,
                                                      const struct vsa_archive_expectations *all,
                                                      struct vsa_archive_request *request,
                                                      struct vsa_error *error);
void vsa_archive_request_clear(struct vsa_archive_request *request);

#endif
