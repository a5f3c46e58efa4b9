/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/socket.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/error.h"

#define FORMS    "expected vsock:CID:PORT, unix:PATH, vsock-mux:PATH:PORT or tcp:HOST:PORT"
#define TCP_PORT UINT16_MAX /* the highest */

static enum vsa_status bad_address(const char *text, const char *why, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_ARGUMENT, "address \"%.160s\": %s; " FORMS, text, why);
}

/* Parses decimal digits up to the end of the text, 0..UINT32_MAX. */
static bool parse_number(const char *digits, uint32_t *number)
{
    uint64_t value = 0;
    if (*digits == '\0')
        return false;
    for (; *digits; digits++) {
        if (*digits < '0' || *digits > '9')
            return false;
        value = value * 10 + (uint64_t)(*digits - '0');
        if (value > UINT32_MAX)
            return false;
    }
    *number = (uint32_t)value;
    return true;
}

/* Parses a port. 0 means nothing to users, and UINT32_MAX is the kernel's "any port" (vsock(7)). */
static bool parse_port(const char *digits, uint32_t *port)
{
    return parse_number(digits, port) && *port != 0 && *port != VMADDR_PORT_ANY;
}

static enum vsa_status parse_vsock(const char *text, const char *rest, struct vsa_address *address,
                                   struct vsa_error *error)
{
    struct vsa_address parsed = {.kind = VSA_ADDRESS_VSOCK};
    char cid[16];
    const char *colon = strchr(rest, ':');
    if (!colon || (size_t)(colon - rest) >= sizeof(cid))
        return bad_address(text, "no CID and PORT", error);
    memcpy(cid, rest, (size_t)(colon - rest));
    cid[colon - rest] = '\0';
    if (strcmp(cid, "any") == 0)
        parsed.cid = VSA_CID_ANY;
    else if (!parse_number(cid, &parsed.cid) || parsed.cid == VSA_CID_ANY)
        return bad_address(text, "CID must be a number or \"any\"", error);
    if (!parse_port(colon + 1, &parsed.port))
        return bad_address(text, "PORT must be 1..4294967294", error);
    *address = parsed;
    return VSA_OK;
}

static enum vsa_status parse_path(const char *text, const char *path, size_t size,
                                  struct vsa_address *parsed, struct vsa_error *error)
{
    if (size == 0)
        return bad_address(text, "PATH is empty", error);
    if (size >= sizeof(parsed->path))
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "unix(7)",
                           "socket path of %zu bytes: the system allows %zu; use a shorter or "
                           "relative one",
                           size, sizeof(parsed->path) - 1);
    memcpy(parsed->path, path, size);
    return VSA_OK;
}

static enum vsa_status parse_unix(const char *text, const char *rest, struct vsa_address *address,
                                  struct vsa_error *error)
{
    struct vsa_address parsed = {.kind = VSA_ADDRESS_UNIX};
    VSA_TRY(parse_path(text, rest, strlen(rest), &parsed, error));
    *address = parsed;
    return VSA_OK;
}

static enum vsa_status parse_vsock_mux(const char *text, const char *rest,
                                       struct vsa_address *address, struct vsa_error *error)
{
    struct vsa_address parsed = {.kind = VSA_ADDRESS_VSOCK_MUX};
    const char *colon = strrchr(rest, ':');
    if (!colon)
        return bad_address(text, "no PORT", error);
    if (!parse_port(colon + 1, &parsed.port))
        return bad_address(text, "PORT must be 1..4294967294", error);
    VSA_TRY(parse_path(text, rest, (size_t)(colon - rest), &parsed, error));
    *address = parsed;
    return VSA_OK;
}

/* --- tcp -------------------------------------------------------------------------------------- */

static bool is_host_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '.' || byte == '-' || byte == '_';
}

/* Returns whether all bytes can be in a name (RFC 952, and the "_" of practice). */
static bool is_host_name(const char *name)
{
    for (const char *at = name; *at; at++)
        if (!is_host_byte(*at))
            return false;
    return name[0] != '\0' && name[0] != '-';
}

/* Returns whether it is an IPv6 address, perhaps with the zone of a link-local one (RFC 4007). */
static bool is_ipv6(const char *host)
{
    struct in6_addr ignored;
    char address[INET6_ADDRSTRLEN] = "";
    const char *zone = strchr(host, '%');
    size_t size = zone ? (size_t)(zone - host) : strlen(host);
    if (size >= sizeof(address) || (zone && !is_host_name(zone + 1)))
        return false;
    memcpy(address, host, size);
    return inet_pton(AF_INET6, address, &ignored) == 1;
}

static enum vsa_status parse_tcp(const char *text, const char *rest, struct vsa_address *address,
                                 struct vsa_error *error)
{
    struct vsa_address parsed = {.kind = VSA_ADDRESS_TCP};
    const char *colon = strrchr(rest, ':');
    bool brackets = rest[0] == '[' && colon && colon[-1] == ']';
    if (!colon)
        return bad_address(text, "no HOST and PORT", error);
    const char *host = brackets ? rest + 1 : rest;
    size_t size = (size_t)(colon - host) - (brackets ? 1 : 0);
    if (size >= sizeof(parsed.path))
        return bad_address(text, "HOST is too long", error);
    memcpy(parsed.path, host, size);
    if (brackets ? !is_ipv6(parsed.path) : !is_host_name(parsed.path))
        return bad_address(text, "HOST must be a name, an IPv4 address or an IPv6 one in brackets",
                           error);
    if (!parse_port(colon + 1, &parsed.port) || parsed.port > TCP_PORT)
        return bad_address(text, "PORT must be 1..65535", error);
    *address = parsed;
    return VSA_OK;
}

enum vsa_status vsa_address_parse(const char *text, struct vsa_address *address,
                                  struct vsa_error *error)
{
    if (strncmp(text, "vsock:", 6) == 0)
        return parse_vsock(text, text + 6, address, error);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text, text + 5, address, error);
    if (strncmp(text, "vsock-mux:", 10) == 0)
        return parse_vsock_mux(text, text + 10, address, error);
    if (strncmp(text, "tcp:", 4) == 0)
        return parse_tcp(text, text + 4, address, error);
    return bad_address(text, "unknown kind", error);
}

const char *vsa_address_format(const struct vsa_address *address, char *text, size_t capacity)
{
    const char *path = address->path;
    if (address->kind == VSA_ADDRESS_UNIX)
        (void)snprintf(text, capacity, "unix:%s", path);
    else if (address->kind == VSA_ADDRESS_VSOCK_MUX)
        (void)snprintf(text, capacity, "vsock-mux:%s:%" PRIu32, path, address->port);
    else if (address->kind == VSA_ADDRESS_TCP && strchr(path, ':'))
        (void)snprintf(text, capacity, "tcp:[%s]:%" PRIu32, path, address->port);
    else if (address->kind == VSA_ADDRESS_TCP)
        (void)snprintf(text, capacity, "tcp:%s:%" PRIu32, path, address->port);
    else if (address->cid == VSA_CID_ANY)
        (void)snprintf(text, capacity, "vsock:any:%" PRIu32, address->port);
    else
        (void)snprintf(text, capacity, "vsock:%" PRIu32 ":%" PRIu32, address->cid, address->port);
    return text;
}
