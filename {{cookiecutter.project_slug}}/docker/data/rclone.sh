#!/bin/sh
# rclone.sh copy|sync FROM TO [OPTION...]   in the container: copy files with rclone, and compare both sides. The exit status
#                                           is 10 if FROM has no files.
set -eu
. /run/transfer/pass
rm /run/transfer/pass
operation=$1 from=$2 to=$3
shift 3

# rclone checks the permissions of a key, and renews tokens in their files.
[ ! -d /run/home ] || cp -R /run/home/. ~
case ${RCLONE_CONFIG_DATA_TYPE:-} in
  s3)
    provider=AWS region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
    [ -z "${RCLONE_CONFIG_DATA_ENDPOINT:-}" ] || provider=Other
    export RCLONE_CONFIG_DATA_PROVIDER="${RCLONE_CONFIG_DATA_PROVIDER:-$provider}"
    export RCLONE_CONFIG_DATA_REGION="${RCLONE_CONFIG_DATA_REGION:-$region}"
    ;;
  sftp)
    # Without this file, rclone would trust any server.
    mkdir -p ~/.ssh && touch ~/.ssh/known_hosts
    for key in ~/.ssh/id_*; do
      [ ! -f "$key" ] || export RCLONE_CONFIG_DATA_KEY_FILE="${RCLONE_CONFIG_DATA_KEY_FILE:-$key}"
    done
    ;;
  http)
    # rclone filters folders only.
    [ "$from" = data: ] || unset RCLONE_FILTER_FROM
    ;;
esac

first=$({ rclone lsf --recursive --files-only --skip-links "$from" || echo //failed; } | head -n 1)
case $first in
  //failed) exit 1 ;;
  '') exit 10 ;;
esac
# rclone takes a missing bucket for an empty one.
case ${RCLONE_CONFIG_DATA_TYPE:-},$to in
  sftp,* | *,/*) ;;
  *) rclone lsf --max-depth 1 --skip-links "${to%%/*}" >/dev/null ;;
esac
# In the background, so that this shell can tell it to stop: it then removes a file that is not complete.
rclone "$operation" "$from" "$to" --verbose "$@" &
trap 'kill $! 2>/dev/null && wait $!; exit 130' HUP INT TERM
wait $!
[ "${RCLONE_DRY_RUN:-}" = true ] || rclone check --one-way --skip-links "$from" "$to"
