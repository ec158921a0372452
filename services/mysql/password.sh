#!/bin/sh
# Set the password from .env, even if nobody knows the old one: the server runs a file of statements when it starts.
[ -d /var/lib/mysql/mysql ] || { echo 'nothing is stored yet' >&2; exit 1; }
umask 077
quoted=$(sed "s/[\\\\']/\\\\&/g" /run/secrets/mysql_password)
for user in "'analyst'@'%'" "'root'@'localhost'"; do
  printf "alter user %s identified by '%s';\n" "$user" "$quoted"
done >/tmp/password.sql
server=$(command -v mariadbd || command -v mysqld)
"$server" --skip-networking --skip-log-bin --init-file=/tmp/password.sql >/tmp/log 2>&1 &
MYSQL_PWD=$(cat /run/secrets/mysql_password)
export MYSQL_PWD
for _ in $(seq 300); do
  if mysql --user root --execute 'do 1' 2>/dev/null; then kill $!; wait $!; exit; fi
  kill -0 $! 2>/dev/null || break
  sleep 0.2
done
grep ERROR /tmp/log >&2
exit 1
