/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/extensions.h"

#include "base/error.h"
#include "base/slice.h"
#include "x509/name.h"

/* Real certificates have at most 5 extensions; the pairwise look for duplicates stays cheap. */
#define MAX_EXTENSIONS 16
/* The same of policies. */
#define MAX_POLICIES 8

static const char rule_extensions[] = "RFC 5280 section 4.2";

static enum vsa_status refuse(const char *what)
{
    return vsa_fail(NULL, VSA_ERR_CERTIFICATE_SYNTAX, "%s", what);
}

/* --- values ----------------------------------------------------------------------------------- */

/* Each reads the value of one extension, to its end. No error is filled: the section is enough. */

static enum vsa_status read_basic_constraints(struct vsa_der_reader *value, struct vsa_x509 *fields)
{
    struct vsa_der_reader constraints;
    VSA_TRY(vsa_der_enter(value, VSA_DER_SEQUENCE, &constraints, NULL));
    if (vsa_der_next_is(&constraints, VSA_DER_BOOLEAN)) {
        VSA_TRY(vsa_der_read_boolean(&constraints, &fields->is_ca, NULL));
        if (!fields->is_ca)
            return refuse("a default that is written (X.690 section 11.5)");
    }
    if (vsa_der_next_is(&constraints, VSA_DER_INTEGER)) {
        uint32_t length = 0;
        VSA_TRY(vsa_der_read_unsigned(&constraints, 255, &length, NULL));
        fields->path_length = (int)length;
    }
    if (fields->path_length != VSA_NO_PATH_LENGTH && !fields->is_ca)
        return refuse("a path length without being a CA");
    return vsa_der_finish(&constraints, "basicConstraints", NULL);
}

static enum vsa_status read_key_usage(struct vsa_der_reader *value, struct vsa_x509 *fields)
{
    VSA_TRY(vsa_der_read_named_bits(value, VSA_DER_BIT_STRING, 9, &fields->key_usage, NULL));
    return fields->key_usage ? VSA_OK : refuse("no bit at all");
}

static enum vsa_status read_subject_key_identifier(struct vsa_der_reader *value,
                                                   struct vsa_x509 *fields)
{
    struct vsa_slice identifier;
    VSA_TRY(vsa_der_read(value, VSA_DER_OCTET_STRING, &identifier, NULL));
    if (!identifier.size)
        return refuse("empty");
    fields->subject_key_identifier = identifier;
    return VSA_OK;
}

/*
 * Reads the name and serial number of the issuer's certificate: both or neither, the name alone
 * among its GeneralNames.
 */
static enum vsa_status read_authority_certificate(struct vsa_der_reader *authority,
                                                  struct vsa_x509 *fields)
{
    struct vsa_der_reader names;
    struct vsa_der_reader name;
    VSA_TRY(vsa_der_enter(authority, VSA_DER_CONTEXT_CONSTRUCTED(1), &names, NULL));
    VSA_TRY(vsa_der_enter(&names, VSA_DER_CONTEXT_CONSTRUCTED(4), &name, NULL));
    VSA_TRY(vsa_der_finish(&names, "authorityCertIssuer", NULL));
    size_t start = name.offset;
    VSA_TRY(vsa_name_read(&name, NULL));
    VSA_TRY(vsa_der_finish(&name, "a directoryName", NULL));
    fields->authority_issuer = vsa_slice_of(name.input.data + start, name.offset - start);
    return vsa_der_read_as(authority, VSA_DER_CONTEXT(2), VSA_DER_INTEGER,
                           &fields->authority_serial, NULL);
}

static enum vsa_status read_authority_key_identifier(struct vsa_der_reader *value,
                                                     struct vsa_x509 *fields)
{
    struct vsa_der_reader authority;
    VSA_TRY(vsa_der_enter(value, VSA_DER_SEQUENCE, &authority, NULL));
    if (vsa_der_next_is(&authority, VSA_DER_CONTEXT(0))) {
        struct vsa_slice identifier;
        VSA_TRY(vsa_der_read(&authority, VSA_DER_CONTEXT(0), &identifier, NULL));
        if (!identifier.size)
            return refuse("empty");
        fields->authority_key_identifier = identifier;
    }
    if (!vsa_der_at_end(&authority))
        VSA_TRY(read_authority_certificate(&authority, fields));
    return vsa_der_finish(&authority, "authorityKeyIdentifier", NULL);
}

