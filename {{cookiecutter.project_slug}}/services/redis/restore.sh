#!/bin/sh
# A second server reads the file, which shows whether it is good. Then the first one copies it. It has the old keys until
# it has all new ones; with modules that do not allow that, clients are told to wait meanwhile.
set -eu
REDISCLI_AUTH=$(cat /run/secrets/redis_password)
export REDISCLI_AUTH
folder=/data/restore port=6380
reply() { # PORT COMMAND...: an answer that is an error is one here too
  on=$1
  shift
  redis-cli -e -p "$on" "$@"
}
# until_says PORT SECTION LINE: waits until INFO has that line, for ten minutes or as long as the second server lives
until_says() {
  tries=3000
  until reply "$1" info "$2" 2>/dev/null | tr -d '\r' | grep -Fqx "$3"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] && kill -0 "$second" 2>/dev/null || return 1
    sleep 0.2
  done
}
end() {
  reply 6379 replicaof no one >/dev/null || true
  kill "$second" 2>/dev/null && wait "$second" || true
  rm -rf "$folder"
}

rm -rf "$folder"
mkdir "$folder"
second=
trap end EXIT
cat >"$folder/dump.rdb"
if [ "$(head -c 5 "$folder/dump.rdb")" != REDIS ]; then
  echo 'it is no backup of redis' >&2
  exit 1
fi
sed 's/^appendonly .*/appendonly no/' /tmp/redis.conf >/tmp/second.conf
docker-entrypoint.sh redis-server /tmp/second.conf --dir "$folder" --bind 127.0.0.1 --port "$port" >"$folder/log" 2>&1 &
second=$!
until_says "$port" persistence loading:0 || {
  sed -n 's/^[^#]*# \([^W]\)/\1/p' "$folder/log" | head -n 1 >&2
  exit 1
}
reply 6379 replicaof 127.0.0.1 "$port" >/dev/null
until_says 6379 replication master_link_status:up || {
  echo 'the keys could not be copied: memory or the disk may be full' >&2
  exit 1
}
reply 6379 replicaof no one >/dev/null
# Until they are on the disk too, a restart would bring the old keys back.
until_says 6379 persistence aof_rewrite_scheduled:0
until_says 6379 persistence aof_rewrite_in_progress:0
reply 6379 info persistence | grep -q '^aof_last_bgrewrite_status:ok' || {
  echo 'the new keys could not be written to the disk, and a restart brings the old ones back' >&2
  exit 1
}
