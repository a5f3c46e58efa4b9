/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds an enclave image of a static program and prints PCR0, as a verifier expects it.
 *
 *     build_image KERNEL INIT PROGRAM FILE.eif
 */
#include <stdio.h>

#include <vsattest/image.h>

static int save(const struct vsa_image_parts *parts, const char *path)
{
    FILE *file = fopen(path, "wb");
    size_t written = 0;
    if (!file)
        return -1;
    for (size_t i = 0; i < parts->count; i++)
        written +=
            fwrite(parts->parts[i].data, 1, parts->parts[i].size, file) == parts->parts[i].size;
    return fclose(file) == 0 && written == parts->count ? 0 : -1;
}

static enum vsa_status build(char **argv, struct vsa_error *error)
{
    struct vsa_image_recipe recipe;
    struct vsa_built_image *built = NULL;
    struct vsa_image_parts parts;
    struct vsa_image_measurements measurements;
    vsa_image_recipe_init(&recipe);
    recipe.kernel = argv[1];
    recipe.init = argv[2];
    recipe.program = argv[3];
    enum vsa_status status = vsa_image_build(&recipe, &built, error);
    if (status == VSA_OK)
        status = vsa_image_write_parts(vsa_built_image_get(built), &parts, error);
    if (status == VSA_OK)
        status = vsa_image_measure(vsa_built_image_get(built), &measurements, error);
    if (status == VSA_OK && save(&parts, argv[4]) != 0)
        perror(argv[4]);
    for (size_t i = 0; status == VSA_OK && i < VSA_PCR_SIZE; i++)
        (void)printf("%02x%s", measurements.pcr0[i], i + 1 < VSA_PCR_SIZE ? "" : "\n");
    vsa_built_image_free(built);
    return status;
}

int main(int argc, char **argv)
{
    struct vsa_error error;
    char sentence[512];
    if (argc != 5) {
        (void)fprintf(stderr, "usage: build_image KERNEL INIT PROGRAM FILE.eif\n");
        return 2;
    }
    if (build(argv, &error) == VSA_OK)
        return 0;
    (void)fprintf(stderr, "%s\n", vsa_error_sentence(&error, sentence, sizeof(sentence)));
    return 1;
}
