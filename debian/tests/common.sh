# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For the tests beside it: `check NAME COMMAND...` prints a line of TAP; a software enclave on Unix
# sockets. Nothing here uses vsock.
set -u

directory=${AUTOPKGTEST_TMP:-}
if [ -z "$directory" ]; then
    directory=$(mktemp -d)
    own_directory=$directory
fi
cd "$directory" || exit 1
number=0 failures=0 started=()

# shellcheck disable=SC2317 # called by the trap
finish() {
    local pid
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    [ -z "${own_directory:-}" ] || rm -rf "$own_directory"
    echo "1..$number"
    [ "$failures" -eq 0 ] && [ "$number" -gt 0 ]
    exit
}
trap finish EXIT

# check NAME COMMAND...: in a shell of its own, bounded in time. Not in a condition: there, set -e would be off inside.
check() {
    local name=$1 verdict='ok' status
    shift
    number=$((number + 1))
    (
        set -e
        "$@"
    ) >check.log 2>&1 </dev/null
    status=$?
    [ "$status" -eq 0 ] || verdict='not ok' failures=$((failures + 1))
    echo "$verdict $number - $name"
    [ "$verdict" = ok ] || sed 's/^/# /' check.log
}

# exits STATUS COMMAND...: true if the command ends with that status.
exits() {
    local expected=$1 status=0
    shift
    timeout 60 "$@" || status=$?
    [ "$status" -eq "$expected" ] || { echo "$*: exit status $status, expected $expected"; return 1; }
}

answers() { vsock_client --connect unix:enclave.sock --ping --timeout 2 >/dev/null 2>&1; }

start_enclave() {
    timeout 300 software_nsm --listen unix:nsm.sock --state state --root-out root.pem 2>nsm.log &
    started+=($!)
    timeout 300 enclave_app --listen unix:enclave.sock --nsm unix:nsm.sock 2>app.log &
    started+=($!)
    local i
    for ((i = 0; i < 100; i++)); do
        [ -s root.pem ] && answers && return
        sleep 0.1
    done
    cat nsm.log app.log
    return 1
}
