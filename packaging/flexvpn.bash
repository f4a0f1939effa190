# SPDX-License-Identifier: Apache-2.0
# Completion of `flexvpn` in bash: words of the command tree, by the program itself.

_flexvpn() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} line="" i
  COMPREPLY=()
  case $before in
    -f | --file | -s | --socket)
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--file --keep-going --json --socket --help --version" -- "$word")
    return
  fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in
      -f | --file | -s | --socket) ((++i)) ;;
      -*) ;;
      *) line+="${COMP_WORDS[i]} " ;;
    esac
  done
  mapfile -t COMPREPLY < <(flexvpn --complete "$line$word" 2>/dev/null)
}

complete -F _flexvpn flexvpn
