/* SPDX-License-Identifier: Apache-2.0 */
/* Signature checks, eight at a time, in builds that have crypto_mb. */
#include "unit_test.h"

#include <string.h>

#include "base/hex.h"
#include "base/slice.h"
#include "crypto/multibuffer.h"
#include "failing_libcrypto.h"
#include "signature_lane.h"
#include "slow_tool.h"

#define LANES VSA_MULTIBUFFER_LANES

static void need_lanes(void)
{
    if (!vsa_multibuffer_available())
        SKIP_BECAUSE("this CPU has no AVX-512 IFMA");
}

static void make_lanes(struct lane *lanes, size_t count)
{
    need_lanes();
    for (size_t i = 0; i < count; i++)
        lane_set_up(&lanes[i], VSA_CURVE_P384, (uint8_t)i);
}

static void free_lanes(struct lane *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        vsa_key_free(lanes[i].key);
}

/* Whatever eight at a time marks as verified is good, and what it leaves is found out singly. */
static void run_together(struct lane *lanes, size_t count, const bool *good)
{
    struct vsa_multibuffer multibuffer = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        lane_prepare(&lanes[i]);
        vsa_multibuffer_add(&multibuffer, &lanes[i].check);
    }
    vsa_multibuffer_finish(&multibuffer);
    for (size_t i = 0; i < count; i++) {
        bool full = i / LANES < count / LANES;
        if (!good[i])
            assert_false(lanes[i].check.verified);
        else if (full)
            assert_true(lanes[i].check.verified);
        assert_int_equal(vsa_signature_check_run(&lanes[i].check, NULL),
                         good[i] ? VSA_OK : VSA_ERR_SIGNATURE);
    }
}

static void every_subset_of_bad_lanes(void **state)
{
    (void)state;
    struct lane lanes[LANES];
    make_lanes(lanes, LANES);
    for (unsigned subset = 0; subset < 1u << LANES; subset += slow_tool_step() == 1 ? 1 : 37) {
        bool good[LANES];
        for (unsigned i = 0; i < LANES; i++) {
            good[i] = !(subset & 1u << i);
            lanes[i].signature[i * 11] ^= good[i] ? 0 : 0x40;
        }
        run_together(lanes, LANES, good);
        for (unsigned i = 0; i < LANES; i++)
            lanes[i].signature[i * 11] ^= good[i] ? 0 : 0x40;
    }
    free_lanes(lanes, LANES);
}

/* Another curve's check is left, and moves none of the others to another lane. */
static void other_curves_in_between(void **state)
{
    (void)state;
    struct vsa_multibuffer multibuffer = {.count = 0};
    struct lane lanes[2 * LANES];
    need_lanes();
    for (uint8_t i = 0; i < 2 * LANES; i++) {
        enum vsa_curve other = i % 4 == 1 ? VSA_CURVE_P256 : VSA_CURVE_P521;
        lane_set_up(&lanes[i], i % 2 ? other : VSA_CURVE_P384, i);
        lane_prepare(&lanes[i]);
        vsa_multibuffer_add(&multibuffer, &lanes[i].check);
    }
    vsa_multibuffer_finish(&multibuffer);
    for (size_t i = 0; i < 2 * LANES; i++) {
        assert_int_equal(lanes[i].check.verified, i % 2 == 0);
        assert_int_equal(vsa_signature_check_run(&lanes[i].check, NULL), VSA_OK);
        vsa_key_free(lanes[i].key);
    }
}

/* A signature of one lane is not good for the key or the message of another. */
static void lanes_are_not_exchanged(void **state)
{
    (void)state;
    struct lane lanes[LANES];
    struct lane own[LANES];
    make_lanes(lanes, LANES);
    for (size_t i = 0; i < LANES; i++)
        lane_prepare(&lanes[i]);
    memcpy(own, lanes, sizeof(own));
    for (size_t i = 0; i < LANES; i++) {
        struct vsa_multibuffer multibuffer = {.count = 0};
        for (size_t k = 0; k < LANES; k++) {
            struct vsa_signature_check *check = &lanes[k].check;
            const struct vsa_signature_check *other = &own[(k + i) % LANES].check;
            *check = own[k].check;
            if (k % 3 == 0)
                check->key = other->key;
            else if (k % 3 == 1)
                memcpy(check->signature, other->signature, sizeof(check->signature));
            else
                memcpy(check->digest, other->digest, sizeof(check->digest));
            vsa_multibuffer_add(&multibuffer, check);
        }
        vsa_multibuffer_finish(&multibuffer);
        for (size_t k = 0; k < LANES; k++)
            assert_int_equal(lanes[k].check.verified, i == 0);
    }
    free_lanes(lanes, LANES);
}