/* Reads otherName: a type and what belongs to it (RFC 5280 section 4.2.1.6). */
static enum vsa_status read_other_name(struct vsa_der_reader *names)
{
    struct vsa_der_reader other;
    struct vsa_der_reader value;
    struct vsa_slice oid;
    VSA_TRY(vsa_der_enter(names, VSA_DER_CONTEXT_CONSTRUCTED(0), &other, NULL));
    VSA_TRY(vsa_der_read(&other, VSA_DER_OID, &oid, NULL));
    VSA_TRY(vsa_der_enter(&other, VSA_DER_CONTEXT_CONSTRUCTED(0), &value, NULL));
    VSA_TRY(vsa_der_skip(&value, NULL));
    VSA_TRY(vsa_der_finish(&value, "an otherName's value", NULL));
    return vsa_der_finish(&other, "an otherName", NULL);
}

static enum vsa_status read_directory_name(struct vsa_der_reader *names)
{
    struct vsa_der_reader name;
    VSA_TRY(vsa_der_enter(names, VSA_DER_CONTEXT_CONSTRUCTED(4), &name, NULL));
    VSA_TRY(vsa_name_read(&name, NULL));
    return vsa_der_finish(&name, "a directoryName", NULL);
}

/* Reads one GeneralName; x400Address and ediPartyName are in no use. */
static enum vsa_status read_general_name(struct vsa_der_reader *names)
{
    struct vsa_slice text;
    switch (names->input.data[names->offset]) {
    case VSA_DER_CONTEXT_CONSTRUCTED(0):
        return read_other_name(names);
    case VSA_DER_CONTEXT(1): /* rfc822Name */
    case VSA_DER_CONTEXT(2): /* dNSName */
    case VSA_DER_CONTEXT(6): /* uniformResourceIdentifier */
        VSA_TRY(vsa_der_read_as(names, names->input.data[names->offset], VSA_DER_IA5_STRING, &text,
                                NULL));
        return text.size ? VSA_OK : refuse("empty");
    case VSA_DER_CONTEXT_CONSTRUCTED(4):
        return read_directory_name(names);
    case VSA_DER_CONTEXT(7): /* iPAddress */
        VSA_TRY(vsa_der_read(names, VSA_DER_CONTEXT(7), &text, NULL));
        return text.size == 4 || text.size == 16 ? VSA_OK : refuse("neither IPv4 nor IPv6");
    case VSA_DER_CONTEXT(8): /* registeredID */
        return vsa_der_read_as(names, VSA_DER_CONTEXT(8), VSA_DER_OID, &text, NULL);
    default:
        return refuse("no such kind of name");
    }
}

/* Reads GeneralNames, of which there is one at least. */
static enum vsa_status read_general_names(struct vsa_der_reader *reader, unsigned tag)
{
    struct vsa_der_reader names;
    VSA_TRY(vsa_der_enter(reader, tag, &names, NULL));
    if (vsa_der_at_end(&names))
        return refuse("no name");
    while (!vsa_der_at_end(&names))
        VSA_TRY(read_general_name(&names));
    return VSA_OK;
}

/* Reads GeneralNames without URIs, whose own grammar (RFC 3986) nothing here reads. */
static enum vsa_status read_alternative_name(struct vsa_der_reader *value, struct vsa_x509 *fields)
{
    struct vsa_der_reader names;
    struct vsa_der_reader again = *value;
    (void)fields;
    VSA_TRY(read_general_names(value, VSA_DER_SEQUENCE));
    VSA_TRY(vsa_der_enter(&again, VSA_DER_SEQUENCE, &names, NULL));
    while (!vsa_der_at_end(&names)) {
        if (vsa_der_next_is(&names, VSA_DER_CONTEXT(6)))
            return refuse("a URI");
        VSA_TRY(vsa_der_skip(&names, NULL));
    }
    return VSA_OK;
}

