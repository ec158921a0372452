# PASS: variables of yours, and files in your home folder, for programs in containers. The values of variables are in a file
# that the container removes once it has read it: no image, `docker inspect`, process list or log shows them.

# pass_variable NAME: put a variable of yours into the file `pass` of this command, which a shell in a container reads.
pass_variable() {
  local _value
  eval "_value=\${$1:-}"
  if [ -z "$_value" ]; then
    setting "$1" ''
    eval "_value=\$$1"
    case $_value in \"* | \'*) fail "$1 has several lines in .env. Set it in the environment, or put it into a file." ;; esac
  fi
  [ -n "$_value" ] || fail "$1 is not set. Set it in the environment or in .env, or remove it from PASS."
  # The x keeps line breaks at the end.
  _value=$(printf %sx "$_value" | sed "s/'/'\\\\''/g")
  printf "export %s='%s'\n" "$1" "${_value%x}" >>"$(temporary_file pass)"
}

# mount_line SOURCE TARGET [READ_ONLY]: print a mount for a Compose file. It is read-only unless READ_ONLY is false.
mount_line() {
  printf '%s\n' "$1" "$2" |
    sed "s/'/''/g; s/\\$/\$\$/g; 1s/.*/      - {type: bind, source: '&',/; 2s/.*/         target: '&', read_only: ${3:-true}}/"
}

# load_pass NAMES: until this command ends, give containers what NAMES and the setting PASS list, separated by commas.
# Its own names begin with _, since NAMES can have any others.
load_pass() {
  local _names _folder=.local/tmp.$$ _item _file=/workspace/.local/tmp.$$/pass
  setting PASS ''
  _names=$PASS,$1
  [ "$_names" != , ] || return 0
  (umask 077 && : >"$(temporary_file pass)")
  set --
  # Without spaces around a name.
  while read -r _item; do
    # A shell has replaced only the first ~ of PASS=~/.aws,~/.kaggle.
    case $_item in "$HOME"/*) _item="~${_item#"$HOME"}" ;; esac
    # shellcheck disable=SC2088 # it is not to expand
    case $_item in
      '') ;;
      '~/..'* | '~/'*'/..'*) fail "PASS cannot have '$_item'. Use names of variables, and files in your home folder, such as PASS=HF_TOKEN,~/.aws." ;;
      '~/'?*)
        _item=${_item#??} _item=${_item%/}
        [ -e "$HOME/$_item" ] || fail "~/$_item does not exist. Create it, or remove it from PASS."
        if [ -d "$HOME/$_item" ]; then set -- "$@" "./$_item/"; else set -- "$@" "./$_item"; fi
        mount_line "$HOME/$_item" "/cache/$HOST_UID/$_item" >>"$_folder/mounts"
        ;;
      [0-9]* | *[!A-Za-z0-9_]*)
        fail "PASS cannot have '$_item'. Use names of variables, and files in your home folder, such as PASS=HF_TOKEN,~/.aws."
        ;;
      *) pass_variable "$_item" ;;
    esac
  done <<END
$(echo "$_names" | tr , '\n')
END
  hand_over "$_folder" "$_folder/pass"
  # What Docker makes for a mount would belong to root.
  # shellcheck disable=SC2016 # for the shell in the container
  [ $# = 0 ] || run_container task sh -c \
    'mkdir -p ~ && cd && for file; do mkdir -p "${file%/*}"; [ -e "$file" ] || : >"$file"; done' sh "$@" </dev/null
  {
    printf '%s\n' 'services:' '  lab: &pass' \
      "    entrypoint: [sh, -c, '. $_file && rm $_file && exec \"\$\$@\"', sh]"
    [ $# = 0 ] || { echo '    volumes:' && cat "$_folder/mounts"; }
    echo '  task: *pass'
  } >"$_folder/pass.yaml"
  export COMPOSE_FILE="$COMPOSE_FILE:$_folder/pass.yaml"
}
