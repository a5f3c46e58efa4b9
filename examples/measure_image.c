/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the measurements of an enclave image, as a verifier expects them.
 *
 *     measure_image FILE.eif
 */
#include <stdio.h>
#include <stdlib.h>

#include <vsattest/image.h>

#define LARGEST (256 * 1024 * 1024)

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(LARGEST);
    if (!file || !bytes) {
        free(bytes);
        if (file)
            (void)fclose(file);
        return NULL;
    }
    *size = fread(bytes, 1, LARGEST, file);
    (void)fclose(file);
    return bytes;
}

static void print_pcr(const char *name, const uint8_t value[VSA_PCR_SIZE])
{
    (void)printf("%s ", name);
    for (size_t i = 0; i < VSA_PCR_SIZE; i++)
        (void)printf("%02x", value[i]);
    (void)putchar('\n');
}

static enum vsa_status measure(struct vsa_slice bytes, struct vsa_error *error)
{
    struct vsa_image image;
    struct vsa_image_measurements measurements;
    enum vsa_status status = vsa_image_parse(bytes, &image, error);
    if (status == VSA_OK)
        status = vsa_image_measure(&image, &measurements, error);
    if (status != VSA_OK)
        return status;
    print_pcr("PCR0", measurements.pcr0);
    print_pcr("PCR1", measurements.pcr1);
    print_pcr("PCR2", measurements.pcr2);
    if (measurements.is_signed)
        print_pcr("PCR8", measurements.pcr8);
    return VSA_OK;
}

int main(int argc, char **argv)
{
    size_t size = 0;
    uint8_t *bytes = argc == 2 ? read_file(argv[1], &size) : NULL;
    if (!bytes) {
        (void)fprintf(stderr, "usage: measure_image FILE.eif\n");
        return 2;
    }
    struct vsa_error error;
    char sentence[512];
    enum vsa_status status = measure(vsa_slice_of(bytes, size), &error);
    free(bytes);
    if (status == VSA_OK)
        return 0;
    (void)fprintf(stderr, "%s\n", vsa_error_sentence(&error, sentence, sizeof(sentence)));
    return 1;
}