static enum vsa_status read_extended_key_usage(struct vsa_der_reader *value,
                                               struct vsa_x509 *fields)
{
    struct vsa_der_reader purposes;
    struct vsa_slice oid;
    (void)fields;
    VSA_TRY(vsa_der_enter(value, VSA_DER_SEQUENCE, &purposes, NULL));
    do
        VSA_TRY(vsa_der_read(&purposes, VSA_DER_OID, &oid, NULL));
    while (!vsa_der_at_end(&purposes));
    return VSA_OK;
}

/*
 * Reads one DistributionPoint: where, for which reasons, by whom. Names relative to the CRL's
 * issuer are in no use.
 */
static enum vsa_status read_distribution_point(struct vsa_der_reader *points)
{
    struct vsa_der_reader point;
    VSA_TRY(vsa_der_enter(points, VSA_DER_SEQUENCE, &point, NULL));
    bool complete = false;
    if (vsa_der_next_is(&point, VSA_DER_CONTEXT_CONSTRUCTED(0))) {
        struct vsa_der_reader name;
        VSA_TRY(vsa_der_enter(&point, VSA_DER_CONTEXT_CONSTRUCTED(0), &name, NULL));
        VSA_TRY(read_general_names(&name, VSA_DER_CONTEXT_CONSTRUCTED(0)));
        VSA_TRY(vsa_der_finish(&name, "a distributionPoint", NULL));
        complete = true;
    }
    if (vsa_der_next_is(&point, VSA_DER_CONTEXT(1))) {
        uint32_t reasons = 0;
        VSA_TRY(vsa_der_read_named_bits(&point, VSA_DER_CONTEXT(1), 9, &reasons, NULL));
    }
    if (vsa_der_next_is(&point, VSA_DER_CONTEXT_CONSTRUCTED(2))) {
        VSA_TRY(read_general_names(&point, VSA_DER_CONTEXT_CONSTRUCTED(2)));
        complete = true;
    }
    VSA_TRY(vsa_der_finish(&point, "a DistributionPoint", NULL));
    return complete ? VSA_OK : refuse("neither where nor by whom");
}

static enum vsa_status read_distribution_points(struct vsa_der_reader *value,
                                                struct vsa_x509 *fields)
{
    struct vsa_der_reader points;
    (void)fields;
    VSA_TRY(vsa_der_enter(value, VSA_DER_SEQUENCE, &points, NULL));
    do
        VSA_TRY(read_distribution_point(&points));
    while (!vsa_der_at_end(&points));
    return VSA_OK;
}

/* Reads Netscape's certificate type, which openssl's examples still have. */
static enum vsa_status read_netscape_type(struct vsa_der_reader *value, struct vsa_x509 *fields)
{
    uint32_t types = 0;
    (void)fields;
    return vsa_der_read_named_bits(value, VSA_DER_BIT_STRING, 8, &types, NULL);
}

/* Reads one PolicyInformation; what qualifies a policy is for people. */
static enum vsa_status read_policy(struct vsa_der_reader *policies, struct vsa_slice *oid)
{
    struct vsa_der_reader policy;
    struct vsa_der_reader qualifiers;
    VSA_TRY(vsa_der_enter(policies, VSA_DER_SEQUENCE, &policy, NULL));
    VSA_TRY(vsa_der_read(&policy, VSA_DER_OID, oid, NULL));
    if (vsa_der_at_end(&policy))
        return VSA_OK;
    VSA_TRY(vsa_der_enter(&policy, VSA_DER_SEQUENCE, &qualifiers, NULL));
    do {
        struct vsa_der_reader qualifier;
        struct vsa_slice kind;
        VSA_TRY(vsa_der_enter(&qualifiers, VSA_DER_SEQUENCE, &qualifier, NULL));
        VSA_TRY(vsa_der_read(&qualifier, VSA_DER_OID, &kind, NULL));
        VSA_TRY(vsa_der_skip(&qualifier, NULL));
        VSA_TRY(vsa_der_finish(&qualifier, "a policy's qualifier", NULL));
    } while (!vsa_der_at_end(&qualifiers));
    return vsa_der_finish(&policy, "a policy", NULL);
}

