/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/tar.h"

#include "base/error.h"

static const char rule_tar[] = "POSIX pax, ustar interchange format";

#define BLOCK 512
/* Offsets and sizes of a header's fields. */
#define NAME_AT       0
#define NAME_SIZE     100
#define MODE_AT       100
#define MODE_SIZE     8
#define SIZE_AT       124
#define SIZE_SIZE     12
#define CHECKSUM_AT   148
#define CHECKSUM_SIZE 8
#define TYPE_AT       156
#define LINK_AT       157
#define LINK_SIZE     100
#define MAGIC_AT      257
#define PREFIX_AT     345
#define PREFIX_SIZE   155
/* Extended attributes make the largest ones: Linux allows 64 KiB for each. */
#define MAX_PAX_HEADER (1024 * 1024)

/* What the headers before an entry say about it. */
struct override {
    struct vsa_slice path; /* absent: the header's own */
    struct vsa_slice target;
    bool has_size;
    uint64_t size;
};

#define FAIL(...) vsa_fail_at(error, VSA_ERR_ARGUMENT, tar->offset, rule_tar, __VA_ARGS__)

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* Reads an octal number that may have spaces before it, and ends by NUL, space or the field. */
static bool read_octal(const uint8_t *field, size_t size, uint64_t *value)
{
    size_t i = 0;
    *value = 0;
    while (i < size && field[i] == ' ')
        i++;
    size_t first = i;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        *value = *value * 8 + (uint64_t)(field[i] - '0');
    return i > first && (i == size || field[i] == ' ' || field[i] == '\0');
}

/* Sums all bytes, the checksum's own counted as spaces. */
static uint64_t sum_header(const uint8_t *header)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_SIZE ? ' ' : header[i];
    return sum;
}

static bool is_header(const uint8_t *header)
{
    uint64_t checksum;
    return memcmp(header + MAGIC_AT, "ustar", 5) == 0 &&
           read_octal(header + CHECKSUM_AT, CHECKSUM_SIZE, &checksum) &&
           checksum == sum_header(header);
}

bool vsa_tar_is_archive(struct vsa_slice bytes)
{
    return bytes.size >= BLOCK && is_header(bytes.data);
}

static struct vsa_slice field_text(const uint8_t *field, size_t size)
{
    return vsa_slice_of(field, strnlen((const char *)field, size));
}

/* --- paths ------------------------------------------------------------------------------------ */

/* Counts the parts between slashes; 0 when one of them is empty, "." or "..". */
static size_t count_parts(const char *path)
{
    size_t count = 1;
    for (;; path++, count++) {
        size_t length = strcspn(path, "/");
        if (length == 0 || (length == 1 && path[0] == '.') ||
            (length == 2 && path[0] == '.' && path[1] == '.'))
            return 0;
        path += length;
        if (!*path)
            return count;
    }
}

/* Makes the path of an entry: see struct vsa_tar_entry. */
static enum vsa_status normalize(const struct vsa_tar *tar, struct vsa_slice name, char *path,
                                 struct vsa_error *error)
{
    if (name.size >= VSA_MAX_ARCHIVE_PATH || memchr(name.data, '\0', name.size))
        return FAIL("a path of %zu bytes, or with a NUL character", name.size);
    while (name.size >= 2 && memcmp(name.data, "./", 2) == 0)
        name = vsa_slice_of(name.data + 2, name.size - 2);
    if (name.size && name.data[name.size - 1] == '/')
        name.size--;
    if (name.size == 1 && name.data[0] == '.')
        name.size = 0;
    memcpy(path, name.data, name.size);
    path[name.size] = '\0';
    if (!name.size)
        return VSA_OK;
    size_t parts = count_parts(path);
    if (!parts)
        return FAIL("'%.120s' is absolute, or has a part that is empty, . or ..", path);
    if (parts > VSA_MAX_ARCHIVE_DEPTH)
        return FAIL("'%.120s' is deeper than %d directories", path, VSA_MAX_ARCHIVE_DEPTH);
    return VSA_OK;
}

/* Returns the name of a header, in `joined`: its prefix, where the form has one, and its name. */
static struct vsa_slice read_name(const uint8_t *header, char joined[PREFIX_SIZE + 1 + NAME_SIZE])
{
    size_t used = 0;
    struct vsa_slice name = field_text(header + NAME_AT, NAME_SIZE);
    struct vsa_slice prefix = field_text(header + PREFIX_AT, PREFIX_SIZE);
    /* GNU's own form, "ustar  ", has times there. */
    bool has_prefix = header[MAGIC_AT + 5] == '\0' && prefix.size;
    if (has_prefix && name.size) {
        memcpy(joined, prefix.data, prefix.size);
        joined[prefix.size] = '/';
        used = prefix.size + 1;
    }
    memcpy(joined + used, name.data, name.size);
    return vsa_slice_of(joined, used + name.size);
}

