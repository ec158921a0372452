#!/bin/sh
# shellcheck shell=dash
# `make update` here: update_project.sh PYTHON. Updates the project in the folder FROM, which has no `make update` of its own
# yet, with the git and the Python of this machine instead of a container.
set -eu
python=$1 library="$PWD/{{cookiecutter.project_slug}}/docker/lib"
. "$library/output.sh"
. "$library/files.sh"
. "$library/template.sh"

# What the library and update.sh need of the parts that call Docker.
PROJECT='' ACCELERATOR='' DOCKER=:
prepare_build() { mkdir -p .local; }
hand_over() { :; }

# run_build OPTION... FOLDER: do what two stages of generation/Dockerfile do.
run_build() {
  local stage='' folder='' name='' old='' mine=''
  while [ $# -gt 1 ]; do
    case $1,$2 in
      --target,*) stage=$2 ;;
      --output,*) folder=$PWD/${2#*dest=} ;;
      *,NAME=*) name=${2#*=} ;;
      *,old=*) old=$PWD/${2#*=} ;;
      *,mine=*) mine=$PWD/${2#*=}/project ;;
    esac
    shift 2
  done
  if [ "$stage" = differing ]; then
    versions=$folder
    set -- "$1" render "$name" .given "$old" "$folder"
  else
    set -- "$1" merge "$name" "$versions" "$mine" "$folder"
  fi
  (cd "$1" && shift && "$python" -B -m generation.update "$@") >"$build_log" 2>&1 || { cat "$build_log" >&2 && return 1; }
}

[ -n "${FROM:-}" ] || fail 'no project is given. Use make update FROM=path.'
[ -d "$FROM" ] || fail "$FROM is not a folder. Use make update FROM=path with the folder of your project."
cd -- "$FROM"
build_log=$PWD/.local/build.log
trap clean_up EXIT
trap 'exit 130' HUP INT PIPE TERM
update
