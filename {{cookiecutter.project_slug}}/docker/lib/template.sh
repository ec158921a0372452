# The template that made this project, in the version that made it.

# require_name KIND EXAMPLE: fail unless the variable NAME can be the name of a service or a kernel.
require_name() {
  [ -n "${NAME:-}" ] || fail "no $1 is given. Use make add-$1 NAME=$2."
  case $NAME in
    none | -* | *[!a-z0-9-]*) fail "'$NAME' is not the name of a $1. Use one lower-case name: make add-$1 NAME=$2." ;;
  esac
}

# recorded KEY: print a value of .cruft.json, which has a line for each key.
recorded() { sed -n 's/^ *"'"$1"'": *"\(.*\)",\{0,1\}$/\1/p' .cruft.json | head -n 1 | sed 's/\\\(["\\/]\)/\1/g'; }

# git_without_host ARGUMENT...: run git in a container. Not every image has certificates, but Python's packages do.
git_without_host() {
  # shellcheck disable=SC2016 # for the container's shell
  run_container task sh -c \
    '[ -e /etc/ssl/certs/ca-certificates.crt ] || [ -n "${GIT_SSL_CAINFO:-}" ] || export GIT_SSL_CAINFO="$(python -m certifi)"; exec git "$@"' git "$@"
}

# check_out TEMPLATE COMMIT FOLDER [OLD VERSION]: clone the template with this machine's git, which has your access to it, or in
# a container if there is none, and check out a commit. For an update, check it out in the folder OLD, beside FOLDER, and
# VERSION in FOLDER: by default the newest commit, unless the project has it already. Whoever owns the template does not
# matter. In a subshell, since git reads variables.
check_out() (
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
  git=git source=$1
  command -v git >/dev/null 2>&1 || git=git_without_host
  if [ -d "$1" ]; then
    printf '[safe]\n\tdirectory = *\n' >"$3.config"
    export GIT_CONFIG_GLOBAL="$PWD/$3.config"
    [ "$git" = git ] || { cp -R "$1/.git" "$3.git" && source=$3.git; }
  fi
  trace git clone "$1"
  $git clone --quiet --no-checkout -- "$source" "$3" ||
    fail "cannot fetch the template $1. Check the network, your access, and the address in .cruft.json. Rerun with V=1 to see what git says."
  $git -C "$3" cat-file -e "$2^{commit}" || $git -C "$3" fetch --quiet origin "$2" || true
  set -- "$@" ''
  if [ -n "$4" ]; then
    $git -C "$3" worktree add --detach "../${4##*/}" "$2"
  else
    $git -C "$3" checkout --quiet --detach "$2"
  fi || fail "the template $1 has no commit $2, from which this project was generated. Fetch it there, or correct the address in .cruft.json."
  [ -n "$4" ] || exit 0
  if [ -n "$5" ]; then
    $git -C "$3" checkout --quiet --detach "origin/$5" || $git -C "$3" checkout --quiet --detach "$5" ||
      { $git -C "$3" fetch --quiet origin "$5" && $git -C "$3" checkout --quiet --detach FETCH_HEAD; } ||
      fail "the template $1 has no version $5. Use VERSION= with a tag, a branch or a commit of it."
  else
    newest=HEAD
    ! $git -C "$3" merge-base --is-ancestor HEAD "$2" || newest=$2
    $git -C "$3" checkout --quiet --detach "$newest"
  fi
)

# fetch_template SCRIPT [VERSION]: fetch the template for a command, the other part of which is generation/SCRIPT. Set template
# and commit, which say where the project comes from, and template_folder, the folder that the template is in. With VERSION,
# which may be empty, that is this version, and old_folder and new_commit are set, too.
fetch_template() {
  local clone directory output
  [ -f .cruft.json ] ||
    fail 'there is no .cruft.json, which says where this project came from. Link it: uvx cruft link --checkout TAG https://github.com/org/ds-docker. TAG is v and the version that README.md names.'
  # git does not know abbreviations such as gh: for addresses.
  template=$(recorded template | sed -e 's|^gh:\(.*\)|https://github.com/\1.git|' -e 's|^gl:\(.*\)|https://gitlab.com/\1.git|' \
    -e 's|^bb:|https://bitbucket.org/|' -e 's|^file://||')
  commit=$(recorded commit)
  [ -n "$template" ] && [ -n "$commit" ] ||
    fail '.cruft.json has no template and commit. Remove it, and link the project again: uvx cruft link --checkout TAG https://github.com/org/ds-docker. TAG is v and the version that README.md names.'

  prepare_build
  # Any development image has what is needed, even if the sources have changed since it was built.
  "$DOCKER" image inspect "$PROJECT:$ACCELERATOR" >/dev/null 2>&1 || build_development_image
  lock add
  clone=$(temporary_file template) directory=$(recorded directory)
  output=$(check_out "$template" "$commit" "$clone" ${2+"$clone-old" "$2"} 2>&1) || {
    [ "${V:-}" != 1 ] || printf '%s\n' "$output" >&2
    fail "$(printf '%s\n' "$output" | sed -n 's/^error: //p' | tail -n 1)"
  }
  template_folder=$clone/$directory old_folder=$clone-old/$directory new_commit=$(cat "$clone/.git/HEAD")
  [ -f "$template_folder/generation/$1" ] ||
    fail "the template at commit $new_commit is older than this command. Update the project first: make update."
}

# update: bring the project to VERSION, or the newest version of the template. With DRY=1, only show what would change.
update() {
  case ${VERSION:-} in
    -* | *[!A-Za-z0-9._/+-]*) fail "VERSION='$VERSION' is not a version of the template. Use a tag, a branch or a commit, such as VERSION=v0.1.0." ;;
  esac
  # Without git or a repository, nothing is listed.
  [ "${DRY:-}" = 1 ] || [ -z "$(git --no-optional-locks status --porcelain --untracked-files=no -- . 2>/dev/null)" ] ||
    fail "git has changes that are not committed. Commit them first, so that 'git diff' shows what the update changes."
  fetch_template update.sh "${VERSION:-}"
  . "$template_folder/generation/update.sh"
}
