/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enclave image files (EIF): build, read, check, measure, sign and write them.
 *
 * An image has a header and up to 32 sections: a kernel, its command line, ramdisks, metadata
 * (JSON) and perhaps a signature. Its measurements are what a verifier expects as PCR0, 1, 2 and 8.
 *
 * Sources: AWS Nitro Enclaves image format ("AWS EIF" in rule texts), README and src/defs; the
 * measurements are cross-checked with qemu hw/core/eif.c.
 * Example: examples/measure_image.c
 */
#ifndef VSATTEST_IMAGE_H
#define VSATTEST_IMAGE_H

#include <stdbool.h>

#include <vsattest/base.h>
#include <vsattest/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Versions that can be read and written; 3 brought the signature, 4 the metadata. */
#define VSA_IMAGE_OLDEST_VERSION  2
#define VSA_IMAGE_CURRENT_VERSION 4

enum vsa_image_section_type {
    VSA_IMAGE_KERNEL = 1,
    VSA_IMAGE_CMDLINE = 2,
    VSA_IMAGE_RAMDISK = 3,
    VSA_IMAGE_SIGNATURE = 4,
    VSA_IMAGE_METADATA = 5,
};

enum vsa_image_architecture { VSA_IMAGE_X86_64 = 0, VSA_IMAGE_AARCH64 = 1 };

struct vsa_image_section {
    enum vsa_image_section_type type;
    struct vsa_slice data; /* borrowed, at least one byte */
};

/*
 * One image. Filled by vsa_image_parse(); or by the caller, beginning with vsa_image_init(), to be
 * written. All slices are borrowed.
 */
struct vsa_image {
    uint16_t version;
    enum vsa_image_architecture architecture;
    uint64_t default_memory; /* bytes; a hint that nitro-cli does not use */
    uint64_t default_cpus;   /* as above */
    size_t section_count;
    struct vsa_image_section sections[VSA_MAX_IMAGE_SECTIONS]; /* in file order */
};

/* Returns "kernel", "cmdline", "ramdisk", "signature", "metadata", static; "unknown" for others. */
VSA_PUBLIC const char *vsa_image_section_name(enum vsa_image_section_type type);

/*
 * Initializes an image without sections:
 * version 4, x86_64, 1 GiB and 2 CPUs as AWS's builder writes.
 */
VSA_PUBLIC void vsa_image_init(struct vsa_image *image);

/*
 * Adds a section at the end; AWS's order is kernel, cmdline, metadata, ramdisks, signature.
 * Errors: VSA_ERR_IMAGE when there are VSA_MAX_IMAGE_SECTIONS already.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_image_add(struct vsa_image *image,
                                                      enum vsa_image_section_type type,
                                                      struct vsa_slice data,
                                                      struct vsa_error *error);

/* Returns the data of the first section of this type, absent (data NULL) when there is none. */
VSA_PUBLIC struct vsa_slice vsa_image_find(const struct vsa_image *image,
                                           enum vsa_image_section_type type);

/*
 * Reads an image and checks all of its form: magic, version, flags, the table of sections against
 * the sections themselves, their order, number and sizes, the CRC. No signature is checked here.
 *
 * bytes  in: the whole file; must outlive `*image`
 * image  out: set on success, zeroed on failure
 * error  out, may be NULL: names the section and the byte offset; as below
 *
 * Errors: VSA_ERR_IMAGE, VSA_ERR_TOO_LARGE.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_image_parse(struct vsa_slice bytes, struct vsa_image *image, struct vsa_error *error);

/* Forms that vsa_image_parse() and vsa_image_write() refuse and AWS's code takes; bits of a set. */
enum vsa_image_deviation {
    VSA_IMAGE_DEVIATES_STALE_SIZE = 1, /* `nitro-cli sign-eif` leaves it after signing again */
    VSA_IMAGE_DEVIATES_ORDER = 2,
    VSA_IMAGE_DEVIATES_RESERVED = 4,   /* reserved fields, flags of sections */
    VSA_IMAGE_DEVIATES_SIGNATURES = 8, /* more than one: the first counts */
    VSA_IMAGE_DEVIATES_NO_RAMDISK = 16,
    VSA_IMAGE_DEVIATES_METADATA = 32, /* larger than VSA_MAX_IMAGE_METADATA */
};