static void any_number(void **state)
{
    (void)state;
    struct lane lanes[2 * LANES + 1];
    bool good[2 * LANES + 1];
    make_lanes(lanes, 2 * LANES + 1);
    for (size_t i = 0; i < 2 * LANES + 1; i++) {
        good[i] = i % 5 != 3;
        lanes[i].signature[50] ^= good[i] ? 0 : 1;
    }
    for (size_t count = 0; count <= 2 * LANES + 1; count++)
        run_together(lanes, count, good);
    free_lanes(lanes, 2 * LANES + 1);
}

/* r and s of zero, of n and beyond: no value that arithmetic modulo n would take for another. */
static void numbers_out_of_range(void **state)
{
    (void)state;
    struct lane lanes[LANES];
    bool good[LANES] = {false, false, false, false, false, false, true, true};
    make_lanes(lanes, LANES);
    memset(lanes[0].signature, 0, 48);
    memset(lanes[1].signature + 48, 0, 48);
    memcpy(lanes[2].signature, lane_order, 48);
    memcpy(lanes[3].signature + 48, lane_order, 48);
    memset(lanes[4].signature, 0xff, 96);
    memset(lanes[5].signature, 0, 96);
    run_together(lanes, LANES, good);
    free_lanes(lanes, LANES);
}

/* A digest that is 0 or n, which crypto_mb refuses: the single check decides. */
static void digests_of_every_value(void **state)
{
    (void)state;
    struct lane lanes[LANES];
    struct vsa_multibuffer multibuffer = {.count = 0};
    make_lanes(lanes, LANES);
    for (size_t i = 0; i < LANES; i++) {
        lane_prepare(&lanes[i]);
        memset(lanes[i].check.digest, i % 2 ? 0xff : 0, VSA_MAX_SIGNED_DIGEST);
        vsa_multibuffer_add(&multibuffer, &lanes[i].check);
    }
    vsa_multibuffer_finish(&multibuffer);
    for (size_t i = 0; i < LANES; i++) {
        assert_false(lanes[i].check.verified);
        assert_int_equal(vsa_signature_check_run(&lanes[i].check, NULL), VSA_ERR_SIGNATURE);
    }
    free_lanes(lanes, LANES);
}