static enum vsa_status read_policies(struct vsa_der_reader *value, struct vsa_x509 *fields)
{
    struct vsa_der_reader policies;
    struct vsa_slice oids[MAX_POLICIES];
    size_t count = 0;
    (void)fields;
    VSA_TRY(vsa_der_enter(value, VSA_DER_SEQUENCE, &policies, NULL));
    do {
        if (count == MAX_POLICIES)
            return refuse("too many policies");
        VSA_TRY(read_policy(&policies, &oids[count]));
        for (size_t i = 0; i < count; i++)
            if (vsa_slice_equal(oids[i], oids[count]))
                return refuse("a policy twice");
        count++;
    } while (!vsa_der_at_end(&policies));
    return VSA_OK;
}

/* Reads AccessDescriptions: where to get more about the issuer or the subject. */
static enum vsa_status read_access(struct vsa_der_reader *value, struct vsa_x509 *fields)
{
    struct vsa_der_reader list;
    (void)fields;
    VSA_TRY(vsa_der_enter(value, VSA_DER_SEQUENCE, &list, NULL));
    do {
        struct vsa_der_reader description;
        struct vsa_slice method;
        VSA_TRY(vsa_der_enter(&list, VSA_DER_SEQUENCE, &description, NULL));
        VSA_TRY(vsa_der_read(&description, VSA_DER_OID, &method, NULL));
        if (vsa_der_at_end(&description))
            return refuse("a method without a location");
        VSA_TRY(read_general_name(&description));
        VSA_TRY(vsa_der_finish(&description, "an access description", NULL));
    } while (!vsa_der_at_end(&list));
    return VSA_OK;
}

/* --- the list --------------------------------------------------------------------------------- */

struct known {
    const char *oid;
    size_t oid_size;
    const char *rule;
    /*
     * NULL: an extension that limits what a certificate may be used for, and which we do not apply.
     * To pass over it where it is not critical, as it has to be, would be laxer than to refuse it.
     */
    enum vsa_status (*read)(struct vsa_der_reader *value, struct vsa_x509 *fields);
};

#define KNOWN(oid, rule, read)                                                                     \
    {                                                                                              \
        oid, sizeof(oid) - 1, rule, read                                                           \
    }
#define OID_BASIC_CONSTRAINTS "\x55\x1d\x13"
#define OID_KEY_USAGE         "\x55\x1d\x0f"
#define OID_PKIX              "\x2b\x06\x01\x05\x05\x07\x01"
#define LIMIT(oid, rule)      KNOWN(oid, rule, NULL)

static const struct known known_extensions[] = {
    KNOWN(OID_BASIC_CONSTRAINTS, "RFC 5280 section 4.2.1.9", read_basic_constraints),
    KNOWN(OID_KEY_USAGE, "RFC 5280 section 4.2.1.3", read_key_usage),
    KNOWN("\x55\x1d\x0e", "RFC 5280 section 4.2.1.2", read_subject_key_identifier),
    KNOWN("\x55\x1d\x23", "RFC 5280 section 4.2.1.1", read_authority_key_identifier),
    KNOWN("\x55\x1d\x11", "RFC 5280 section 4.2.1.6", read_alternative_name),
    KNOWN("\x55\x1d\x12", "RFC 5280 section 4.2.1.7", read_alternative_name),
    KNOWN("\x55\x1d\x20", "RFC 5280 section 4.2.1.4", read_policies),
    KNOWN("\x55\x1d\x25", "RFC 5280 section 4.2.1.12", read_extended_key_usage),
    KNOWN("\x55\x1d\x1f", "RFC 5280 section 4.2.1.13", read_distribution_points),
    KNOWN("\x55\x1d\x2e", "RFC 5280 section 4.2.1.15", read_distribution_points),
    KNOWN(OID_PKIX "\x01", "RFC 5280 section 4.2.2.1", read_access),
    KNOWN(OID_PKIX "\x0b", "RFC 5280 section 4.2.2.2", read_access),
    KNOWN("\x60\x86\x48\x01\x86\xf8\x42\x01\x01", "X.690 section 11.2.2", read_netscape_type),
    LIMIT("\x55\x1d\x10", "RFC 3280 section 4.2.1.4"),  /* privateKeyUsagePeriod */
    LIMIT("\x55\x1d\x1e", "RFC 5280 section 4.2.1.10"), /* nameConstraints */
    LIMIT("\x55\x1d\x21", "RFC 5280 section 4.2.1.5"),  /* policyMappings */
    LIMIT("\x55\x1d\x24", "RFC 5280 section 4.2.1.11"), /* policyConstraints */
    LIMIT("\x55\x1d\x36", "RFC 5280 section 4.2.1.14"), /* inhibitAnyPolicy */
    LIMIT(OID_PKIX "\x07", "RFC 3779 section 2.2.1"),   /* ipAddrBlocks */
    LIMIT(OID_PKIX "\x08", "RFC 3779 section 3.2.1"),   /* autonomousSysIds */
    LIMIT(OID_PKIX "\x0e", "RFC 3820 section 3.8"),     /* proxyCertInfo */
};

