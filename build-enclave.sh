#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the enclave image app.eif, from source, without Docker: the attestation server, started by itself on vsock
# port 9000 when the image is launched with
#
#   nitro-cli run-enclave --cpu-count 2 --memory 64 --eif-path app.eif
#
# Usage: ./build-enclave.sh [OPTION]...
#
#   --output FILE                the image; default: app.eif
#   --kernel FILE                default: nitro-cli's, where it is installed; else one built by enclave/build-kernel
#   --cmdline TEXT|@FILE         kernel command line; default: the one that comes with the kernel
#   --nsm-module FILE            nsm.ko, for kernels without the NSM driver built in
#   --module FILE                another kernel module, loaded after it; again for more, in this order
#   --user UID[:GID]             user that the server runs as; default: 1000; 0 is root
#   --name NAME                  ImageName of the metadata; default: enclave_app
#   --crypto awslc|openssl       crypto library; default: awslc, which scripts/deps awslc builds (with cargo and CMake)
#   --pkg-config-path DIR        look for the libraries' pkg-config files here first: for private ones
#   --like FILE                  FILE is the .build-info.json of another image: say what differs; exit 1 if a PCR does
#   --signing-certificate PEM    sign the image; PCR8 is then the certificate's
#   --private-key PEM            its key
#   --run                        start it with nitro-cli afterwards; nothing is started or stopped otherwise
#   --debug-mode                 with --run: console on, all measurements zero; never for secrets
#   --cpu-count N, --memory MIB  with --run; default: 2, as an enclave has whole cores only, of two
#                                threads each on most instances; and four times the image but at least 64
#
# Standard output has the measurements alone, as `nitro-cli build-enclave` prints them; they are also written beside the
# image (app.measurements.json), for `vsock_client --verify --measurements`. app.build-info.json names what the image was
# built from: compiler, libraries, kernel, with versions and SHA-256 digests. The image's metadata has the same.
#
# The same source, kernel, compiler and libraries give the same image, byte for byte, in every directory and at any time.
# What an earlier run has built is used again only if all of these are the same by their digests. Of the environment
# only PATH (which compiler), NITRO_CLI_BLOBS (where nitro-cli's kernel is) and XDG_CACHE_HOME (where ours is) have a part.
# No network is used, except by enclave/build-kernel where neither nitro-cli's kernel nor its own cache is there.
set -euo pipefail

say() { printf 'build-enclave: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
usage_error() { say "$* (see --help)"; exit 2; }

top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
output=app.eif kernel="" nsm_module="" name=enclave_app run="" debug="" cpu_count=2 memory=""
cmdline=() signing=() libraries=() like="" modules=() user=1000 crypto=awslc
while [ $# -gt 0 ]; do
    case $1 in
    --run) run=yes; shift; continue ;;
    --debug-mode) debug=yes; shift; continue ;;
    -h | --help)
        sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    --output | --kernel | --cmdline | --nsm-module | --module | --user | --name | --signing-certificate | \
        --private-key | --cpu-count | --memory | --pkg-config-path | --like | --crypto) [ $# -ge 2 ] || usage_error "$1 needs a value" ;;
    *) usage_error "unknown argument '$1'" ;;
    esac
    case $1 in
    --output) output=$2 ;;
    --kernel) kernel=$2 ;;
    --cmdline) cmdline=(--cmdline "$2") ;;
    --nsm-module) nsm_module=$2 ;;
    --module) modules+=(--module "$2") ;;
    --user) user=$2 ;;
    --name) name=$2 ;;
    --pkg-config-path) libraries=(--pkg-config-path "$2") ;;
    --like) like=$2 ;;
    --crypto) crypto=$2 ;;
    --signing-certificate | --private-key) signing+=("$1" "$2") ;;
    --cpu-count) cpu_count=$2 ;;
    --memory) memory=$2 ;;
    esac
    shift 2
done
for number in "$cpu_count" "${memory:-64}"; do
    [[ $number =~ ^[1-9][0-9]{0,6}$ ]] || usage_error "'$number' is not a number of CPUs or MiB"
