# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The project's cache directory ($XDG_CACHE_HOME/vsattest), for scripts to source.

# Without HOME, bash takes ~ from the password database. Never in /tmp: what lies there may be another user's, and what
# the cache has is linked into programs.
cache_home=${XDG_CACHE_HOME:-~/.cache}
cache=$cache_home/vsattest
# Where progress is shown, also while a caller's redirection is in force.
exec {cache_terminal}>&2

# Until November 2026 the project had another name. A build that runs in the old directory keeps it.
if [ -d "$cache_home/vsock-attest" ] && [ ! -e "$cache" ] && (
    for lock in "$cache_home"/vsock-attest/*.lock; do
        [ ! -e "$lock" ] || flock -n "$lock" true || exit 1
    done
); then
    # -T: another script may have moved it meanwhile.
    mv -T "$cache_home/vsock-attest" "$cache" 2>/dev/null || [ -d "$cache" ]
fi

# cache_begin NAME: makes the directory $work to build NAME in, which is gone when the script ends. One build of NAME
# at a time; what a killed one has left is removed.
cache_begin() {
    mkdir -p "$cache"
    exec 9>"$cache/$1.lock"
    flock -w 3600 9 || return 1
    rm -rf --one-file-system -- "$cache/building-$1".*
    work=$(mktemp -d "$cache/building-$1.XXXXXX")
    trap cache_end EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
cache_end() {
    [ -z "${cache_child:-}" ] || kill -- "-$cache_child" 2>/dev/null || kill "$cache_child" 2>/dev/null || true
    [ -z "${cache_child:-}" ] || wait "$cache_child" 2>/dev/null || true
    rm -rf --one-file-system -- "$work"
}

# cache_run COMMAND...: runs a long command of a build, which ends with this script however that ends: in a process
# group of its own for the traps, and by the kernel's word where no trap runs (SIGKILL).
# Every few seconds it calls cache_steps, which prints "DONE TOTAL" (nothing: not known), and shows how far that is.
cache_run() {
    local status begin=$SECONDS pause=30
    [ ! -t "$cache_terminal" ] || pause=2
    # Nothing is written to this pipe: it ends when the command and all that it started have. A second process that
    # sleeps would have to be ended, and a child of bash that is ended before it has become its command runs the traps.
    exec {cache_output}>&1
    exec {cache_running}< <(
        exec setsid setpriv --pdeathsig TERM "$@" 3>&1 >&"$cache_output" 9>&- </dev/null
    )
    cache_child=$!
    while :; do
        status=0
        read -r -t "$pause" -u "$cache_running" _ || status=$?
        [ "$status" -gt 128 ] || break
        cache_progress "$((SECONDS - begin))"
    done
    status=0
    wait "$cache_child" || status=$?
    cache_child=''
    exec {cache_output}>&- {cache_running}<&-
    [ ! -t "$cache_terminal" ] || printf '\r\033[K' >&"$cache_terminal"
    return "$status"
}
cache_steps() { :; }

# cache_progress SECONDS: one line; on a terminal always the same one. What is to come is taken to be as fast as what
# was: after a twentieth of the steps that is worth showing.
cache_progress() {
    local steps done total line start='' end='\n'
    [ ! -t "$cache_terminal" ] || start='\r\033[K' end=''
    steps=$(cache_steps)
    read -r done total <<<"${steps:-0 0}"
    line=$(printf '%s: %d:%02d' "${0##*/}" $(($1 / 60)) $(($1 % 60)))
    if [ "$total" -gt 0 ]; then
        [ "$done" -lt "$total" ] || total=$done
        line+=", step $done of about $total"
        [ $((done * 20)) -lt "$total" ] ||
            line+=", about $(((($1 * total) / done + 59) / 60)) minutes in all on this machine"
    fi
    # shellcheck disable=SC2059 # escape sequences
    printf "$start%s$end" "$line" >&"$cache_terminal"
}

# cache_keep ENTRY: ENTRY is in use. Others of its kind (the name up to the first "-") that no script has used for
# 30 days are removed: other checkouts may want other versions than this one.
cache_keep() {
    local kind=${1##*/}
    touch -c "$1" 2>/dev/null || return 0
    find "$cache" -mindepth 1 -maxdepth 1 -name "${kind%%-*}-*" ! -path "$1" -mtime +30 -exec rm -rf -- {} + || true
}
