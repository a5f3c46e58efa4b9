/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_X509_PARSE_H
#define VSA_X509_PARSE_H

#include "x509/fields.h"

/*
 * Reads exactly one DER certificate; `fields` borrows it. Whether `point` is on the curve is not
 * checked. Errors: VSA_ERR_CERTIFICATE_SYNTAX (also for a time that does not exist),
 * VSA_ERR_TRAILING_BYTES.
 */
VSA_MUST_USE enum vsa_status vsa_x509_parse(struct vsa_slice der, struct vsa_x509 *fields,
                                            struct vsa_error *error);

#endif
