/* SPDX-License-Identifier: Apache-2.0 */
/* A software NSM inside a test, and NSM messages in hex. */
#ifndef VSA_TESTS_SOFTWARE_NSM_FIXTURE_H
#define VSA_TESTS_SOFTWARE_NSM_FIXTURE_H

#include "software_nsm/software_nsm.h"

/* 2026-01-03T20:43:20Z */
#define FIXTURE_NOW_MS    INT64_C(1767473000000)
#define FIXTURE_MODULE_ID "i-0123456789abcdef0-enc019b8596b1a9dad6"

/* The bytes of hex digits with spaces anywhere; the buffer is used again 16 calls later. */
struct vsa_slice from_hex(const char *text);

/* A root and an authority of FIXTURE_MODULE_ID under it, made at FIXTURE_NOW_MS. */
struct vsa_authority *fixture_authority(void);

/* PCRs at boot: 0..2 the placeholders, 4 the instance. */
struct vsa_pcr_bank fixture_bank(void);

/* A module over both. `root` gets its root certificate, as DER; free with vsa_software_nsm_free */
struct vsa_software_nsm *fixture_software_nsm(uint8_t root[VSA_MAX_CERTIFICATE], size_t *root_size);

#endif
