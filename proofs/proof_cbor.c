/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cbor/reader.c: every function, from every reader that stands in or at the end of SIZE hostile
 * bytes, leaves it there, and reads nothing else.
 */
#include "proof.h"

#include "cases/cbor/reader.c"

static struct vsa_cbor_reader reader;
static struct level level;

#define STANDS(reader) ((reader)->offset <= (reader)->input.size)

/* Of vsa_cbor_skip() the two steps are proved alone, and then what it does with them. */

/*@ requires reader->offset <= SIZE;
    assigns reader->offset, *level, *opened, \result \from reader->offset;
    ensures reader->offset <= SIZE;
    ensures *opened == 0 || *opened == 1; */
static enum vsa_status skip_or_open(struct vsa_cbor_reader *reader, struct level *level,
                                    bool *opened, struct vsa_error *error);

/*@ requires reader->offset <= SIZE;
    assigns reader->offset, *level, *more, \result \from reader->offset;
    ensures reader->offset <= SIZE;
    ensures *more == 0 || *more == 1; */
static enum vsa_status next_item(struct vsa_cbor_reader *reader, struct level *level, bool *more,
                                 struct vsa_error *error);

/* Any level that is open: some keys were met, each somewhere in the input. */
static void make_level(void)
{
    level.is_map = choose(0, 1);
    level.array.indefinite = choose(0, 1);
    level.array.remaining = choose(0, SIZE);
    level.map.indefinite = choose(0, 1);
    level.map.remaining = choose(0, SIZE);
    level.map.key_count = choose(0, VSA_MAX_CBOR_MAP);
    for (size_t i = 0; i < VSA_MAX_CBOR_MAP; i++) {
        struct vsa_cbor_key *key = &level.map.keys[i];
        key->type = (enum vsa_cbor_type)choose(VSA_CBOR_UNSIGNED, VSA_CBOR_TEXT);
        key->integer = Frama_C_long_long_interval(INT64_MIN, INT64_MAX);
        key->encoded_size = 1; /* only the newest key's is read */
        key->text = vsa_slice_of(input + 1, choose(0, SIZE));
    }
}

int main(void)
{
    struct vsa_slice slice;
    struct vsa_cbor_array array;
    size_t count = 0;
    uint64_t number = 0;
    int64_t integer = 0;
    bool answer = false;
    make_level();
    reader = vsa_cbor_reader_of(hostile_input());
    reader.any_form = choose(0, 1);
    reader.offset = choose(0, SIZE);
    //@ split reader.offset;
    switch (OP) {
    case 0:
        (void)!vsa_cbor_read_unsigned(&reader, &number, NULL);
        break;
    case 1:
        (void)!vsa_cbor_read_integer(&reader, &integer, NULL);
        break;
    case 2:
        if (vsa_cbor_read_bytes(&reader, &slice, NULL) == VSA_OK) {
            //@ assert slice.size <= SIZE;
            //@ assert slice.size == 0 || \valid_read(slice.data + (0 .. slice.size - 1));
        }
        break;
    case 3:
        (void)!vsa_cbor_read_text(&reader, &slice, NULL);
        break;
    case 4:
        (void)!vsa_cbor_read_boolean(&reader, &answer, NULL);
        break;
    case 5:
        (void)!vsa_cbor_read_optional_null(&reader, &answer, NULL);
        break;
    case 6:
        if (vsa_cbor_read_array(&reader, &count, NULL) == VSA_OK) {
            //@ assert count <= SIZE;
        }
        break;
    case 7:
        (void)!vsa_cbor_read_tag(&reader, &number, NULL);
        break;
    case 8:
        (void)!vsa_cbor_finish(&reader, "", NULL);
        break;
    case 9:
        (void)!vsa_cbor_open_array(&reader, &array, NULL);
        break;
    case 10:
        (void)!vsa_cbor_next_item(&reader, &level.array);
        break;
    case 11:
        (void)!vsa_cbor_open_map(&reader, (enum vsa_cbor_map_form)choose(0, 1), &level.map, NULL);
        break;
    case 12:
        (void)!vsa_cbor_next_entry(&reader, &level.map, &answer, NULL);
        //@ assert level.map.key_count <= VSA_MAX_CBOR_MAP;
        break;
    case 13:
        (void)!skip_or_open(&reader, &level, &answer, NULL);
        break;
    case 14:
        (void)!next_item(&reader, &level, &answer, NULL);
        break;
    case 15:
        (void)!vsa_cbor_skip(&reader, NULL);
        break;
    default:
        break;
    }
    //@ assert reader.offset <= SIZE;
    return 0;
}
