/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What --arg, --env and --user are about: the program of --app, or after a --service that service.
 */
#ifndef VSA_ENCLAVE_IMAGE_SERVICES_H
#define VSA_ENCLAVE_IMAGE_SERVICES_H

#include <vsattest/image.h>

/* What a repeatable option collects. */
struct list {
    const char **items;
    size_t count;
};

/* One program of an image. All zero for a start. */
struct program {
    char name[64];
    struct list words, variables;
    bool has_user, has_restart;
    struct vsa_image_service service; /* `program`, in the enclave, is NULL for that of --app */
};

VSA_MUST_USE enum vsa_status list_append(struct list *list, const char *value,
                                         struct vsa_error *error);

void program_free(struct program *program);

/* Reads NAME=/PATH. */
VSA_MUST_USE enum vsa_status program_take_service(struct program *program, const char *value,
                                                  struct vsa_error *error);

/* Reads UID or UID:GID; the group has the user's number by default. */
VSA_MUST_USE enum vsa_status program_take_user(struct program *program, const char *value,
                                               struct vsa_error *error);
VSA_MUST_USE enum vsa_status program_take_restart(struct program *program, const char *value,
                                                  struct vsa_error *error);
VSA_MUST_USE enum vsa_status program_take_socket(struct program *program, const char *value,
                                                 struct vsa_error *error);

/* Returns it as the library takes it; all is borrowed. */
struct vsa_image_service program_service(const struct program *program);

#endif
