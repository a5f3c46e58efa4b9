/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_X509_EXTENSIONS_H
#define VSA_X509_EXTENSIONS_H

#include "der/reader.h"
#include "x509/fields.h"

/*
 * Reads [3] EXPLICIT Extensions (RFC 5280 section 4.1.2.9) into `fields`. An extension whose value
 * is wrong, or which stands twice, is noted there: `malformed`. Errors: VSA_ERR_CERTIFICATE_SYNTAX.
 */
VSA_MUST_USE enum vsa_status vsa_x509_read_extensions(struct vsa_der_reader *tbs,
                                                      struct vsa_x509 *fields,
                                                      struct vsa_error *error);

#endif
