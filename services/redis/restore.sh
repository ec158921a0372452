#!/bin/sh
# Start a second server with the backup, which checks it, and let the first server replicate from it. The first server
# keeps its keys until it has all the new ones; with modules that do not support this, it makes clients wait instead.
set -eu
REDISCLI_AUTH=$(cat /run/secrets/redis_password)
export REDISCLI_AUTH
folder=/data/restore port=6380 second=

# reply PORT COMMAND...: print the server's answer; fail if it is an error
reply() {
  local server_port="$1"
  shift
  redis-cli -e -p "$server_port" "$@"
}

# wait_for_info PORT SECTION LINE: wait until INFO shows the line; fail after ten minutes, or if the second server ends
wait_for_info() {
  local tries=3000
  until reply "$1" info "$2" 2>/dev/null | tr -d '\r' | grep -Fqx "$3"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] && kill -0 "$second" 2>/dev/null || return 1
    sleep 0.2
  done
}

clean_up() {
  reply 6379 replicaof no one >/dev/null || true
  kill "$second" 2>/dev/null && wait "$second" || true
  rm -rf "$folder"
}

rm -rf "$folder"
mkdir "$folder"
trap clean_up EXIT
cat >"$folder/dump.rdb"
if [ "$(head -c 5 "$folder/dump.rdb")" != REDIS ]; then
  echo 'it is not a backup of redis' >&2
  exit 1
fi
sed 's/^appendonly .*/appendonly no/' /tmp/redis.conf >/tmp/second.conf
docker-entrypoint.sh redis-server /tmp/second.conf --dir "$folder" --bind 127.0.0.1 --port "$port" >"$folder/log" 2>&1 &
second=$!
wait_for_info "$port" persistence loading:0 || {
  sed -n 's/^[^#]*# \([^W]\)/\1/p' "$folder/log" | head -n 1 >&2
  exit 1
}
reply 6379 replicaof 127.0.0.1 "$port" >/dev/null
wait_for_info 6379 replication master_link_status:up || {
  echo 'the keys could not be copied: memory or the disk may be full' >&2
  exit 1
}
reply 6379 replicaof no one >/dev/null
# Wait until the new keys are on disk: before that, a restart would bring the old ones back.
wait_for_info 6379 persistence aof_rewrite_scheduled:0
wait_for_info 6379 persistence aof_rewrite_in_progress:0
reply 6379 info persistence | grep -q '^aof_last_bgrewrite_status:ok' || {
  echo 'the new keys could not be written to disk, so a restart brings the old ones back' >&2
  exit 1
}
