package streams;

import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Adds up the readings of each car and minute.
 *
 * <p>The store is no window store: a window closes, and what comes later is dropped. Here, a reading is added up whenever
 * it comes, or it is a dead letter.
 */
final class Minutes implements Processor<String, Reading, String, Minute> {
  private static final String STORE = "minutes";

  private final Clock clock;
  private ProcessorContext<String, Minute> context;
  private KeyValueStore<String, Minute> store;

  private Minutes(Clock clock) {
    this.clock = clock;
  }

  /** Returns the path of a message from one topic to the other. */
  static Topology topology(String from, String to, Clock clock) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(
        Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(STORE), Serdes.String(), Json.serde(Minute.class)));
    Serde<Reading> checked =
        Serdes.serdeFrom((topic, reading) -> Json.write(reading), (topic, bytes) -> check(bytes, clock));
    builder.stream(from, Consumed.with(Serdes.ByteArray(), checked))
        // Whoever sent the reading may not have chosen the car as its key.
        .selectKey((key, reading) -> reading.car())
        .repartition(Repartitioned.with(Serdes.String(), Json.serde(Reading.class)).withName("cars"))
        .process(() -> new Minutes(clock), STORE)
        .to(to, Produced.with(Serdes.String(), Json.serde(Minute.class)));
    return builder.build();
  }

  private static Reading check(byte[] bytes, Clock clock) {
    try {
      return Json.read(bytes, Reading.class).checked(clock);
    } catch (IllegalArgumentException | DateTimeException problem) {
      throw new SerializationException(problem.getMessage(), problem);
    }
  }

  @Override
  public void init(ProcessorContext<String, Minute> context) {
    this.context = context;
    store = context.getStateStore(STORE);
    context.schedule(Duration.ofMinutes(10), PunctuationType.WALL_CLOCK_TIME, now -> forget(Instant.ofEpochMilli(now)));
  }

  @Override
  public void process(Record<String, Reading> record) {
    Reading reading = record.value();
    String key = Minute.startOf(reading) + " " + reading.car();
    Minute before = store.get(key);
    Minute after = (before == null ? Minute.empty(reading) : before).plus(reading);
    store.put(key, after);
    context.forward(record.withKey(key).withValue(after));
  }

  /** Deletes the minutes to which no reading can be added any more. Keys are in the order of time. */
  private void forget(Instant now) {
    String end = now.minus(Reading.KEPT).minus(Duration.ofDays(1)).toString();
    try (var old = store.range(null, end)) {
      old.forEachRemaining(entry -> store.delete(entry.key));
    }
  }
}
