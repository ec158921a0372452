package streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MinutesTest {
  private static final Clock NOON = Clock.fixed(Instant.parse("2026-03-01T12:00:00Z"), ZoneOffset.UTC);

  private TopologyTestDriver driver;
  private TestInputTopic<String, String> input;

  @BeforeEach
  void start() {
    Properties settings = new Properties();
    settings.putAll(
        Map.of(
            StreamsConfig.APPLICATION_ID_CONFIG, "test",
            StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "unused:9092",
            StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, DeadLetters.class,
            StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG, "dead"));
    driver = new TopologyTestDriver(Minutes.topology("from", "to", NOON), settings, NOON.instant());
    input = driver.createInputTopic("from", new StringSerializer(), new StringSerializer());
  }

  @AfterEach
  void stop() {
    driver.close();
  }

  private static String reading(String car, String time, Object speed) {
    return """
        {"car": "%s", "time": "%s", "speed": %s, "engine_temperature": 90, "vibration": 1.5, "fuel": 50,
         "failing": "none", "color": "not in the schema"}"""
        .formatted(car, time, speed);
  }

  private List<Minute> minutes() {
    return driver.createOutputTopic("to", new StringDeserializer(), Json.serde(Minute.class).deserializer())
        .readValuesToList();
  }

  private long deadLetters() {
    return driver.createOutputTopic("dead", new ByteArrayDeserializer(), new ByteArrayDeserializer()).getQueueSize();
  }

  @Test
  void readingsAreAddedUpByCarAndMinuteInAnyOrder() {
    input.pipeInput("wrong key", reading("a", "2026-03-01T11:00:59.9Z", 10));
    input.pipeInput("b", reading("b", "2026-03-01T11:00:00Z", 70));
    input.pipeInput("a", reading("a", "2026-03-01T11:01:00Z", 20));
    input.pipeInput(null, reading("a", "2026-03-01T13:00:01+02:00", 40.5));
    input.pipeInput("a", reading("a", "2026-02-23T11:00:00Z", 1));
    List<Minute> minutes = minutes();
    assertEquals(List.of(1L, 1L, 1L, 2L, 1L), minutes.stream().map(Minute::readings).toList());
    Minute both = minutes.get(3);
    assertEquals("2026-03-01T11:00:00Z", both.start());
    assertEquals(50.5, both.speed());
    assertEquals(3, both.vibration());
    assertEquals(1.5, both.vibrationMax());
    assertEquals(0, deadLetters());
  }

  @Test
  void whatIsNoReadingIsDeadLetter() {
    String now = "2026-03-01T12:00:00Z";
    List<String> wrong =
        List.of(
            "not JSON",
            "",
            "null",
            "[]",
            "{}",
            reading("a", now, "\"fast\""),
            reading("a", now, "NaN"),
            reading("a", now, "1e999"),
            reading("a", now, "true"),
            reading("a", now, "1") + " {}",
            reading("", now, "1"),
            reading("\\u0000", now, "1"),
            reading("\\ud800", now, "1"),
            reading("x".repeat(101), now, "1"),
            reading("a", "yesterday", "1"),
            reading("a", "2026-03-01T12:00:00", "1"),
            reading("a", "2026-02-01T12:00:00Z", "1"),
            reading("a", "2036-03-01T12:00:00Z", "1"));
    wrong.forEach(value -> input.pipeInput("key", value));
    input.pipeInput("key", (String) null);
    assertEquals(List.of(), minutes());
    assertEquals(wrong.size() + 1, deadLetters());
    assertTrue(DeadLetters.COUNT.get() >= wrong.size());
  }
}