/* What random signatures never meet, for one would have to solve for it: u1 G + u2 Q is the sum. */
static const struct rare {
    const char *point; /* Q: x and y */
    const char *digest;
    const char *signature;
    bool verified; /* by crypto_mb; false: it may leave what is good */
    enum vsa_status status;
} rare_ones[LANES] = {
    {/* u1 G = u2 Q: the sum is a doubling */
     "f6ddd60063b3ecb8ef18ffcd9ea618af51e7f5a08262482ab556552e7bce88e165a467f47537ad6b"
     "94e72ed9d3916359bee33eead715eb6532b672eca158e6fd51c43c31f1c6313dc755d027735a939d"
     "34859695d8c3f53e2cc418ae8314dd2a",
     "2dc9e334eea6d3659d796d1bd0032c250e6dd3ff097c2e12f7f916940b5bc9d27c56a8fe1615c604"
     "d920976cf0203f95",
     "91196bc58e5ffc0a791f6392c992403eb17c009ca6beca3855ee5fd097293a5bcb701c07da47f119"
     "3985e12825f98efbb1ed1315a8213102bba79dde3e6c7406b1407d90182f986ebb314d5d5be0bbcd"
     "07dfd9cc8fca3fa07ae7596d00e1f375",
     true, VSA_OK},
    {/* u1 G = -u2 Q: the sum is no point, and no r is its x */
     "fed5b404e17668857fcfe15387e055f5fc4ff42283f580b42f396f4f5f2dd5a5d25767753d7a8190"
     "7155b3f54c60ea0131e47db60a41d5cdbd4680430519c85956351b0258c0e260d3a6a429f43e5cfa"
     "4042f61578dba930bfdf269c4de55b3f",
     "396fa1553743d22905512786d79e906dffea350cc1115e0a5fcdfe506cd1df9d8265579ec2f1ccfa"
     "8aa625c0b765e7ee",
     "000000000000000000000000000000000000000000000000389cb27e0bc8d21fa7e5f24cb74f5885"
     "1313e696333ad68c30cf6720a4998f10cadbea47fbe1c76d77652e67b39cb0f5020f5eb4767eb241"
     "8278d2a02613b9584cec62586da250e6",
     false, VSA_ERR_SIGNATURE},
    {/* x of the sum is 0, which r must not be; p - n would be x modulo n of a sum left at p */
     "225751bfaba75da5050df26cead2a01206459b2c9e7eeb9ac356a474c8ca7f1228751120a0a3dbe4"
     "af9a84134a2b3f562cfc81f6ceb72e76903ca100f031fab688d9486dd2e2c2ca9897f987fdd3d3a4"
     "5e3195a456fba16b235b813de8fb5bde",
     "fd7808b8c55eace7d9d583c18591c076b99dc149a2597d1c303e15bd5b870620c0d5ea4c29ded0c3"
     "a8916f201b13ea5d",
     "000000000000000000000000000000000000000000000000389cb27e0bc8d21fa7e5f24cb74f5885"
     "1313e696333ad68cb8143b83599b36ded6190cdf71c06897f1dbeb0af8cbd545a408b817e3a7dc86"
     "797c555302e7f9b824a8436518c7114e",
     false, VSA_ERR_SIGNATURE},
    {/* x of the sum is beyond the order: r is x - n */
     "aa205ebaea28502cb00a422589684ef1470194e0bf1f5871b105e5fc824c640526cfe6ced0a7547a"
     "e6ea2918d1654dedfd94960d644064e588d41f13a8c1feeb65d7ca1b3bbcd2c572b2c940e5046fa0"
     "77fbf013fb44175bf22e027368199439",
     "0f34b56e48fc73b58a14fc6fe0d369262ff11ba685c4dc831b5c67754e0e443c1b4d9236bcb5c904"
     "aa5b5e87522f1932",
     "00000000000000000000000000000000000000000000000001d01fc6e4abfa18a2fe068b3b133f2b"
     "3cf1db95283e7d896a0533aff973e7ec231c760e132f201e05294ff974f67d9ccd46fcf9a05495ae"
     "97e4906d219caddd53aba185c238cd66",
     true, VSA_OK},
    {/* u2 = n - 6: its last window of four bits adds -3 Q to -3 Q */
     "8431700a1abd6fe4206054e3aa62414541c31d2d4e4b6641d49e19ba783b8a0ae84e7d1ddfef43e5"
     "e55eb3961d3e9c73b03b071bf29c75ea7c9e1345f24f8b7a61d5cb9028486949939fc6224b0a27f0"
     "5822745285a2ff26bfe72823a9ae3d37",
     "cd66bbe7120b8836a203ba6861226d210c667e5e2bf50fd230a3d3e0d87c93bc6bdb146b28eaf13d"
     "2df194b09c22ad91",
     "7d0631b51843fec630b400a603eb3775210d3f922def085785cb58d660239fb1eae8caff7c33d567"
     "6a21fded60f47bbd15d44d0c7bf4aadef7e1ffe454ae216c7a7dcabcf8582946b5995371ee03425c"
     "e78835c8776a230340770494e74d7249",
     true, VSA_OK},
    {/* x of Q is beyond p in the form that crypto_mb calculates with */
     "0000000600000014000000140000000c00000002fffffffcfffffffafffffffbfffffff7ffffffe5"
     "ffffffd8ffffffe72f48b4b70926fd3c4f1c00d512ad6ed5fb4632c87047d67c239f61f6ab72a499"
     "7cfef4a3fa0d8b6dd5763c59c57c942f",
     "065f278509f4b734ca20c9d41b0439b151376b074d52c80dbac7b7d54338abdf803d9af974cf2a2c"
     "6d8293bf50b93f63",
     "20f28792ca29e5f535721f57169ede1b694a507a43e310aeef4165ee79364ae1ae03f0d1bdbe2773"
     "e955cf0c924f7eb0d5ef3f6eddb9b5a85e6fed0f2f24b79c764b61e9371400fdcd882ee0379246c9"
     "ae9b4dcb65a64fcc460464b5178ab01d",
     true, VSA_OK},
    {/* Q = -G, and tiny factors */
     "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c"
     "3a545e3872760ab7c9e821b569d9d390a26167406d6d23d6070be242d765eb831625ceec4a0f473e"
     "f59f4e30e2817e6285bce2846f15f1a0",
     "550f94457d160a6f1d638e3de6415ae8dc3a76c5174f3730ec8b363f1071269151ebd70935f9ab5d"
     "87bca3061826ebfb",
     "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c"
     "3a545e3872760ab7aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38"
     "5502f25dbf55296c3a545e3872760ab7",
     true, VSA_OK},
    {/* x of Q is 0: crypto_mb takes it for no key */
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000c306610fb0ae5a159cf45c06069f22a6c5eb3641c602d42dea2c4b4f75550793"
     "406d80d2b91ad54f9048bd487af1ade1",
     "1d3fb6b2c0e3973ed6e2de4607dd8af5a0484cb7e2dd1802a9718e6452c1606fbd5c339f58bac638"
     "3127081bf64d9f6e",
     "12fa465e942308063b6416822cbfa939697baac4e1cc57ef97018bd2eba1b1f4da8744e1233f8ced"
     "d041c2aa30d69d2fa6c2108b2b25a04e859983496e7a6255e22e488dd9d67ce7adff313adaf34859"
     "e41fc5e4fe806a5390ad37b30009923b",
     false, VSA_OK},
};

