# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Debian's mirror, and a bare Debian in a directory, for scripts to source after cache.bash.

# debian_mirror: prints the first one that apt's configuration names, or nothing.
debian_mirror() {
    # shellcheck disable=SC2016 # fields for apt to fill in
    apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
        awk -F'|' '$1 == "Debian" && $2 == "main" && $3 !~ /security/ { print $3; exit }'
}

# chroot_unpack SUITE ROOT: unpacks it from the cache; the first time debootstrap makes it. Needs root. Without any it
# prints why and fails.
chroot_unpack() {
    local base mirror new
    # shellcheck disable=SC2154 # of cache.bash
    base=$cache/chroot-$1-$(dpkg --print-architecture).tar.gz
    if [ ! -s "$base" ]; then
        mirror=$(debian_mirror)
        [ -n "$mirror" ] || { echo "apt's configuration names no Debian mirror"; return 1; }
        new=$(mktemp -d "$cache/chroot-new.XXXXXX")
        timeout 900 debootstrap --variant=minbase "$1" "$new/root" "$mirror" >"$new/log" 2>&1 || {
            tail -n 20 "$new/log"
            rm -rf --one-file-system -- "$new"
            echo 'debootstrap failed'
            return 1
        }
        tar -C "$new/root" --one-file-system -czf "$new/base" .
        mv "$new/base" "$base"
        rm -rf --one-file-system -- "$new"
    fi
    cache_keep "$base"
    mkdir -p "$2"
    tar -C "$2" -xzf "$base"
}
