#!/bin/sh
# Write all keys as they are at one moment, while others write.
set -eu
REDISCLI_AUTH=$(cat /run/secrets/redis_password)
export REDISCLI_AUTH
exec redis-cli --rdb -
