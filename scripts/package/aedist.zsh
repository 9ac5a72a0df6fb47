#compdef aedist
# Completion of aedist for zsh, installed as _aedist. The program knows its commands, options, keys and trials
# itself: `aedist --complete WORDS`.

local -a candidates
candidates=("${(@f)$(${(Q)words[1]} --complete "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
local -a open=(${(M)candidates:#*[.=]}) whole=(${candidates:#*[.=]})
whole=(${whole:#<files>})
(( ${#open} )) && compadd -S '' -- $open
(( ${#whole} )) && compadd -- $whole
(( ${candidates[(I)<files>]} )) && _files
return 0
