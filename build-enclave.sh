#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the enclave image app.eif, from source, without Docker: the attestation server, started by itself on vsock
# port 9000 when the image is launched with
#
#   nitro-cli run-enclave --cpu-count 1 --memory 64 --eif-path app.eif
#
# Usage: ./build-enclave.sh [OPTION]...
#
#   --output FILE                the image; default: app.eif
#   --kernel FILE                default: nitro-cli's, where it is installed; else one built by enclave/build-kernel
#   --cmdline TEXT|@FILE         kernel command line; default: the one that comes with the kernel
#   --nsm-module FILE            nsm.ko, for kernels without the NSM driver built in
#   --name NAME                  ImageName of the metadata; default: enclave_app
#   --signing-certificate PEM    sign the image; PCR8 is then the certificate's
#   --private-key PEM            its key
#   --run                        start it with nitro-cli afterwards; nothing is started or stopped otherwise
#   --debug-mode                 with --run: console on, all measurements zero; never for secrets
#   --cpu-count N, --memory MIB  with --run; default: 1, and four times the image but at least 64
#
# Standard output has the measurements alone, as `nitro-cli build-enclave` prints them; they are also written beside the
# image (app.measurements.json), for `vsock_client --verify --measurements`.
#
# The same source, kernel, compiler and libraries give the same image, byte for byte, in every folder and at any time.
# No network is used, except by enclave/build-kernel where neither nitro-cli's kernel nor its own cache is there.
set -euo pipefail

say() { printf 'build-enclave: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
usage_error() { say "$* (see --help)"; exit 2; }

top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
output=app.eif kernel="" nsm_module="" name=enclave_app run="" debug="" cpu_count=1 memory=""
cmdline=() signing=()
while [ $# -gt 0 ]; do
    case $1 in
    --run) run=yes; shift; continue ;;
    --debug-mode) debug=yes; shift; continue ;;
    -h | --help)
        sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    --output | --kernel | --cmdline | --nsm-module | --name | --signing-certificate | --private-key | --cpu-count | \
        --memory) [ $# -ge 2 ] || usage_error "$1 needs a value" ;;
    *) usage_error "unknown argument '$1'" ;;
    esac
    case $1 in
    --output) output=$2 ;;
    --kernel) kernel=$2 ;;
    --cmdline) cmdline=(--cmdline "$2") ;;
    --nsm-module) nsm_module=$2 ;;
    --name) name=$2 ;;
    --signing-certificate | --private-key) signing+=("$1" "$2") ;;
    --cpu-count) cpu_count=$2 ;;
    --memory) memory=$2 ;;
    esac
    shift 2
done
for number in "$cpu_count" "${memory:-64}"; do
    [[ $number =~ ^[1-9][0-9]{0,6}$ ]] || usage_error "'$number' is not a number of CPUs or MiB"
done
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

# What a user's environment adds to the compiler's command line would change the measurements.
unset CFLAGS CPPFLAGS LDFLAGS CC CXX CC_LD SOURCE_DATE_EPOCH
export LC_ALL=C TZ=UTC
build=$top/build-enclave
"$top/scripts/deps" build
mkdir -p "$build/image"
if [ ! -f "$build/build.ninja" ]; then
    say "configuring"
    meson setup "$build" "$top" --buildtype=release -Dstatic_programs=true -Dtests=disabled -Dman=disabled \
        >"$build/configure.log" 2>&1 || {
        tail -n 15 "$build/configure.log" >&2
        die "cannot configure: the static archives of OpenSSL, jansson and libc are needed"
    }
fi
say "building the programs"
ninja -C "$build" src/programs/enclave_app src/programs/enclave_image src/enclave_init/enclave_init \
    >"$build/build.log" 2>&1 || {
    tail -n 30 "$build/build.log" >&2
    die "the build failed, log: $build/build.log"
}
enclave_image=$build/src/programs/enclave_image
strip -s -o "$build/image/enclave_app" "$build/src/programs/enclave_app"

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

options=(--arch "$arch" --kernel "$kernel" --name "$name" --version "$("$enclave_image" --version | cut -d' ' -f2)")
if [ -r "$kernel.config" ]; then options+=(--kernel-config "$kernel.config"); fi
if [ -n "$nsm_module" ]; then options+=(--nsm-module "$nsm_module"); fi
measurements=${output%.eif}.measurements.json
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
"$enclave_image" build "${options[@]}" "${cmdline[@]}" "${signing[@]}" \
    --init "$build/src/enclave_init/enclave_init" --app "$build/image/enclave_app" --arg --vsock --output "$output" \
    >"$work/measurements"
cp "$work/measurements" "$measurements"
cat "$measurements"

size=$(stat -c %s "$output")
# nitro-cli wants four times the image (error E26), the driver 64 MiB.
least=$(((size * 4 + 1048575) / 1048576))
[ "$least" -ge 64 ] || least=64
memory=${memory:-$least}
say "$output has $size bytes and needs $least MiB of memory or more."
say "The measurements are in $measurements. Next:"
{
    printf '\n  nitro-cli run-enclave --cpu-count %s --memory %s --eif-path %s\n' "$cpu_count" "$memory" "$output"
    printf '  vsock_client --ping\n'
    printf '  vsock_client --verify --generate-key --measurements %s\n\n' "$measurements"
} >&2

# --- run --------------------------------------------------------------------------------------------------------------

[ -n "$run" ] || exit 0
start=(nitro-cli run-enclave --cpu-count "$cpu_count" --memory "$memory" --eif-path "$output")
if [ -n "$debug" ]; then
    say "WARNING: --debug-mode: the parent sees the console, and PCR0, 1 and 2 are zero."
    say "WARNING: such an enclave protects nothing, and vsock_client --verify refuses it without --allow-debug."
    start+=(--debug-mode)
fi
say "starting: ${start[*]}"
"${start[@]}" >&2