done
[[ $user =~ ^[0-9]{1,10}(:[0-9]{1,10})?$ ]] || usage_error "'$user' is not UID or UID:GID"
for module in "${modules[@]}"; do
    [ "$module" = --module ] || [ -r "$module" ] || usage_error "cannot read '$module'"
done
[[ $crypto =~ ^(awslc|openssl)$ ]] || usage_error "'$crypto' is neither awslc nor openssl"
[ -z "$like" ] || [ -r "$like" ] || usage_error "cannot read '$like'"
[ ${#libraries[@]} -eq 0 ] || [ -d "${libraries[1]}" ] || usage_error "'${libraries[1]}' is not a directory"
[ -z "$debug" ] || [ -n "$run" ] || usage_error "--debug-mode belongs to --run"
if [ -n "$run" ] && ! command -v nitro-cli >/dev/null; then
    die "--run needs nitro-cli, on an EC2 instance with enclaves enabled"
fi
case $(uname -m) in
x86_64) arch=x86_64 image_name=bzImage ;;
aarch64) arch=aarch64 image_name=Image ;;
*) die "enclaves run on x86_64 and aarch64, and this machine is $(uname -m)" ;;
esac

# --- programs ---------------------------------------------------------------------------------------------------------

build=$top/build-enclave
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
# What a user's environment adds to a compiler's command line, or to the search for libraries, would change the
# measurements.
clean() { env -i PATH="$PATH" LC_ALL=C TZ=UTC "$@"; }
clean "$top/scripts/deps" --check image 2>/dev/null || "$top/scripts/deps" image
setup=(--buildtype=release -Dstatic_programs=true -Dtests=disabled -Dman=disabled -Dpython=disabled -Dseccomp=enabled
    "-Dcrypto=$crypto")
