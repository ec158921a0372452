package streams;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.stream.DoubleStream;

/** What the sensors of a car have measured. Text and numbers are such that every database can store them. */
record Reading(
    String car,
    String time,
    double speed,
    double engineTemperature,
    double vibration,
    double fuel,
    String failing) {

  /** How old a reading may be. The minutes of this time are in memory. */
  static final Duration KEPT = Duration.ofDays(7);

  private static final double LARGEST = 1e9;

  Reading {
    for (String text : new String[] {car, failing}) {
      if (text == null || !text.matches("[^\\p{Cntrl}\\p{Cs}]{1,100}")) {
        throw new IllegalArgumentException("car or failing is not a text of 1 to 100 characters");
      }
    }
    if (!DoubleStream.of(speed, engineTemperature, vibration, fuel).allMatch(n -> Math.abs(n) <= LARGEST)) {
      throw new IllegalArgumentException("a number is out of range");
    }
  }

  /** Returns when the reading was taken. */
  Instant instant() {
    return OffsetDateTime.parse(time).toInstant();
  }

  /**
   * Returns this reading if its time is one that can be added up now.
   *
   * @throws IllegalArgumentException if it is too old, or in the future
   */
  Reading checked(Clock clock) {
    Instant now = clock.instant();
    if (instant().isBefore(now.minus(KEPT)) || instant().isAfter(now.plus(Duration.ofHours(1)))) {
      throw new IllegalArgumentException("time is older than " + KEPT.toDays() + " days or in the future: " + time);
    }
    return this;
  }
}
