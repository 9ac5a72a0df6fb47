# Usage: zsh complete.zsh FOLDER LINE ...
#
# Types every LINE and a tab into a zsh on a terminal of its own, with the completion functions of FOLDER, and
# prints what then stands there, control characters written out.
zmodload zsh/zpty
zpty -b shell zsh -f -i

# Reads until nothing has come for $1 tenths of a second, into REPLY.
read_quiet() {
    local piece
    integer quiet=0
    REPLY=
    while (( quiet < $1 )); do
        if zpty -r shell piece 2>/dev/null; then
            REPLY+=$piece
            quiet=0
        else
            quiet+=1
            sleep 0.1
        fi
    done
}

# Reads until $1 has come, for half a minute at most: a loaded machine takes its time.
read_until() {
    local all=
    integer tries=0
    while [[ $all != *$1* ]] && (( tries++ < 100 )); do
        read_quiet 3
        all+=$REPLY
    done
    REPLY=$all
}

zpty -w shell "PS1='> '; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; print rea''dy"
read_until ready
shift
for line; do
    zpty -w -n shell "$line"$'\t\C-v\C-g' # the shell shows ^G when the tab is done
    read_until '^G'
    print -r -- "${(V)REPLY}"
    zpty -w -n shell $'\x15'
    read_quiet 3
done
zpty -d shell
