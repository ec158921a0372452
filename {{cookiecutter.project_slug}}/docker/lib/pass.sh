# PASS: variables of yours, and files in your home folder, for programs in containers. The values of variables are in a file
# that the container removes once it has read it: no image, `docker inspect`, process list or log shows them.

# load_pass NAMES: until this command ends, give containers what NAMES and the setting PASS list, separated by commas.
load_pass() {
  local names folder=.local/tmp.$$ item value file=/workspace/.local/tmp.$$/pass
  setting PASS ''
  names=$PASS,$1
  [ "$names" != , ] || return 0
  (umask 077 && : >"$(temporary_file pass)")
  set --
  # Without spaces around a name.
  while read -r item; do
    # A shell has replaced only the first ~ of PASS=~/.aws,~/.kaggle.
    case $item in "$HOME"/*) item="~${item#"$HOME"}" ;; esac
    # shellcheck disable=SC2088 # it is not to expand
    case $item in
      '') ;;
      '~/..'* | '~/'*'/..'*) fail "PASS cannot have '$item'. Use names of variables, and files in your home folder, such as PASS=HF_TOKEN,~/.aws." ;;
      '~/'?*)
        item=${item#??} item=${item%/}
        [ -e "$HOME/$item" ] || fail "~/$item does not exist. Create it, or remove it from PASS."
        if [ -d "$HOME/$item" ]; then set -- "$@" "./$item/"; else set -- "$@" "./$item"; fi
        printf '%s\n' "$HOME/$item" "/cache/$HOST_UID/$item" |
          sed "s/'/''/g; s/\\$/\$\$/g; 1s/.*/      - {type: bind, source: '&',/; 2s/.*/         target: '&', read_only: true}/" >>"$folder/mounts"
        ;;
      [0-9]* | *[!A-Za-z0-9_]*)
        fail "PASS cannot have '$item'. Use names of variables, and files in your home folder, such as PASS=HF_TOKEN,~/.aws."
        ;;
      *)
        eval "value=\${$item:-}"
        if [ -z "$value" ]; then
          setting "$item" ''
          eval "value=\$$item"
          case $value in \"* | \'*) fail "$item has several lines in .env. Set it in the environment, or put it into a file." ;; esac
        fi
        [ -n "$value" ] || fail "$item is not set. Set it in the environment or in .env, or remove it from PASS."
        printf "export %s='%s'\n" "$item" "$(printf %s "$value" | sed "s/'/'\\\\''/g")" >>"$folder/pass"
        ;;
    esac
  done <<END
$(echo "$names" | tr , '\n')
END
  hand_over "$folder" "$folder/pass"
  # Only root can write to a folder that Docker makes for a mount.
  # shellcheck disable=SC2016 # for the shell in the container
  [ $# = 0 ] || run_container task sh -c 'mkdir -p ~ && cd && for file; do mkdir -p "${file%/*}"; done' sh "$@" </dev/null
  {
    printf '%s\n' 'services:' '  lab: &pass' \
      "    entrypoint: [sh, -c, '. $file && rm $file && exec \"\$\$@\"', sh]"
    [ $# = 0 ] || { echo '    volumes:' && cat "$folder/mounts"; }
    echo '  task: *pass'
  } >"$folder/pass.yaml"
  export COMPOSE_FILE="$COMPOSE_FILE:$folder/pass.yaml"
}
