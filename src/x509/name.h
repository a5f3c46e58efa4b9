/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distinguished names (RFC 5280 section 4.1.2.4): compared as bytes, shown to people as text.
 */
#ifndef VSA_X509_NAME_H
#define VSA_X509_NAME_H

#include "der/reader.h"

/* One attribute of a name; borrowed. */
struct vsa_name_attribute {
    struct vsa_slice oid;
    enum vsa_der_tag type; /* UTF8String, PrintableString, IA5String or BMPString */
    struct vsa_slice value;
    struct vsa_slice encoded; /* the value with its head */
    bool begins_set;          /* the first of a relative distinguished name */
};

/* What is known of an attribute's type. */
struct vsa_name_type {
    const char *oid; /* its content */
    size_t oid_size;
    const char *short_name; /* "CN" */
    const char *long_name;  /* "commonName" */
    size_t most;            /* characters (RFC 5280 appendix A.1, X.520) */
};

/*
 * Passes over a Name. Text is UTF8String, PrintableString, IA5String or BMPString, and not empty:
 * others have several readings, or none that RFC 5280 permits. Errors: VSA_ERR_CERTIFICATE_SYNTAX.
 */
VSA_MUST_USE enum vsa_status vsa_name_read(struct vsa_der_reader *reader, struct vsa_error *error);

/* All below take a Name that vsa_name_read() passed over, with its head. */

bool vsa_name_is_empty(struct vsa_slice name);

/* Counts the attributes. */
size_t vsa_name_count(struct vsa_slice name);

/* Returns attribute `index`, below the count. */
struct vsa_name_attribute vsa_name_at(struct vsa_slice name, size_t index);

/* Returns what is known of a type; NULL for an unknown one. */
const struct vsa_name_type *vsa_name_type_of(struct vsa_slice oid);
const struct vsa_name_type *vsa_name_type_named(const char *short_name);

/*
 * Writes the name for people (RFC 2253), the last attribute first; cut off where `buffer` ends.
 * Nothing in it can break a line or a terminal: control characters and all beyond ASCII are \XX.
 */
void vsa_name_format(struct vsa_slice name, char *buffer, size_t capacity);

/* Writes a value as UTF-8, cut off at a character where `buffer` ends. */
void vsa_name_value_format(const struct vsa_name_attribute *attribute, char *buffer,
                           size_t capacity);

/* Writes an object identifier as "1.2.840"; cut off where `buffer` ends. */
void vsa_oid_format(struct vsa_slice oid, char *buffer, size_t capacity);

#endif
