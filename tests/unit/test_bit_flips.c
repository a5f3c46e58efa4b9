/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every single-bit flip of a document is refused. Each flip meets a verifier that has the genuine
 * chain in its cache, as a service would: an attacker gets no more than that. Most flips end in
 * parsing or before a root that is not trusted, the others at a signature.
 *
 * Under a slow tool (slow_tool.h) a fixed subset stands for all: every bit of the envelope,
 * then every 31st bit (31 is prime to 8, so that all bit positions take part).
 */
#include "unit_test.h"

#include <pthread.h>
#include <string.h>

#include "forge.h"
#include "slow_tool.h"

#define SLOW_STEP 31
/* The envelope in front of the payload. */
#define HEAD 16

static struct forge forge;

#define THREADS      2
#define NO_BIT       SIZE_MAX
#define DOCUMENT_MAX 8192

/* One thread's share: every THREADSth bit, on its own copy of the document. */
struct share {
    struct vsa_verifier *verifier; /* shared */
    uint8_t bytes[DOCUMENT_MAX];
    size_t size;
    size_t first;
    bool slow;
    size_t accepted; /* a bit whose flip was accepted, or NO_BIT */
    size_t tried;
    size_t by_class[VSA_CLASS_INTERNAL + 1];
};

static enum vsa_status verify(struct share *share)
{
    /* The most lenient policy there is: nothing but the cryptography stands in the way. */
    struct vsa_policy policy;
    struct vsa_claims claims;
    vsa_policy_init(&policy);
    policy.allow_debug = true;
    policy.max_age_ms = INT64_MAX;
    policy.max_skew_ms = INT64_MAX;
    return vsa_verify(share->verifier, vsa_slice_of(share->bytes, share->size), &policy,
                      FORGE_NOW_MS, &claims, NULL);
}

static void flip(struct share *share, size_t bit)
{
    share->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    enum vsa_status status = verify(share);
    share->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    if (status == VSA_OK)
        share->accepted = bit;
    share->by_class[vsa_status_class(status)]++;
    share->tried++;
}

static void *flip_share(void *argument)
{
    struct share *share = argument;
    size_t bits = 8 * share->size;
    for (size_t bit = share->first; bit < bits; bit += THREADS) {
        bool envelope = bit < 8 * HEAD;
        if (!share->slow || envelope || bit % SLOW_STEP == 0)
            flip(share, bit);
    }
    return NULL;
}

static struct share shares[THREADS];

static void start(struct share *share, pthread_t *thread, struct vsa_verifier *verifier,
                  struct vsa_slice document, bool slow)
{
    memset(share, 0, sizeof(*share));
    share->verifier = verifier;
    share->accepted = NO_BIT;
    share->first = (size_t)(share - shares);
    share->slow = slow;
    share->size = document.size;
    assert_true(document.size <= sizeof(share->bytes));
    memcpy(share->bytes, document.data, document.size);
    assert_int_equal(verify(share), VSA_OK);
    assert_int_equal(pthread_create(thread, NULL, flip_share, share), 0);
}

static void flip_all(bool slow)
{
    struct vsa_slice document = forge_build(&forge);
    struct vsa_verifier *verifier = vsa_verifier_new();
    pthread_t threads[THREADS];
    size_t tried = 0;
    size_t by_class[VSA_CLASS_INTERNAL + 1] = {0};
    assert_non_null(verifier);
    assert_int_equal(vsa_verifier_add_root(verifier, forge_genuine_root(&forge), NULL), VSA_OK);
    for (size_t i = 0; i < THREADS; i++)
        start(&shares[i], &threads[i], verifier, document, slow);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (shares[i].accepted != NO_BIT)
            fail_msg("accepted with bit %zu of byte %zu flipped", shares[i].accepted % 8,
                     shares[i].accepted / 8);
        /* Undone, it verifies: the flips were all there was. */
        assert_int_equal(verify(&shares[i]), VSA_OK);
        tried += shares[i].tried;
        for (size_t class = 0; class <= VSA_CLASS_INTERNAL; class ++)
            by_class[class] += shares[i].by_class[class];
    }
    print_message("# %zu of %zu flips: syntax %zu, format %zu, trust %zu, limit %zu\n", tried,
                  8 * document.size, by_class[VSA_CLASS_SYNTAX], by_class[VSA_CLASS_FORMAT],
                  by_class[VSA_CLASS_TRUST], by_class[VSA_CLASS_LIMIT]);
    /* Policy is never what refuses here: a flip that came so far would have been believed. */
    assert_int_equal(by_class[VSA_CLASS_POLICY] + by_class[VSA_CLASS_INTERNAL], 0);
    assert_true(tried > 400 && (shares[0].slow || tried == 8 * document.size));
    vsa_verifier_free(verifier);
}

static void document_with_all_fields(void **state)
{
    (void)state;
    forge_reset(&forge);
    flip_all(is_slow_tool());
}

/* The form of 2025 and later, with null optionals, and the tag: the subset is enough here. */
static void tagged_indefinite_document(void **state)
{
    (void)state;
    forge_reset(&forge);
    forge.cose.before = "d2";
    forge.payload_head = "bf";
    forge.payload_end = "ff";
    forge_set(&forge, FORGE_FIELD_PUBLIC_KEY, "f6");
    forge_set(&forge, FORGE_FIELD_USER_DATA, "f6");
    forge_set(&forge, FORGE_FIELD_NONCE, "f6");
    /* As little as possible besides: one PCR and two certificates. */
    forge.pcr_count = 1;
    forge_set_levels(&forge, 2);
    flip_all(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_with_all_fields),
        cmocka_unit_test(tagged_indefinite_document),
    };
    return cmocka_run_group_tests_name("bit_flips", tests, NULL, NULL);
}
