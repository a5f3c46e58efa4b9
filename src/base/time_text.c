/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "base/error.h"

/* Unix seconds are taken up to the end of the year 9999. */
#define MAX_UNIX_SECONDS INT64_C(253402300799)

void vsa_time_format(int64_t unix_ms, char *text, size_t capacity)
{
    if (!capacity)
        return;
    text[0] = '\0';
    /* Rounded down, also before 1970. */
    int64_t ms = unix_ms % 1000;
    time_t seconds = (time_t)(unix_ms / 1000 - (ms < 0));
    if (ms < 0)
        ms += 1000;
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || tm.tm_year + 1900 < 1 || tm.tm_year + 1900 > 9999)
        return;
    char fraction[16] = "";
    if (ms)
        (void)snprintf(fraction, sizeof(fraction), ".%03d", (int)ms);
    (void)snprintf(text, capacity, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
}

/* Reads exactly `digits` decimal digits. */
static bool take_number(const char **at, int digits, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool take_character(const char **at, const char *allowed)
{
    if (**at == '\0' || !strchr(allowed, **at))
        return false;
    (*at)++;
    return true;
}

/* Reads an optional fraction, ".123456", of which the first three digits count. */
static bool take_fraction(const char **at, int *ms)
{
    *ms = 0;
    if (**at != '.')
        return true;
    (*at)++;
    int scale = 100;
    const char *start = *at;
    for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
        *ms += (**at - '0') * scale;
    return *at != start;
}

static bool take_offset(const char **at, int *seconds)
{
    *seconds = 0;
    if (take_character(at, "Zz"))
        return true;
    int sign = **at == '-' ? -1 : 1;
    int hours = 0;
    int minutes = 0;
    if (!take_character(at, "+-") || !take_number(at, 2, &hours) || !take_character(at, ":") ||
        !take_number(at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool parse_rfc3339(const char *at, int64_t *unix_ms)
{
    struct tm tm = {0};
    int year = 0;
    int month = 0;
    int ms = 0;
    int offset = 0;
    if (!take_number(&at, 4, &year) || !take_character(&at, "-") || !take_number(&at, 2, &month) ||
        !take_character(&at, "-") || !take_number(&at, 2, &tm.tm_mday) ||
        !take_character(&at, "Tt ") || !take_number(&at, 2, &tm.tm_hour) ||
        !take_character(&at, ":") || !take_number(&at, 2, &tm.tm_min) ||
        !take_character(&at, ":") || !take_number(&at, 2, &tm.tm_sec) || !take_fraction(&at, &ms) ||
        !take_offset(&at, &offset) || *at != '\0')
        return false;
    if (year < 1 || month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    if (tm.tm_sec == 60)
        tm.tm_sec = 59;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    int day = tm.tm_mday;
    time_t seconds = timegm(&tm);
    /* timegm turns 31 April into 1 May; a date that does not exist is refused instead. */
    if (tm.tm_mday != day || tm.tm_mon != month - 1)
        return false;
    *unix_ms = ((int64_t)seconds - offset) * 1000 + ms;
    return true;
}

static bool parse_unix_seconds(const char *at, int64_t *unix_ms)
{
    int64_t seconds = 0;
    const char *start = at;
    for (; *at >= '0' && *at <= '9'; at++) {
        seconds = seconds * 10 + (*at - '0');
        if (seconds > MAX_UNIX_SECONDS)
            return false;
    }
    int ms = 0;
    if (at == start || !take_fraction(&at, &ms) || *at != '\0')
        return false;
    *unix_ms = seconds * 1000 + ms;
    return true;
}

enum vsa_status vsa_time_parse(const char *text, int64_t *unix_ms, struct vsa_error *error)
{
    int64_t parsed = 0;
    if (!parse_unix_seconds(text, &parsed) && !parse_rfc3339(text, &parsed))
        return vsa_fail_at(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, "RFC 3339 section 5.6",
                           "\"%.64s\" is neither RFC 3339 (2024-09-09T19:49:12Z) nor Unix seconds",
                           text);
    *unix_ms = parsed;
    return VSA_OK;
}
