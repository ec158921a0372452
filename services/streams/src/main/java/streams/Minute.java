package streams;

import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** The readings of a car in one minute, added up. */
record Minute(
    String car,
    String start,
    long readings,
    double speed,
    double engineTemperature,
    double engineTemperatureMax,
    double vibration,
    double vibrationMax,
    double fuel,
    String failing) {

  /** Returns the start of the minute in which a reading was taken. */
  static Instant startOf(Reading reading) {
    return reading.instant().truncatedTo(ChronoUnit.MINUTES);
  }

  /** Returns a minute without readings. */
  static Minute empty(Reading first) {
    return new Minute(first.car(), startOf(first).toString(), 0, 0, 0, -Double.MAX_VALUE, 0, -Double.MAX_VALUE, 0, "");
  }

  /** Returns this minute with one more reading. */
  Minute plus(Reading reading) {
    return new Minute(
        car,
        start,
        readings + 1,
        speed + reading.speed(),
        engineTemperature + reading.engineTemperature(),
        Math.max(engineTemperatureMax, reading.engineTemperature()),
        vibration + reading.vibration(),
        Math.max(vibrationMax, reading.vibration()),
        fuel + reading.fuel(),
        reading.failing());
  }
}
