/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/der/reader.c: every function but vsa_der_skip()'s loop, from every reader whose elements lie
 * in SIZE hostile bytes, leaves it inside them, and reads nothing else.
 */
#include "proof.h"

#include <time.h>

/* libc's; its argument is a time of the years 0 to 9999. */
/*@ requires \valid(tm);
    assigns \result \from *tm;
    ensures -62167219200 <= \result <= 253402300799; */
time_t timegm(struct tm *tm);

#include "cases/der/reader.c"

static struct vsa_der_reader reader;

/* Proved alone, as case 11. */
/*@ requires set.offset <= set.end <= SIZE;
    assigns \result \from set.offset; */
static enum vsa_status check_order(struct vsa_der_reader set, struct vsa_error *error);

int main(void)
{
    struct vsa_slice slice;
    struct vsa_der_reader inside;
    bool answer = false;
    uint32_t number = 0;
    unsigned unused = 0;
    int64_t time = 0;
    unsigned tag = (unsigned)choose(0, 255);
    reader = vsa_der_reader_of(hostile_input());
    reader.end = choose(0, SIZE);
    reader.offset = choose(0, SIZE);
    if (OP < 12) {
        //@ split reader.end;
        //@ split reader.offset;
        if (reader.offset > reader.end)
            return 0;
    }
    switch (OP) {
    case 0:
        answer = vsa_der_next_is(&reader, tag) || vsa_der_at_end(&reader);
        break;
    case 1:
        (void)!vsa_der_read(&reader, tag, &slice, NULL);
        break;
    case 2:
        (void)!vsa_der_read_as(&reader, tag, (enum vsa_der_tag)choose(0, 31), &slice, NULL);
        break;
    case 3:
        if (vsa_der_enter(&reader, tag, &inside, NULL) == VSA_OK) {
            //@ assert inside.offset <= inside.end <= SIZE;
        }
        break;
    case 4:
        (void)!vsa_der_finish(&reader, "", NULL);
        break;
    case 5:
        (void)!vsa_der_read_boolean(&reader, &answer, NULL);
        break;
    case 6:
        (void)!vsa_der_read_unsigned(&reader, (uint32_t)choose(0, UINT32_MAX), &number, NULL);
        break;
    case 7:
        (void)!vsa_der_read_bits(&reader, &slice, &unused, NULL);
        break;
    case 8:
        (void)!vsa_der_read_named_bits(&reader, tag, (unsigned)choose(0, 32), &number, NULL);
        break;
    case 9:
        (void)!vsa_der_read_time(&reader, &time, NULL);
        break;
    case 10:
        (void)!step(&reader, &answer, NULL);
        break;
    case 11:
        (void)!check_order(reader, NULL);
        break;
    case 12:
        (void)read_time(VSA_DER_UTC_TIME, reader.input, &time);
        break;
    case 13:
        (void)read_time(VSA_DER_GENERALIZED_TIME, reader.input, &time);
        break;
    default:
        break;
    }
    //@ assert OP >= 12 || reader.offset <= reader.end <= SIZE;
    return 0;
}
