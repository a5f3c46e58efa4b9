/* SPDX-License-Identifier: Apache-2.0 */
/* src/base/base64.c: SIZE hostile characters, every form, into a buffer of any size up to that. */
#include "proof.h"

#include "base/base64.h"

int main(void)
{
    static uint8_t buffer[SIZE + 1];
    struct vsa_slice bytes;
    struct vsa_slice text = hostile_input();
    size_t capacity = choose(0, sizeof(buffer));
    //@ split capacity;
    (void)!vsa_base64_decode(text, (unsigned)choose(0, 7), buffer, capacity, &bytes, NULL);
    return 0;
}
