# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A library that scripts/build-NAME builds from pinned sources into the cache, for that script to source.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
library=${0##*/build-}
where=''
case ${1:-} in
'') ;;
--where) where=yes ;;
-h | --help)
    sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
    exit 0
    ;;
*) die "unknown argument: $1 (see --help)" ;;
esac
# shellcheck source=scripts/cache.bash
. "$here/scripts/cache.bash"

# library_installed MODULE: ends the script where the system has pkg-config's MODULE.
library_installed() {
    if command -v pkg-config >/dev/null && pkg-config --exists "$1"; then
        pkg-config --variable=pcfiledir "$1"
        exit 0
    fi
    command -v cc >/dev/null || die 'no C compiler: scripts/deps build'
}

# library_cached MODULE VERSION CHECKSUM: ends the script where the cache has what it would build, or with --where.
# All that decides the bytes is in the entry's name: the sources, the compiler and the recipe.
library_cached() {
    local fingerprint
    fingerprint=$({ printf '%s\n' "$3"; cc --version; cc -dumpmachine; as --version; library_recipe; } |
        sha256sum | cut -c1-16)
    entry=$cache/${library//-/}-$2-$fingerprint
    pkgconfig=$entry/lib/pkgconfig/$1.pc
    library_use
    [ -z "$where" ] || die "not built yet: scripts/deps $library"
}
library_recipe() { sed -n '/^# recipe: begin/,/^# recipe: end/p' "${BASH_SOURCE[0]}" "$0"; }
library_use() {
    [ -s "$pkgconfig" ] || return 0
    cache_keep "$entry"
    printf '%s\n' "${pkgconfig%/*}"
    exit 0
}

# library_begin TOOL...: makes the directory $work to build in. The result is to be in $work/result.
library_begin() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || die "no $tool: scripts/deps $library installs it"
    done
    cache_begin "${library//-/}" || die "another build has held $cache/${library//-/}.lock for an hour"
    library_use # another build may have made it meanwhile
    started=$SECONDS
}

# Steps of ninja: "[DONE/TOTAL] ...".
cache_steps() { sed -n 's,^\[\([0-9]*\)/\([0-9]*\)\].*,\1 \2,p' "$work/log" 2>/dev/null | tail -n 1; }

# library_log COMMAND...: runs it, and shows the end of its output where it fails.
library_log() { cache_run "$@" >>"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; return 1; }; }

# recipe: begin
# library_make COMMAND...: of the environment only PATH has a part in it.
library_make() { library_log env -i PATH="$PATH" HOME="${HOME:-/}" LC_ALL=C "$@" || die "$1 failed"; }
# recipe: end

# library_end: moves the result into the cache.
library_end() {
    # Renamed in one step: a build that is cut short never leaves a half-made entry behind.
    rm -rf "$entry"
    mv "$work/result" "$entry"
    say "built in $((SECONDS - started)) s"
    library_use
    die "built no $pkgconfig"
}
