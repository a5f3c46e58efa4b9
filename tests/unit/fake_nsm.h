/* SPDX-License-Identifier: Apache-2.0 */
/* An NSM without a module: does what the test wants, in the thread that calls it. */
#ifndef VSA_TESTS_FAKE_NSM_H
#define VSA_TESTS_FAKE_NSM_H

#include <stdbool.h>

#include <vsattest/nsm.h>

#define FAKE_NSM_MODULE_ID "i-0123456789abcdef0-enc0123456789abcdef"

/* Set before the NSM is used by another thread. Zeroed: its documents are the user data. */
struct fake_nsm {
    enum vsa_status status; /* of exchanges; then there is no answer */
    bool refuses;           /* InvalidOperation */
    int exchanges;
    int attestations;
};

/* NULL when memory is short. It uses `fake`, and is the caller's to free. */
struct vsa_nsm *fake_nsm_open(struct fake_nsm *fake);

#endif
