/* SPDX-License-Identifier: Apache-2.0 */
#include "proof.h"

#include "base/hex.h"

/* From SIZE hostile characters, into any number of bytes that they may or may not make. */
int main(void)
{
    static uint8_t bytes[SIZE + 1];
    struct vsa_slice text = hostile_input();
    size_t size = choose(0, SIZE + 1);
    int digit = vsa_hex_digit((uint8_t)choose(0, 255));
    //@ assert -1 <= digit <= 15;
    if (vsa_hex_decode(text, bytes, size, NULL) == VSA_OK) {
        /*@ assert 2 * size == SIZE; */
    }
    return digit;
}