/* Notes it of the two that may be critical. */
static void note_criticality(struct vsa_slice oid, bool critical, struct vsa_x509 *fields)
{
    if (vsa_slice_equal_text(oid, OID_BASIC_CONSTRAINTS)) {
        fields->has_basic_constraints = true;
        fields->basic_constraints_critical = critical;
    } else if (vsa_slice_equal_text(oid, OID_KEY_USAGE)) {
        fields->has_key_usage = true;
    } else if (critical) {
        fields->unknown_critical = true;
    }
}

static void read_value(struct vsa_slice oid, struct vsa_der_reader value, struct vsa_x509 *fields)
{
    for (size_t i = 0; i < sizeof(known_extensions) / sizeof(known_extensions[0]); i++) {
        const struct known *known = &known_extensions[i];
        if (!vsa_slice_equal(oid, vsa_slice_of(known->oid, known->oid_size)))
            continue;
        if (!known->read)
            fields->not_applied = known->rule;
        else if (known->read(&value, fields) != VSA_OK || !vsa_der_at_end(&value))
            fields->malformed = known->rule;
        return;
    }
}

/* Reads one Extension. */
static enum vsa_status read_extension(struct vsa_der_reader *list, struct vsa_slice *oid,
                                      struct vsa_x509 *fields, struct vsa_error *error)
{
    struct vsa_der_reader extension;
    struct vsa_der_reader value;
    bool critical = false;
    VSA_TRY(vsa_der_enter(list, VSA_DER_SEQUENCE, &extension, error));
    VSA_TRY(vsa_der_read(&extension, VSA_DER_OID, oid, error));
    if (vsa_der_next_is(&extension, VSA_DER_BOOLEAN)) {
        size_t start = extension.offset;
        VSA_TRY(vsa_der_read_boolean(&extension, &critical, error));
        if (!critical)
            return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, start, "X.690 section 11.5",
                               "an extension is said not to be critical, which is the default");
    }
    VSA_TRY(vsa_der_enter(&extension, VSA_DER_OCTET_STRING, &value, error));
    VSA_TRY(vsa_der_finish(&extension, "an extension", error));
    note_criticality(*oid, critical, fields);
    read_value(*oid, value, fields);
    return VSA_OK;
}

enum vsa_status vsa_x509_read_extensions(struct vsa_der_reader *tbs, struct vsa_x509 *fields,
                                         struct vsa_error *error)
{
    struct vsa_slice oids[MAX_EXTENSIONS];
    struct vsa_der_reader tagged;
    struct vsa_der_reader list;
    size_t count = 0;
    VSA_TRY(vsa_der_enter(tbs, VSA_DER_CONTEXT_CONSTRUCTED(3), &tagged, error));
    VSA_TRY(vsa_der_enter(&tagged, VSA_DER_SEQUENCE, &list, error));
    VSA_TRY(vsa_der_finish(&tagged, "the extensions", error));
    do {
        struct vsa_slice oid;
        VSA_TRY(read_extension(&list, &oid, fields, error));
        for (size_t i = 0; i < count; i++)
            if (vsa_slice_equal(oids[i], oid))
                fields->malformed = rule_extensions;
        if (count == MAX_EXTENSIONS)
            fields->malformed = rule_extensions;
        else
            oids[count++] = oid;
    } while (!vsa_der_at_end(&list));
    return VSA_OK;
}