/* --- pax headers ------------------------------------------------------------------------------ */

static bool is_key(struct vsa_slice key, const char *name)
{
    return key.size == strlen(name) && memcmp(key.data, name, key.size) == 0;
}

static bool read_decimal(struct vsa_slice text, uint64_t *value)
{
    *value = 0;
    if (!text.size || text.size > 18)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *value = *value * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

/* Takes "LENGTH KEY=VALUE\n" off `records`. */
static bool next_record(struct vsa_slice *records, struct vsa_slice *key, struct vsa_slice *value)
{
    uint64_t length = 0;
    const uint8_t *space = memchr(records->data, ' ', records->size);
    if (!space)
        return false;
    size_t digits = (size_t)(space - records->data);
    if (!read_decimal(vsa_slice_of(records->data, digits), &length) || length > records->size ||
        length < digits + sizeof(" =\n") - 1 || records->data[length - 1] != '\n')
        return false;
    size_t rest = (size_t)length - digits - 2;
    const uint8_t *equals = memchr(space + 1, '=', rest);
    if (!equals)
        return false;
    *key = vsa_slice_of(space + 1, (size_t)(equals - space) - 1);
    *value = vsa_slice_of(equals + 1, rest - key->size - 1);
    *records = vsa_slice_of(records->data + length, records->size - (size_t)length);
    return true;
}

/*
 * Reads a pax header. A global one, which holds for all that follows, may not name or size them.
 */
static enum vsa_status read_pax(const struct vsa_tar *tar, struct vsa_slice records, bool is_global,
                                struct override *override, struct vsa_error *error)
{
    struct vsa_slice key;
    struct vsa_slice value;
    while (records.size) {
        if (!next_record(&records, &key, &value))
            return FAIL("a malformed pax header");
        bool is_path = is_key(key, "path");
        bool is_target = is_key(key, "linkpath");
        bool is_size = is_key(key, "size");
        if (key.size >= 11 && memcmp(key.data, "GNU.sparse.", 11) == 0)
            return FAIL("a sparse file: make the archive without --sparse");
        if (is_global && (is_path || is_target || is_size))
            return FAIL("a global pax header with a path or a size");
        if (is_path)
            override->path = value;
        else if (is_target)
            override->target = value;
        else if (is_size && !read_decimal(value, &override->size))
            return FAIL("a pax header with a size that is no number");
        override->has_size = override->has_size || is_size;
    }
    return VSA_OK;
}

/* --- entries ---------------------------------------------------------------------------------- */

/* Reads the size of an entry and moves on behind its data. */
static enum vsa_status take_data(struct vsa_tar *tar, const uint8_t *header,
                                 const struct override *override, struct vsa_slice *data,
                                 struct vsa_error *error)
{
    uint64_t size;
    if (!read_octal(header + SIZE_AT, SIZE_SIZE, &size))
        return FAIL("an entry with a size that is not octal");
    if (override->has_size)
        size = override->size;
    size_t left = tar->bytes.size - tar->offset - BLOCK;
    if (size > left || (size + BLOCK - 1) / BLOCK * BLOCK > left)
        return FAIL("the archive is cut off");
    *data = vsa_slice_of(tar->bytes.data + tar->offset + BLOCK, (size_t)size);
    tar->offset += BLOCK + ((size_t)size + BLOCK - 1) / BLOCK * BLOCK;
    return VSA_OK;
}

static enum vsa_status read_kind(const struct vsa_tar *tar, uint8_t type, const char *path,
                                 enum vsa_tar_kind *kind, struct vsa_error *error)
{
    switch (type) {
    case '0':
    case '\0':
        *kind = VSA_TAR_FILE;
        return VSA_OK;
    case '1':
        *kind = VSA_TAR_HARD_LINK;
        return VSA_OK;
    case '2':
        *kind = VSA_TAR_SYMLINK;
        return VSA_OK;
    case '5':
        *kind = VSA_TAR_DIRECTORY;
        return VSA_OK;
    case '3':
    case '4':
    case '6':
        return FAIL("'%.120s' is a device or a pipe: an enclave's /dev is made by its kernel",
                    path);
    default:
        return FAIL("'%.120s' is of type 0x%02x: not a file, a directory or a link", path, type);
    }
}

static enum vsa_status read_target(const struct vsa_tar *tar, const uint8_t *header,
                                   const struct override *override, struct vsa_tar_entry *entry,
                                   struct vsa_error *error)
{
    struct vsa_slice target = override->target;
    if (!target.data)
        target = field_text(header + LINK_AT, LINK_SIZE);
    entry->target[0] = '\0';
    if (entry->kind != VSA_TAR_SYMLINK && entry->kind != VSA_TAR_HARD_LINK)
        return VSA_OK;
    if (!target.size)
        return FAIL("the link '%.120s' leads nowhere", entry->path);
    if (entry->kind == VSA_TAR_HARD_LINK)
        return normalize(tar, target, entry->target, error);
    if (target.size >= sizeof(entry->target) || memchr(target.data, '\0', target.size))
        return FAIL("the link '%.120s' leads to a path that is too long", entry->path);
    memcpy(entry->target, target.data, target.size);
    entry->target[target.size] = '\0';
    return VSA_OK;
}

/* Readers differ on what such a name is of anything but a directory. */
static bool ends_with_slash(struct vsa_slice name)
{
    return name.size && name.data[name.size - 1] == '/';
}

static enum vsa_status read_entry(const struct vsa_tar *tar, const uint8_t *header,
                                  const struct override *override, struct vsa_slice data,
                                  struct vsa_tar_entry *entry, struct vsa_error *error)
{
    uint64_t mode;
    char joined[PREFIX_SIZE + 1 + NAME_SIZE];
    struct vsa_slice name = override->path.data ? override->path : read_name(header, joined);
    if (!name.size)
        return FAIL("an entry without a name");
    VSA_TRY(normalize(tar, name, entry->path, error));
    VSA_TRY(read_kind(tar, header[TYPE_AT], entry->path, &entry->kind, error));
    VSA_TRY(read_target(tar, header, override, entry, error));
    if (!read_octal(header + MODE_AT, MODE_SIZE, &mode))
        return FAIL("'%.120s' has a mode that is not octal", entry->path);
    if (entry->kind != VSA_TAR_FILE && data.size)
        return FAIL("'%.120s' has contents, and is no file", entry->path);
    if (entry->kind != VSA_TAR_DIRECTORY && !entry->path[0])
        return FAIL("the root is not a directory");
    if (entry->kind != VSA_TAR_DIRECTORY && ends_with_slash(name))
        return FAIL("'%.120s' ends with a slash, and is no directory", entry->path);
    entry->permissions = (unsigned)(mode & 07777);
    entry->data = data;
    return VSA_OK;
}

/* Returns a long name of GNU's form, which ends with NUL. */
static struct vsa_slice long_name(struct vsa_slice data)
{
    return field_text(data.data, data.size);
}

/* Takes a header that is about the next entry; `*is_entry` is true for one that is not. */
static enum vsa_status read_header(const struct vsa_tar *tar, uint8_t type, struct vsa_slice data,
                                   struct override *override, bool *is_entry,
                                   struct vsa_error *error)
{
    *is_entry = !type || !strchr("xgLK", type);
    if (*is_entry)
        return VSA_OK;
    if (data.size > MAX_PAX_HEADER || !data.size)
        return FAIL("a header of %zu bytes", data.size);
    if (type == 'L')
        override->path = long_name(data);
    else if (type == 'K')
        override->target = long_name(data);
    else
        return read_pax(tar, data, type == 'g', override, error);
    return VSA_OK;
}

enum vsa_status vsa_tar_read(struct vsa_tar *tar, struct vsa_tar_entry *entry, bool *found,
                             struct vsa_error *error)
{
    struct override override = {.has_size = false};
    for (bool is_entry = false; !is_entry;) {
        const uint8_t *header = tar->bytes.data + tar->offset;
        struct vsa_slice data;
        const struct override none = {.has_size = false};
        if (tar->bytes.size - tar->offset < BLOCK)
            return FAIL("the archive is cut off");
        if (is_zero(header, BLOCK)) {
            if (!is_zero(header, tar->bytes.size - tar->offset))
                return FAIL("bytes behind the end of the archive");
            *found = false;
            return VSA_OK;
        }
        if (!is_header(header))
            return FAIL("no header of a tar archive");
        bool is_extension = header[TYPE_AT] && strchr("xgLK", header[TYPE_AT]);
        struct vsa_tar at = *tar;
        VSA_TRY(take_data(tar, header, is_extension ? &none : &override, &data, error));
        VSA_TRY(read_header(&at, header[TYPE_AT], data, &override, &is_entry, error));
        if (is_entry)
            VSA_TRY(read_entry(&at, header, &override, data, entry, error));
    }
    *found = true;
    return VSA_OK;
}