/* Returns a sentence without full stop, static. */
VSA_PUBLIC const char *vsa_image_deviation_text(enum vsa_image_deviation deviation);

/*
 * Reads an image as vsa_image_parse(), but takes what AWS's code takes, so that it can be measured.
 * vsa_image_write() repairs a stale size; the other deviations change what the image is, and their
 * images are better built anew.
 *
 * deviations  out: enum vsa_image_deviation; 0: vsa_image_parse() takes it, too
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_image_parse_as_aws(struct vsa_slice bytes,
                                                               struct vsa_image *image,
                                                               unsigned *deviations,
                                                               struct vsa_error *error);

/* Returns the bytes that vsa_image_write() needs. */
VSA_PUBLIC size_t vsa_image_size(const struct vsa_image *image);

#define VSA_IMAGE_MAX_PARTS    (1 + 2 * VSA_MAX_IMAGE_SECTIONS)
#define VSA_IMAGE_HEADERS_SIZE (548 + 12 * VSA_MAX_IMAGE_SECTIONS)

/* The bytes of an image file, in order. Borrows the sections' data and itself: do not copy it. */
struct vsa_image_parts {
    uint8_t headers[VSA_IMAGE_HEADERS_SIZE];
    struct vsa_slice parts[VSA_IMAGE_MAX_PARTS];
    size_t count;
};

/*
 * Writes an image as vsa_image_write() does, without copying the data of its sections.
 * Errors: VSA_ERR_IMAGE, VSA_ERR_TOO_LARGE.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_image_write_parts(const struct vsa_image *image,
                                                              struct vsa_image_parts *parts,
                                                              struct vsa_error *error);

/*
 * Writes an image, after the same checks as vsa_image_parse(). The bytes depend on `image` alone.
 *
 * buffer    out: room for vsa_image_size() bytes; must not overlap the sections' data
 * file      out: borrows `buffer`
 *
 * Errors: VSA_ERR_IMAGE, VSA_ERR_TOO_LARGE, VSA_ERR_BUFFER.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_image_write(const struct vsa_image *image, void *buffer,
                                                        size_t capacity, struct vsa_slice *file,
                                                        struct vsa_error *error);

/* The values that the Nitro hypervisor puts into the registers. */
struct vsa_image_measurements {
    uint8_t pcr0[VSA_PCR_SIZE]; /* kernel, command line, all ramdisks */
    uint8_t pcr1[VSA_PCR_SIZE]; /* kernel, command line, first ramdisk */
    uint8_t pcr2[VSA_PCR_SIZE]; /* all other ramdisks */
    bool is_signed;
    uint8_t pcr8[VSA_PCR_SIZE]; /* signing certificate; zero if unsigned */
};

