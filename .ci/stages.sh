# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Stages of .ci/run and .ci/nightly, which source this first and call finish_stages last.
#
# Stages run one after the other; a failing one does not stop the rest. Each is timed and counted:
# test runners by their single test cases, any other stage as one. The last line is the total.

script=$(basename "$0")
case ${1:-} in
-h | --help)
    sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
    exit 0
    ;;
esac
chosen=("$@")
for name in "${chosen[@]}"; do
    [ "$name" = --list ] || grep -qF "stage '$name' " "$0" || {
        echo "$script: no stage '$name' (see --list)" >&2
        exit 2
    }
done
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
passed=0 failed=0 skipped=0
summary=()

# causes NAME LOG: each failed case with its cause, or the last lines of what counts no cases. Not by head: it would
# end the script where there are more lines, by SIGPIPE.
causes() {
    printf '%s:\n' "$1"
    if grep -q '^failed: ' "$2"; then
        sed -n '/^failed: /,/^[0-9]* passed, /{/^[0-9]* passed, /!p;}' "$2" | sed -n 1,100p
    else
        tail -n 20 "$2"
    fi | sed 's/^/   | /'
}

# stage NAME COMMAND...: counts what the command's closing line says, or one.
stage() {
    local name=$1 log begin=$SECONDS status=0 line p=0 f=0 s=0 verdict=ok choice take=''
    if [ "${chosen[0]:-}" = --list ]; then
        printf '%s\n' "$name"
        return
    fi
    for choice in "${chosen[@]}"; do [ "$choice" != "$name" ] || take=yes; done
    [ ${#chosen[@]} -eq 0 ] || [ -n "$take" ] || return 0
    log=$logs/${name// /-}
    shift
    printf '\n== %s\n' "$name"
    # Not in a condition: there, set -e would be off inside the stage.
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1 </dev/null
    status=$?
    set -e
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1 || true)
    if [ -n "$line" ]; then
        read -r p _ f _ s _ <<<"${line//,/}"
        [ "$status" -eq 0 ] || [ "$f" -gt 0 ] || f=1
    elif [ "$status" -eq 0 ]; then
        p=1
    else
        f=1
    fi
    # Indented, so that no stage's closing line is taken for the total.
    grep -E '^(skipped|failed): ' "$log" | sort -u | sed 's/^/   /' || true
    if [ "$f" -gt 0 ]; then
        verdict=FAILED
        printf '   exit status %d; the end of its output:\n' "$status"
        tail -n 150 "$log" | sed 's/^/   | /'
        causes "$name" "$log" >>"$logs/causes"
    else
        tail -n 3 "$log" | sed 's/^/   | /'
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    summary+=("$(printf '%-26s %-6s %4d s  %5d passed %3d failed %3d skipped' \
        "$name" "$verdict" $((SECONDS - begin)) "$p" "$f" "$s")")
    printf '   %s\n' "${summary[-1]}"
}

# The summary; fails if any stage did.
finish_stages() {
    [ "${chosen[0]:-}" != --list ] || exit 0
    if [ -e "$logs/causes" ]; then
        printf '\n== what failed\n'
        cat "$logs/causes"
    fi
    printf '\n== summary (%d s)\n' "$SECONDS"
    printf '%s\n' "${summary[@]}"
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
}
