/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/multibuffer.h"

#ifdef VSA_CRYPTO_MB

#include <stdatomic.h>

#include <crypto_mb/cpu_features.h>
#include <crypto_mb/ec_nistp384.h>

#include "crypto/internal.h"

/* A call costs as much for one as for eight: about as much as so many single checks (bench/). */
#ifdef OPENSSL_IS_AWSLC
#define WORTH_A_CALL 4
#else
#define WORTH_A_CALL 2
#endif

#define FIELD_SIZE 48 /* of P-384, in bytes */
#define LIMBS      6

/* The point of each public key, as crypto_mb takes it: the limb of the lowest value first. */
struct points {
    int64u x[VSA_MULTIBUFFER_LANES][LIMBS];
    int64u y[VSA_MULTIBUFFER_LANES][LIMBS];
};

/* crypto_mb's arguments: a pointer for each lane. */
struct lanes {
    const int8u *r[VSA_MULTIBUFFER_LANES];
    const int8u *s[VSA_MULTIBUFFER_LANES];
    const int8u *digest[VSA_MULTIBUFFER_LANES];
    const int64u *x[VSA_MULTIBUFFER_LANES];
    const int64u *y[VSA_MULTIBUFFER_LANES];
};

bool vsa_multibuffer_available(void)
{
    /* CPUID makes a virtual machine exit, several times. Threads that race find the same. */
    static atomic_int width = -1;
    if (atomic_load_explicit(&width, memory_order_relaxed) < 0)
        atomic_store_explicit(&width, (int)mbx_get_algo_info(MBX_ALGO_ECDSA_NIST_P384),
                              memory_order_relaxed);
    return atomic_load_explicit(&width, memory_order_relaxed) == VSA_MULTIBUFFER_LANES;
}

static void read_number(const uint8_t *bytes, int64u *limbs)
{
    for (size_t i = 0; i < LIMBS; i++) {
        const uint8_t *at = bytes + FIELD_SIZE - 8 * (i + 1);
        limbs[i] = 0;
        for (size_t k = 0; k < 8; k++)
            limbs[i] = limbs[i] << 8 | at[k];
    }
}

/* Reads the point of a key, which libcrypto found to be on the curve: crypto_mb does not. */
static bool read_point(const struct vsa_key *key, int64u *x, int64u *y)
{
    unsigned char *point = NULL;
    size_t size = EVP_PKEY_get1_tls_encodedpoint(key->pkey, &point);
    bool is_point = size == 1 + 2 * FIELD_SIZE && point[0] == 0x04;
    if (is_point) {
        read_number(point + 1, x);
        read_number(point + 1 + FIELD_SIZE, y);
    }
    OPENSSL_free(point);
    ERR_clear_error();
    return is_point;
}

/* Marks those that hold. A lane without a check has no pointers: crypto_mb finds it bad. */
static void check_together(struct vsa_signature_check *const *checks, size_t count)
{
    struct points points;
    struct lanes lanes = {0};
    for (size_t i = 0; i < count; i++) {
        if (!read_point(checks[i]->key, points.x[i], points.y[i]))
            continue;
        lanes.r[i] = checks[i]->signature;
        lanes.s[i] = checks[i]->signature + FIELD_SIZE;
        lanes.digest[i] = checks[i]->digest;
        lanes.x[i] = points.x[i];
        lanes.y[i] = points.y[i];
    }
    mbx_status status =
        mbx_nistp384_ecdsa_verify_mb8(lanes.r, lanes.s, lanes.digest, lanes.x, lanes.y, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        checks[i]->verified = MBX_GET_STS(status, (int)i) == MBX_STATUS_OK;
}

void vsa_multibuffer_add(struct vsa_multibuffer *multibuffer, struct vsa_signature_check *check)
{
    if (vsa_key_curve(check->key) != VSA_CURVE_P384 || !vsa_multibuffer_available())
        return;
    multibuffer->waiting[multibuffer->count++] = check;
    if (multibuffer->count == VSA_MULTIBUFFER_LANES)
        vsa_multibuffer_finish(multibuffer);
}

void vsa_multibuffer_finish(struct vsa_multibuffer *multibuffer)
{
    if (multibuffer->count >= WORTH_A_CALL)
        check_together(multibuffer->waiting, multibuffer->count);
    multibuffer->count = 0;
}

#else

bool vsa_multibuffer_available(void)
{
    return false;
}

void vsa_multibuffer_add(struct vsa_multibuffer *multibuffer, struct vsa_signature_check *check)
{
    (void)multibuffer;
    (void)check;
}

void vsa_multibuffer_finish(struct vsa_multibuffer *multibuffer)
{
    (void)multibuffer;
}

#endif
