package streams;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.WallclockTimestampExtractor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Adds up the readings in a topic by car and minute, and writes the sums to a database. */
public final class App {
  private static final Logger LOG = LoggerFactory.getLogger(App.class);
  private static final Path HEALTHY = Path.of("/tmp/healthy");

  private App() {}

  /** Runs until it is stopped. Ends with status 1 if it cannot go on; its container then starts again. */
  public static void main(String[] arguments) {
    try {
      run();
    } catch (Exception problem) {
      Throwable cause = problem instanceof ExecutionException ? problem.getCause() : problem;
      System.out.println("error: " + cause.getMessage().lines().findFirst().orElse(""));
      System.exit(1);
    }
  }

  private static void run() throws Exception {
    String from = System.getenv("SOURCE_TOPIC");
    String to = System.getenv("TARGET_TOPIC");
    String dead = to + "-dead";
    String url = System.getenv("JDBC_URL");
    String user = System.getenv("JDBC_USER");
    Sink.Source database = () -> new Database(url, user, secret("database_password"));
    try {
      // Wrong settings are an error now, and not the reason for retries later.
      database.open().close();
    } catch (SQLException problem) {
      throw new IllegalStateException("cannot open the database: " + problem.getMessage(), problem);
    }
    Properties kafka = connection();
    String topicId = createTopics(kafka, from, to, dead);

    Properties settings = new Properties();
    settings.putAll(kafka);
    settings.putAll(
        Map.of(
            StreamsConfig.APPLICATION_ID_CONFIG, to,
            StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2,
            StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, DeadLetters.class,
            StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG, dead,
            StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG,
                WallclockTimestampExtractor.class,
            StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest",
            // After a kill, wait no longer than this for the transaction and the membership of the former process.
            StreamsConfig.producerPrefix("transaction.timeout.ms"), 10_000,
            StreamsConfig.consumerPrefix("session.timeout.ms"), 10_000,
            StreamsConfig.STATE_DIR_CONFIG, "/tmp/state"));
    KafkaStreams streams = new KafkaStreams(Minutes.topology(from, to, Clock.systemUTC()), settings);
    streams.setUncaughtExceptionHandler(
        problem -> {
          LOG.error("stopping", problem);
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(8))));
    streams.start();

    Properties consumer = new Properties();
    consumer.putAll(kafka);
    consumer.putAll(
        Map.of(
            "group.id", to + "-sink",
            "isolation.level", "read_committed",
            "enable.auto.commit", false,
            "auto.offset.reset", "earliest",
            "session.timeout.ms", 10_000,
            "max.poll.records", 5000));
    Sink sink = new Sink(consumer, to, topicId, database);
    Thread thread = new Thread(sink, "sink");
    thread.setDaemon(true);
    thread.start();
    watch(streams, sink, thread);
  }

  /** Renews the file of the health check, and logs the progress. Returns if a part has ended. */
  private static void watch(KafkaStreams streams, Sink sink, Thread thread) throws Exception {
    long logged = 0;
    for (long second = 0; thread.isAlive() && !streams.state().hasCompletedShutdown(); second++) {
      Thread.sleep(1000);
      if (streams.state() == KafkaStreams.State.RUNNING && sink.alive().isAfter(Instant.now().minusSeconds(10))) {
        Files.writeString(HEALTHY, "");
      }
      if (second % 5 == 0 && sink.rows() != logged) {
        logged = sink.rows();
        LOG.info("{} rows written, {} dead letters", logged, DeadLetters.COUNT);
      }
    }
    throw new IllegalStateException("a part has ended, see above");
  }

  /** Creates the topics that belong to this application, and returns the id of the one with the sums. */
  private static String createTopics(Properties kafka, String from, String to, String dead) throws Exception {
    try (Admin admin = Admin.create(kafka)) {
      try {
        admin.describeTopics(List.of(from)).allTopicNames().get();
      } catch (ExecutionException problem) {
        if (problem.getCause() instanceof UnknownTopicOrPartitionException) {
          throw new IllegalStateException("Kafka has no topic " + from);
        }
        throw problem;
      }
      // Of each car and minute, the last sum stays. Dead letters stay as well.
      NewTopic sums = new NewTopic(to, Optional.of(3), Optional.empty()).configs(Map.of("cleanup.policy", "compact"));
      NewTopic letters = new NewTopic(dead, Optional.of(1), Optional.empty()).configs(Map.of("retention.ms", "-1"));
      for (var created : admin.createTopics(List.of(sums, letters)).values().values()) {
        try {
          created.get();
        } catch (ExecutionException problem) {
          if (!(problem.getCause() instanceof TopicExistsException)) {
            throw problem;
          }
        }
      }
      return admin.describeTopics(List.of(to)).allTopicNames().get().get(to).topicId().toString();
    }
  }

  private static Properties connection() throws IOException {
    String password = secret("kafka_password").replace("\\", "\\\\").replace("\"", "\\\"");
    Properties settings = new Properties();
    settings.putAll(
        Map.of(
            "bootstrap.servers", System.getenv("KAFKA_SERVERS"),
            "security.protocol", "SASL_PLAINTEXT",
            "sasl.mechanism", "PLAIN",
            "sasl.jaas.config",
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"analyst\" password=\""
                    + password
                    + "\";"));
    return settings;
  }

  private static String secret(String name) {
    try {
      return Files.readString(Path.of("/run/secrets", name));
    } catch (IOException problem) {
      throw new UncheckedIOException("cannot read the secret " + name, problem);
    }
  }
}
