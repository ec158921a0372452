package streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DatabaseTest {
  private static final Database.Partition PARTITION = new Database.Partition("a topic's id", 2);

  private static Minute minute(String start, long readings, double speed) {
    return new Minute("car", start, readings, speed, 90, 90, 1, 1, 50, "none");
  }

  private static List<List<Object>> rows(String url) throws SQLException {
    try (var connection = DriverManager.getConnection(url);
        var rows = connection.createStatement().executeQuery("select * from car_minutes order by minute_start")) {
      List<List<Object>> found = new ArrayList<>();
      while (rows.next()) {
        found.add(List.of(rows.getObject(2, LocalDateTime.class), rows.getInt(3), rows.getDouble(4)));
      }
      return found;
    }
  }

  /** H2 understands as much of a database's SQL as its mode says. */
  @ParameterizedTest
  @ValueSource(strings = {"Regular", "Oracle", "MySQL", "MSSQLServer", "DB2"})
  void rowsAndOffsetAreWrittenTogetherOrNotAtAll(String mode) throws SQLException {
    String url = "jdbc:h2:mem:" + mode + ";MODE=" + mode + ";DB_CLOSE_DELAY=-1";
    LocalDateTime noon = LocalDateTime.of(2026, 3, 1, 12, 0);
    try (Database database = new Database(url, null, null)) {
      assertEquals(0, database.next(PARTITION));
      var first = List.of(minute("2026-03-01T12:00:00Z", 1, 10), minute("2026-03-01T12:01:00Z", 1, 10));
      database.write(first, Map.of(PARTITION, new Database.Step(0, 2)));
      database.write(List.of(minute("2026-03-01T12:00:00Z", 4, 80)), Map.of(PARTITION, new Database.Step(2, 3)));
    }
    List<List<Object>> expected = List.of(List.of(noon, 4, 20.0), List.of(noon.plusMinutes(1), 1, 10.0));
    assertEquals(expected, rows(url));

    try (Database another = new Database(url, null, null)) {
      assertEquals(3, another.next(PARTITION));
      // What a slow instance has read before, and writes now.
      var old = List.of(minute("2026-03-01T12:00:00Z", 1, 10));
      assertThrows(SQLException.class, () -> another.write(old, Map.of(PARTITION, new Database.Step(0, 2))));
      assertEquals(3, another.next(PARTITION));
    }
    assertEquals(expected, rows(url));
  }
}