/*
 * Measures an image: PCRn = SHA384(48 zero bytes || SHA384(contents)). A debug-mode enclave shows
 * zeros instead.
 *
 * image  in: at least a kernel and a command line, from either parser;
 *        its signature is not verified
 *
 * Errors: VSA_ERR_IMAGE, VSA_ERR_CRYPTO; of the signing certificate: class syntax.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_image_measure(const struct vsa_image *image, struct vsa_image_measurements *measurements,
                  struct vsa_error *error);

/*
 * Computes the same formula over any file, as `nitro-cli pcr --input` does.
 * `pcr` is set on success.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_image_measure_bytes(struct vsa_slice bytes, uint8_t pcr[VSA_PCR_SIZE], struct vsa_error *error);

/*
 * Computes PCR8 of images signed with this certificate (PEM;
 * of several the first counts, as for AWS).
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_image_measure_certificate(struct vsa_slice pem,
                                                                      uint8_t pcr[VSA_PCR_SIZE],
                                                                      struct vsa_error *error);

/*
 * Makes the signature section of an image: the certificate and a COSE_Sign1 over PCR0. Add it with
 * vsa_image_add(); it must be the last section. ECDSA is randomised: no two are the same.
 *
 * image        in: without a signature, complete otherwise
 * certificate  in: PEM, exactly one, key on P-256, P-384 or P-521; goes into the section as it is
 * private_key  in: PEM or DER, of that certificate. The caller wipes it
 * now_ms       in: Unix milliseconds; the certificate must be valid then, since nitro-cli refuses
 *              to start an image whose certificate is not
 * buffer       out: VSA_MAX_IMAGE_SIGNATURE bytes are always enough
 * section      out: borrows `buffer`
 *
 * Errors: VSA_ERR_CERTIFICATE_SYNTAX, VSA_ERR_CERTIFICATE_PROFILE (another kind of key),
 * VSA_ERR_EXPIRED, VSA_ERR_NOT_YET_VALID, VSA_ERR_ARGUMENT (the key is not the certificate's, or
 * not a key), VSA_ERR_BUFFER, VSA_ERR_CRYPTO.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_image_sign(const struct vsa_image *image, struct vsa_slice certificate,
               struct vsa_slice private_key, int64_t now_ms, void *buffer, size_t capacity,
               struct vsa_slice *section, struct vsa_error *error);

#define VSA_MAX_IMAGE_TO_BE_SIGNED 256

/*
 * Writes the bytes to be signed, for keys that stay in an HSM or a service, by ECDSA with the hash
 * of the certificate's curve (P-256: SHA-256, P-384: SHA-384, P-521: SHA-512); then the signature,
 * DER or r || s, makes the section. It is verified. Otherwise as vsa_image_sign().
 *
 * bytes  out: borrows `buffer`, of VSA_MAX_IMAGE_TO_BE_SIGNED bytes
 *
 * Errors: as above; VSA_ERR_SIGNATURE (not of these bytes, or by another key).
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_image_to_be_signed(const struct vsa_image *image, struct vsa_slice certificate, int64_t now_ms,
                       void *buffer, size_t capacity, struct vsa_slice *bytes,
                       struct vsa_error *error);
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_image_sign_with(const struct vsa_image *image, struct vsa_slice certificate,
                    struct vsa_slice signature, int64_t now_ms, void *buffer, size_t capacity,
                    struct vsa_slice *section, struct vsa_error *error);

/*
 * Checks the signature of an image: its form, that it holds under the certificate in it, that it
 * is over this image's PCR0, and the certificate's validity at `now_ms`. Who issued the
 * certificate is not checked: compare PCR8 for that.
 *
 * Errors: VSA_ERR_FIELD_MISSING when there is none; class syntax or format when it is malformed;
 * VSA_ERR_SIGNATURE, VSA_ERR_CERTIFICATE_PROFILE, VSA_ERR_EXPIRED, VSA_ERR_NOT_YET_VALID.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_image_verify_signature(const struct vsa_image *image, int64_t now_ms, struct vsa_error *error);

/* --- building --------------------------------------------------------------------------------- */

/* Which ends of a service lead to another start: enclave_init(8). */
enum vsa_image_restart {
    VSA_IMAGE_RESTART_ON_FAILURE,
    VSA_IMAGE_RESTART_ALWAYS,
    VSA_IMAGE_RESTART_NEVER,
};

/* A program that runs beside that of the image: enclave_init(8), SERVICES. Strings are borrowed. */
struct vsa_image_service {
    const char *name;    /* up to 32 of a-z, 0-9 and -; its directory is /run/NAME */
    const char *program; /* absolute path in the enclave */
    const char *const *arguments;
    size_t argument_count;
    const char *const *environment; /* "NAME=VALUE" */
    size_t environment_count;
    const char *socket; /* /run/NAME/FILE: ready when it takes a connection; NULL: ready at once */
    enum vsa_image_restart restart;
    uint32_t user;  /* UID; 0: root */
    uint32_t group; /* GID, not 0 for a `user` that is not root */
};

