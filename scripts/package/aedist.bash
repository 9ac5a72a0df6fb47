# Completion of aedist for bash, which finds this file by the program's name. The program knows its commands,
# options, keys and trials itself: `aedist --complete WORDS`.
# shellcheck shell=bash

_aedist() {
    local line word head candidate files=false words=()
    # Split at blanks only: bash would split at the '=' of an override, too.
    line=${COMP_LINE:0:COMP_POINT}
    read -ra words <<<"$line"
    if [[ $line == *[[:blank:]] ]]; then words+=(""); fi
    word=${words[-1]}
    head=
    if [[ $word == *=* && ${COMP_WORDBREAKS-} == *=* ]]; then head=${word%=*}=; fi
    words=("${words[@]/#\~\//$HOME/}")
    COMPREPLY=()
    while IFS= read -r candidate; do
        case $candidate in
            "<files>") files=true ;;
            *) COMPREPLY+=("${candidate#"$head"}") ;;
        esac
        if [[ $candidate == *[.=] ]]; then compopt -o nospace 2>/dev/null || true; fi
    done < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
    if $files; then
        compopt -o filenames 2>/dev/null || true
        while IFS= read -r candidate; do
            COMPREPLY+=("$candidate")
        done < <(compgen -f -- "$word")
    fi
}
complete -F _aedist aedist