# Directories of pkg-config files, with ":" between them.
directories=''
[ ${#libraries[@]} -eq 0 ] || directories=$(cd "${libraries[1]}" && pwd)
if [ "$crypto" = awslc ]; then
    awslc=$(env -u PKG_CONFIG_PATH -u PKG_CONFIG_LIBDIR "$top/scripts/deps" awslc) ||
        die 'no AWS-LC (above: why); --crypto openssl takes the OpenSSL of this machine, for other measurements'
    directories=${directories:+$directories:}$awslc
fi
[ -z "$directories" ] || libraries=(--pkg-config-path "$directories") setup+=("-Dpkg_config_path=${directories//:/,}")

# Times of files do not show that a library, the compiler or a source has been replaced: packages and archives keep
# those that their files had elsewhere. So their digests decide whether what is there was built from the same.
clean "$top/enclave/build-info" inputs "${libraries[@]}" >"$work/inputs"
printf '%s\n' "${setup[@]}" >>"$work/inputs"
if ! cmp -s "$work/inputs" "$build/inputs"; then
    mkdir -p "$build"
    find "$build" -xdev -mindepth 1 -delete
    say "configuring"
    clean meson setup "$build" "$top" "${setup[@]}" >"$work/log" 2>&1 || {
        tail -n 15 "$work/log" >&2
        die "cannot configure: the static archives of ${crypto/openssl/OpenSSL}, jansson, libseccomp and libc are needed"
    }
    say "building the programs"
    clean ninja -C "$build" src/programs/enclave_app src/programs/enclave_image src/enclave_init/enclave_init \
        >"$build/build.log" 2>&1 || {
        tail -n 30 "$build/build.log" >&2
        die "the build failed, log: $build/build.log"
    }
    mkdir "$build/image"
    clean strip -s -o "$build/image/enclave_app" "$build/src/programs/enclave_app"
    ninja -C "$build" -t query src/programs/enclave_app >"$work/query"
    head -n "-${#setup[@]}" "$work/inputs" >"$work/inputs.json"
    "$top/enclave/build-info" linked "$work/inputs.json" "$work/query" >"$build/built-from.json"
    # Last: a build that was cut short is done anew.
    cp "$work/inputs" "$build/inputs"
fi
enclave_image=$build/src/programs/enclave_image

# --- kernel -----------------------------------------------------------------------------------------------------------

blobs=${NITRO_CLI_BLOBS:-/usr/share/nitro_enclaves/blobs}
if [ -z "$kernel" ] && [ -r "$blobs/$image_name" ] && [ -r "$blobs/cmdline" ]; then
    say "kernel: nitro-cli's, in $blobs"
    kernel=$blobs/$image_name
    [ ${#cmdline[@]} -gt 0 ] || cmdline=(--cmdline "@$blobs/cmdline")
    if [ -z "$nsm_module" ] && [ -r "$blobs/nsm.ko" ]; then nsm_module=$blobs/nsm.ko; fi
elif [ -z "$kernel" ]; then
    [ "$arch" = x86_64 ] || die "no kernel: install nitro-cli for its kernel, or name one with --kernel"
    kernel=$("$top/enclave/build-kernel" | tail -n 1)
    say "kernel: $kernel"
fi
[ -r "$kernel" ] || die "cannot read the kernel '$kernel'"

# --- image ------------------------------------------------------------------------------------------------------------

options=(--arch "$arch" --kernel "$kernel" --user "$user" "${modules[@]}")
facts=("${modules[@]}" --kernel "$kernel" --name "$name" --version "$("$enclave_image" --version | cut -d' ' -f2)" --architecture "$arch")
if [ -n "$nsm_module" ]; then
    options+=(--nsm-module "$nsm_module")
    facts+=(--nsm-module "$nsm_module")
fi
measurements=${output%.eif}.measurements.json
build_info=${output%.eif}.build-info.json
"$top/enclave/build-info" metadata "$build/built-from.json" "${facts[@]}" >"$work/metadata"
clean "$enclave_image" build "${options[@]}" "${cmdline[@]}" "${signing[@]}" --metadata "$work/metadata" \
    --init "$build/src/enclave_init/enclave_init" --app "$build/image/enclave_app" --arg --vsock --output "$output" \
    >"$work/measurements"
"$top/enclave/build-info" describe "$work/metadata" "$work/measurements" >"$work/build-info"
# Before it is overwritten: --like may name it.
differs=""
if [ -n "$like" ]; then
    "$top/enclave/build-info" compare "$like" "$work/build-info" >"$work/differences" || differs=$?
fi
cp "$work/measurements" "$measurements"
cp "$work/build-info" "$build_info"
cat "$measurements"
if [ -n "$like" ]; then
    [ "${differs:-0}" -le 1 ] || exit "$differs"
    if [ -s "$work/differences" ]; then
        say "differs from $like in"
        sed 's/^/  /' "$work/differences" >&2
    fi
    [ -z "$differs" ] || die "the measurements are not those of $like"
    say "the measurements are those of $like"
fi

size=$(stat -c %s "$output")
# nitro-cli wants four times the image (error E26), the driver 64 MiB.
least=$(((size * 4 + 1048575) / 1048576))
[ "$least" -ge 64 ] || least=64
memory=${memory:-$least}
say "$output has $size bytes and needs $least MiB of memory or more."
say "The measurements are in $measurements. Next:"
{
    printf '\n  nitro-cli run-enclave --cpu-count %s --memory %s --eif-path %s\n' "$cpu_count" "$memory" "$(printf %q "$output")"
    printf '  vsock_client --ping\n'
    printf '  vsock_client --verify --generate-key --measurements %s\n\n' "$(printf %q "$measurements")"
} >&2

# --- run --------------------------------------------------------------------------------------------------------------

[ -n "$run" ] || exit 0
start=(nitro-cli run-enclave --cpu-count "$cpu_count" --memory "$memory" --eif-path "$output")
if [ -n "$debug" ]; then
    say "WARNING: --debug-mode: the parent sees the console, and PCR0, 1 and 2 are zero."
    say "WARNING: such an enclave protects nothing, and vsock_client --verify refuses it without --allow-debug."
    start+=(--debug-mode)
fi
say "starting:$(printf ' %q' "${start[@]}")"
"${start[@]}" >&2