/*
 * What an image is built from. Strings and arrays are borrowed; all names are of files. Begin with
 * vsa_image_recipe_init(). Later versions of the library add members at the end.
 */
struct vsa_image_recipe {
    size_t size; /* bytes of this struct, set by vsa_image_recipe_init() */
    enum vsa_image_architecture architecture;
    const char *kernel;        /* bzImage for x86_64, Image for aarch64 */
    const char *kernel_config; /* its .config, which names its version; or NULL */
    const char *cmdline;       /* text; white space around it is cut off. NULL: nitro-cli's */
    /* Either ramdisks, in order, the first with /init; */
    const char *const *ramdisks;
    size_t ramdisk_count;
    /* or a program, which becomes /app/NAME, and what comes with it. */
    const char *program;
    const char *const *arguments;
    size_t argument_count;
    const char *const *environment; /* "NAME=VALUE" */
    size_t environment_count;
    const char *const *files; /* "SOURCE:/DESTINATION" */
    size_t file_count;
    const char *init;       /* enclave_init, or another static program to be PID 1 */
    const char *nsm_module; /* nsm.ko for kernels without the driver built in, or NULL */
    /* Metadata, in no register: a file with all of it, or NULL; then from the rest. */
    const char *metadata;
    const char *name;    /* NULL: the program's */
    const char *version; /* NULL: 1.0 */
    int64_t build_time;  /* Unix seconds; 0 leaves no trace of it */
    /* Of an image of a program, too: */
    uint32_t user;              /* UID that it runs as; 0: root */
    uint32_t group;             /* its GID, not 0 for a `user` that is not root */
    const char *const *modules; /* kernel modules, loaded in this order after `nsm_module` */
    size_t module_count;        /* up to VSA_MAX_IMAGE_MODULES */
    /*
     * File trees, each above the one before: directories, tar archives (layers), archives of
     * `docker save`. Permissions, links and whiteouts are kept. `files` come on top.
     */
    const char *const *rootfs;
    size_t rootfs_count; /* with the layers of archives up to VSA_MAX_IMAGE_LAYERS */
    const struct vsa_image_service *services; /* in the order of starting, before the program */
    size_t service_count;                     /* up to VSA_MAX_IMAGE_SERVICES */
};

/* An image with all that its sections borrow. */
struct vsa_built_image;

/* Sets the first `size` bytes of a recipe: vsa_image_recipe_init() for other languages. */
VSA_PUBLIC void vsa_image_recipe_init_size(struct vsa_image_recipe *recipe, size_t size);

/* Makes an empty recipe for x86_64. */
static inline void vsa_image_recipe_init(struct vsa_image_recipe *recipe)
{
    vsa_image_recipe_init_size(recipe, sizeof(*recipe));
}

/*
 * Builds an image, not signed. It depends on the recipe and the files alone: neither on the time
 * nor on the files' owners, times and places. A kernel, ramdisk or kernel module that is none, a
 * program that needs what is not in the image, metadata that nitro-cli could not read: all are
 * refused.
 * Large files are mapped and must stay as they are until vsa_built_image_free().
 * Example: examples/build_image.c
 *
 * built  out: the caller's; NULL on failure
 *
 * Errors: VSA_ERR_ARGUMENT, VSA_ERR_IO, VSA_ERR_JSON, VSA_ERR_DUPLICATE_KEY, VSA_ERR_NESTING,
 * VSA_ERR_TOO_MANY, VSA_ERR_IMAGE, VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_image_build(const struct vsa_image_recipe *recipe,
                                                        struct vsa_built_image **built,
                                                        struct vsa_error *error);

/* Returns the image, to be signed, measured and written. It lives as long as `built`. */
VSA_PUBLIC struct vsa_image *vsa_built_image_get(struct vsa_built_image *built);

/* Frees the image and all that it holds. NULL is fine. */
VSA_PUBLIC void vsa_built_image_free(struct vsa_built_image *built);

#ifdef __cplusplus
}
#endif

#endif