static void decode(const char *hex, uint8_t *bytes, size_t size)
{
    assert_int_equal(vsa_hex_decode(vsa_slice_of_text(hex), bytes, size, NULL), VSA_OK);
}

/* Returns the key of a check that it sets up, for the caller to free. */
static struct vsa_key *set_up_rare(struct vsa_signature_check *check, const struct rare *rare)
{
    uint8_t point[97] = {0x04};
    struct vsa_key *key = NULL;
    decode(rare->point, point + 1, 96);
    assert_int_equal(
        vsa_key_from_point(VSA_CURVE_P384, vsa_slice_of(point, sizeof(point)), NULL, &key, NULL),
        VSA_OK);
    *check = (struct vsa_signature_check){.key = key};
    decode(rare->digest, check->digest, 48);
    decode(rare->signature, check->signature, 96);
    return key;
}

static void sums_that_are_rare(void **state)
{
    (void)state;
    struct vsa_signature_check checks[LANES];
    struct vsa_key *keys[LANES];
    need_lanes();
    for (size_t i = 0; i < LANES; i++)
        keys[i] = set_up_rare(&checks[i], &rare_ones[i]);
    for (size_t first = 0; first < LANES; first++) {
        struct vsa_multibuffer multibuffer = {.count = 0};
        for (size_t i = 0; i < LANES; i++) {
            checks[i].verified = false;
            vsa_multibuffer_add(&multibuffer, &checks[(first + i) % LANES]);
        }
        vsa_multibuffer_finish(&multibuffer);
        for (size_t i = 0; i < LANES; i++) {
            if (rare_ones[i].verified)
                assert_true(checks[i].verified);
            if (rare_ones[i].status != VSA_OK)
                assert_false(checks[i].verified);
            checks[i].verified = false;
            assert_int_equal(vsa_signature_check_run(&checks[i], NULL), rare_ones[i].status);
        }
    }
    for (size_t i = 0; i < LANES; i++)
        vsa_key_free(keys[i]);
}

static bool libcrypto_can_fail;

/* A key whose point cannot be read, for want of memory, leaves its own check, and no other. */
static void memory_is_short(void **state)
{
    (void)state;
    if (!libcrypto_can_fail)
        SKIP_BECAUSE("libcrypto keeps its memory, or crashes without");
    struct lane lanes[LANES];
    make_lanes(lanes, LANES);
    lanes[3].signature[95] ^= 1;
    bool failed = true;
    for (int after = 0; failed; after++) {
        struct vsa_multibuffer multibuffer = {.count = 0};
        size_t verified = 0;
        assert_in_range(after, 0, 2000);
        for (size_t i = 0; i < LANES; i++)
            lane_prepare(&lanes[i]);
        failing_libcrypto_after(after, true);
        for (size_t i = 0; i < LANES; i++)
            vsa_multibuffer_add(&multibuffer, &lanes[i].check);
        failed = failing_libcrypto_end();
        assert_false(lanes[3].check.verified);
        for (size_t i = 0; i < LANES; i++)
            verified += lanes[i].check.verified;
        assert_in_range(verified, failed ? LANES - 2 : LANES - 1, LANES - 1);
        assert_true(after > 0 || verified == LANES - 2);
    }
    free_lanes(lanes, LANES);
}

int main(void)
{
    libcrypto_can_fail = failing_libcrypto_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_subset_of_bad_lanes), cmocka_unit_test(other_curves_in_between),
        cmocka_unit_test(lanes_are_not_exchanged),   cmocka_unit_test(any_number),
        cmocka_unit_test(numbers_out_of_range),      cmocka_unit_test(digests_of_every_value),
        cmocka_unit_test(sums_that_are_rare),        cmocka_unit_test(memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
