# SPDX-License-Identifier: Apache-2.0
# bash completion for verifier, vsock_client, enclave_app, enclave_image, software_nsm and
# vsattest-verifierd.
# shellcheck shell=bash
#
# Options are what the program's own --help lists at that moment, and what an option takes is known
# by the word behind it there (FILE, ADDRESS, ...): so this file cannot fall behind the programs.
# tests/e2e/test_completion.py fails on a word that it does not know.

# "--option WORD" for each option that the help on standard input lists.
_vsattest_options() {
    sed -nE 's/^  (-[[:alnum:]], )?(--[[:alnum:]-]+)( ([^ ]+))?( .*)?$/\2 \4/p'
}

# Those of the given words that begin as $cur does.
_vsattest_words() {
    mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
    [[ ${COMPREPLY[*]} != *: ]] || compopt -o nospace 2>/dev/null
}

# _vsattest_paths PREFIX [-d]: files (or directories) for what follows PREFIX in $cur.
_vsattest_paths() {
    local prefix=$1 cur=${cur#"$1"}
    COMPREPLY=()
    _filedir "${@:2}"
    COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
}

# Those of the given addresses that begin as $cur does, or the paths behind them.
_vsattest_addresses() {
    case $cur in
    unix:*) _vsattest_paths unix: ;;
    vsock-mux:*) _vsattest_paths vsock-mux: ;;
    *) _vsattest_words "$@" ;;
    esac
}

# What option $1 takes, whose help has the word $2 behind it. False if it takes nothing.
_vsattest_value() {
    case $1:$2 in
    *:) return 1 ;;
    *:FILE | *:\[NAMES=\]FILE | *:PEM | *:PROGRAM | *:DIR\|TAR) _vsattest_paths '' ;;
    *:SOURCE:/DEST) [[ $cur == *:* ]] || _vsattest_paths '' ;;
    *:TEXT\|@FILE) [[ $cur != @* ]] || _vsattest_paths @ ;;
    *:JSON\|@FILE\|-) [[ $cur != @* ]] || _vsattest_paths @ ;;
    *:DIR) _vsattest_paths '' -d ;;
    --service:URL) _vsattest_addresses https:// unix: ;;
    --store:URL) _vsattest_addresses memory unix: redis:// ;;
    --nsm:ADDRESS) _vsattest_addresses /dev/nsm unix: ;;
    *:ADDRESS) _vsattest_addresses unix: vsock: vsock-mux: tcp: ;;
    *:unix:PATH | *:\[NAME,...=\]unix:PATH) _vsattest_addresses unix: ;;
    *:LEVEL) _vsattest_words error warn info debug ;;
    *:KEM) _vsattest_words x25519 p384 off ;;
    *:ARCH) _vsattest_words x86_64 aarch64 ;;
    *:POLICY) _vsattest_words on-failure always never ;;
    esac
    return 0
}

_vsattest() {
    # shellcheck disable=SC2034 # bash-completion sets them
    local cur prev words cword split was_split comp_args
    if declare -F _comp_initialize >/dev/null; then
        _comp_initialize -n := -- "$@" || return
    else
        _init_completion -n := || return
    fi
    local program=${1/#\~/$HOME} name=${1##*/} whole=$cur option=$prev line
    local -a ask=("$program")

    # enclave_image has commands, each with its own options.
    if [[ $name == enclave_image ]]; then
        if ((cword == 1)) && [[ $cur != -* ]]; then
            _vsattest_words "$("$program" --help 2>/dev/null | sed -nE 's/^  ([a-z_]+) .*/\1/p')"
            return
        fi
        ((cword == 1)) || ask+=("${words[1]}")
    fi
    local -A takes=()
    while IFS= read -r line; do
        takes[${line%% *}]=${line#* }
    done < <("${ask[@]}" --help 2>/dev/null | _vsattest_options)

    if [[ $cur == --*=* ]]; then
        option=${cur%%=*}
        cur=${cur#*=}
    fi
    if [[ -z $option || -z ${takes[$option]+known} ]] ||
        ! _vsattest_value "$option" "${takes[$option]}"; then
        if [[ $cur == -* ]]; then
            _vsattest_words "${!takes[@]}"
        else
            case $name:${words[1]} in
            verifier:* | enclave_image:describe | enclave_image:extract | enclave_image:sign)
                _vsattest_paths ''
                ;;
            *) [ -n "$cur" ] || _vsattest_words "${!takes[@]}" ;;
            esac
        fi
    fi

    # readline replaces only what follows the last colon or equals sign of the word.
    local breaks=${COMP_WORDBREAKS//[!:=]/} kept=''
    [ -z "$breaks" ] || kept=${whole%"${whole##*["$breaks"]}"}
    COMPREPLY=("${COMPREPLY[@]/#/${whole%"$cur"}}")
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
} && complete -F _vsattest verifier vsock_client enclave_app enclave_image software_nsm vsattest-verifierd
