package streams;

import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes the minutes of a topic to the database, from the offset that the database names. */
final class Sink implements Runnable {
  /** Opens the database, again after each failure. */
  interface Source {
    Database open() throws SQLException;
  }

  private static final Logger LOG = LoggerFactory.getLogger(Sink.class);

  private final Properties settings;
  private final String topic;
  private final String topicId;
  private final Source source;
  private volatile Instant alive = Instant.EPOCH;
  private volatile long rows;

  Sink(Properties settings, String topic, String topicId, Source source) {
    this.settings = settings;
    this.topic = topic;
    this.topicId = topicId;
    this.source = source;
  }

  /** Returns when the sink last went through its loop, in which it waits for a database that does not answer. */
  Instant alive() {
    return alive;
  }

  long rows() {
    return rows;
  }

  @Override
  public void run() {
    while (true) {
      try (Database database = source.open();
          var consumer =
              new KafkaConsumer<>(settings, new StringDeserializer(), Json.serde(Minute.class).deserializer())) {
        copy(consumer, database);
      } catch (SQLException problem) {
        LOG.warn("the database does not answer, trying again: {}", problem.getMessage());
        pause();
      }
    }
  }

  private void copy(KafkaConsumer<String, Minute> consumer, Database database) throws SQLException {
    Map<Integer, Long> next = new HashMap<>();
    // A listener cannot throw an SQLException.
    List<TopicPartition> assigned = new ArrayList<>();
    consumer.subscribe(
        List.of(topic),
        new ConsumerRebalanceListener() {
          @Override
          public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}

          @Override
          public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            consumer.pause(partitions);
            assigned.addAll(partitions);
          }
        });
    while (true) {
      ConsumerRecords<String, Minute> messages = consumer.poll(Duration.ofMillis(500));
      if (!messages.isEmpty()) {
        write(messages, next, database);
      }
      for (TopicPartition partition : assigned) {
        next.put(partition.partition(), database.next(place(partition)));
        consumer.seek(partition, next.get(partition.partition()));
      }
      consumer.resume(assigned);
      assigned.clear();
      alive = Instant.now();
    }
  }

  private void write(ConsumerRecords<String, Minute> messages, Map<Integer, Long> next, Database database)
      throws SQLException {
    Map<String, Minute> last = new LinkedHashMap<>();
    for (ConsumerRecord<String, Minute> message : messages) {
      last.put(message.key(), message.value());
    }
    Map<Database.Partition, Database.Step> steps = new HashMap<>();
    for (TopicPartition partition : messages.partitions()) {
      long end = messages.nextOffsets().get(partition).offset();
      steps.put(place(partition), new Database.Step(next.get(partition.partition()), end));
      next.put(partition.partition(), end);
    }
    database.write(last.values(), steps);
    rows += last.size();
  }

  private Database.Partition place(TopicPartition partition) {
    return new Database.Partition(topicId, partition.partition());
  }

  private static void pause() {
    try {
      Thread.sleep(2000);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }
}
