#!/bin/sh
# Start Kafka in its container: write the configuration, format a new volume, and create the topics in topics.txt.
set -eu
umask 077

bin=/opt/kafka/bin data=/var/lib/kafka/data server=localhost:9094
# In the volume: the lines of topics.txt that Kafka already has.
applied=$data/topics.applied
# The original log4j2.yaml and scripts write files beside the program, which is read-only here.
export LOG_DIR=/tmp/logs EXTRA_ARGS='' KAFKA_LOG4J_OPTS=-Dlog4j2.configurationFile=/tmp/log4j2.yaml

cat >/tmp/log4j2.yaml <<'END'
Configuration:
  Appenders:
    Console: {name: log, PatternLayout: {pattern: "%d %p %m%n"}}
  Loggers:
    Root: {level: "${env:KAFKA_LOG_LEVEL:-WARN}", AppenderRef: {ref: log}}
END

# write_configuration: write /tmp/server.properties, with the password, since arguments and variables are visible.
write_configuration() {
  local password
  # A string in JAAS syntax, in a value of a properties file: both use backslashes.
  password=$(sed -e 's/["\\]/\\&/g' -e 's/\\/\\\\/g' /run/secrets/kafka_password)
  case $password in
    *[!\ -~]*)
      echo 'error: the password has characters that are not ASCII' >&2
      exit 1
      ;;
  esac
  cat >/tmp/server.properties <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
# Other containers can only reach CLIENT, and this machine only HOST: both require the password.
listeners=CONTROLLER://localhost:9093,INTERNAL://$server,CLIENT://:9092${PUBLISHED_PORT:+,HOST://:19092}
advertised.listeners=INTERNAL://$server,CLIENT://kafka:9092${PUBLISHED_PORT:+,HOST://127.0.0.1:$PUBLISHED_PORT}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,CLIENT:SASL_PLAINTEXT,HOST:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
sasl.enabled.mechanisms=PLAIN
listener.name.client.plain.sasl.jaas.config=$login user_analyst="$password";
listener.name.host.plain.sasl.jaas.config=$login user_analyst="$password";
log.dirs=$data
# A crash of the whole machine can lose what is not on disk yet. A crash of Kafka loses nothing.
log.flush.scheduler.interval.ms=1000
# A mistyped name is an error instead of a new topic.
auto.create.topics.enable=false
# There is only one broker, and few clients.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=5
group.initial.rebalance.delay.ms=0
END
}
login='org.apache.kafka.common.security.plain.PlainLoginModule required'

# read_topics: print name, partitions and retention in milliseconds for each line of topics.txt.
read_topics() {
  awk '
    { sub(/#.*/, "") }
    NF == 0 { next }
    NF != 3 || $1 !~ /^[A-Za-z0-9._-]+$/ || $2 !~ /^[1-9][0-9]*$/ || $3 !~ /^([1-9][0-9]*|forever)$/ {
      print "error: line " NR " of topics.txt is wrong" | "cat >&2"
      exit 1
    }
    { printf "%s %d %.0f\n", $1, $2, $3 == "forever" ? -1 : $3 * 86400000 }' /service/topics.txt
}

# apply_topic NAME PARTITIONS RETENTION: create or extend a topic. A tool needs a second of CPU time, so call none in vain.
apply_topic() {
  if grep -qx "$*" "$applied" 2>/dev/null && [ -d "$data/$1-$(($2 - 1))" ]; then return; fi
  if [ ! -d "$data/$1-0" ]; then
    "$bin/kafka-topics.sh" --bootstrap-server "$server" --create --if-not-exists --topic "$1" --partitions "$2" \
      --config "retention.ms=$3"
    return
  fi
  [ -d "$data/$1-$(($2 - 1))" ] ||
    "$bin/kafka-topics.sh" --bootstrap-server "$server" --alter --topic "$1" --partitions "$2"
  "$bin/kafka-configs.sh" --bootstrap-server "$server" --alter --entity-type topics --entity-name "$1" \
    --add-config "retention.ms=$3"
}

apply_topics() {
  local name partitions retention
  while read -r name partitions retention; do
    apply_topic "$name" "$partitions" "$retention" </dev/null || return
  done </tmp/topics
  mv /tmp/topics "$applied"
}

[ -r /service/topics.txt ] || { echo 'error: topics.txt is not readable' >&2; exit 1; }
read_topics >/tmp/topics
write_configuration
if [ ! -e "$data/meta.properties" ]; then
  id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | cut -c 1-22)
  "$bin/kafka-storage.sh" format --cluster-id "$id" --config /tmp/server.properties --ignore-formatted
fi
"$bin/kafka-server-start.sh" /tmp/server.properties &
broker=$!
trap 'kill "$broker"' TERM INT
until bash -c "exec 3<>/dev/tcp/localhost/9094" 2>/dev/null; do
  kill -0 "$broker" 2>/dev/null || exit 1
  sleep 0.2
done
if apply_topics; then touch /tmp/ready; else kill "$broker"; fi
# A signal ends `wait`, but Kafka only stops some time later.
while kill -0 "$broker" 2>/dev/null; do wait "$broker" || status=$?; done
exit "${status:-1}"
