#!/bin/sh
# sweep        simulates the runs of SWEEP that S3 does not have yet, JOBS at a time
# sweep RUN    simulates one run, and stores its result in S3
# The result of each run is an object of its own, which is either complete or not there.
set -eu

# explain LOG: print the error for what rclone says, in one line.
explain() {
  local reason
  case $(cat "$1") in
    *InvalidAccessKeyId* | *SignatureDoesNotMatch* | *AccessDenied* | *Forbidden* | *XAdminUserNotFound*)
      reason="does not accept the key. Correct SIMULATION_S3_USER and SIMULATION_S3_PASSWORD in .env" ;;
    *AuthorizationHeaderMalformed* | *LocationConstraint* | *PermanentRedirect*)
      reason="is in another region than $S3_REGION. Correct SIMULATION_S3_REGION in .env" ;;
    *InvalidBucketName* | *BucketAlreadyExists*)
      reason="refuses the bucket $S3_BUCKET. Choose another name: SIMULATION_S3_BUCKET in .env" ;;
    *' dial tcp'* | *'connection reset'* | *': EOF'*)
      reason="does not answer. Start it: make up SERVICE=simulation, or correct SIMULATION_S3_ENDPOINT in .env" ;;
    *) reason="failed: $(grep -E 'ERROR|Failed' "$1" | tail -n 1 | sed -E 's/^.*(ERROR : |Failed to [a-z]+: )//' |
      tr -d '\n' | cut -c 1-200 | sed 's/[.[:space:]]*$//'). What is stored is complete: run make simulate again, which continues" ;;
  esac
  echo "error: S3 at $S3_ENDPOINT $reason."
}

# store COMMAND ARGUMENT...: run rclone without the user's files. A lost connection is tried three times.
store() { rclone --config '' --retries 1 --low-level-retries 3 --contimeout 10s "$@"; }

# The remote that rclone knows as `s3:`.
case $S3_ENDPOINT in *.amazonaws.com*) provider=AWS ;; *) provider=Other ;; esac
export RCLONE_CONFIG_S3_TYPE=s3 RCLONE_CONFIG_S3_PROVIDER=$provider RCLONE_CONFIG_S3_ENDPOINT="$S3_ENDPOINT" \
  RCLONE_CONFIG_S3_REGION="$S3_REGION" RCLONE_CONFIG_S3_ACCESS_KEY_ID="$S3_USER"
RCLONE_CONFIG_S3_SECRET_ACCESS_KEY=$(cat /run/secrets/simulation_s3_password)
export RCLONE_CONFIG_S3_SECRET_ACCESS_KEY
# AWS knows its first region by the lack of a name.
[ "$S3_REGION" = us-east-1 ] || export RCLONE_CONFIG_S3_LOCATION_CONSTRAINT="$S3_REGION"

if [ $# = 1 ]; then
  # Into a file first: if the simulation is killed, nothing is stored.
  file=$(mktemp)
  if ! simulate "$1" >"$file" 2>"$file.log"; then
    echo "error: the run $1 failed: $(tail -n 1 "$file.log"). Use fewer JOBS if memory is short." >/tmp/error
  elif ! store rcat --s3-no-check-bucket "s3:$S3_BUCKET/$1.json" <"$file" 2>"$file.log"; then
    explain "$file.log" >/tmp/error
  else
    rm "$file" "$file.log"
    echo "$1"
    exit
  fi
  # With this status, xargs stops.
  exit 255
fi

JOBS=${JOBS:-$(nproc)}
case $JOBS in
  *[!0-9]* | 0*) echo "error: JOBS='$JOBS' is not a number above 0. Use one such as JOBS=$(nproc)." >&2 && exit 1 ;;
esac
simulate --list "$SWEEP" >/tmp/runs
if ! store lsf --recursive --files-only "s3:$S3_BUCKET" >/tmp/objects 2>/tmp/log; then
  # Also for a bucket that is not there yet.
  store mkdir "s3:$S3_BUCKET" 2>/tmp/log || { explain /tmp/log >&2 && exit 1; }
  store lsf --recursive --files-only "s3:$S3_BUCKET" >/tmp/objects 2>/tmp/log || { explain /tmp/log >&2 && exit 1; }
fi
awk -v objects=/tmp/objects 'BEGIN { while ((getline name <objects) > 0) stored[name] } !(($0 ".json") in stored)' \
  /tmp/runs >/tmp/missing
all=$(wc -l </tmp/runs) missing=$(wc -l </tmp/missing)
echo "$((all - missing)) of $((all)) runs are stored already"
[ -s /tmp/missing ] || exit 0
{ xargs -n 1 -P "$JOBS" "$0" </tmp/missing 2>/dev/null || [ -s /tmp/error ] ||
  echo 'error: a run was killed. Use fewer JOBS if memory is short.' >/tmp/error; } | {
  count=0
  while read -r run; do
    count=$((count + 1))
    echo "$count of $((missing)): $run"
  done
}
[ ! -s /tmp/error ] || { head -n 1 /tmp/error >&2 && exit 1; }
