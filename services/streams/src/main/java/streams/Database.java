package streams;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.OffsetDateTime;
import java.util.Collection;
import java.util.Map;

/**
 * The tables, in SQL that every database understands.
 *
 * <p>One transaction writes rows and the offset of the message that comes next. So a row is never counted twice, whatever
 * is killed.
 */
final class Database implements AutoCloseable {
  /** A partition of a topic. Kafka gives a topic that is created again another id, so that its messages are new ones. */
  record Partition(String topic, int number) {}

  /** The offset of a partition's next message, before and after rows are written. */
  record Step(long from, long to) {}

  private static final String[] TABLES = {
    """
    create table car_minutes (
      car varchar(400) not null,
      minute_start timestamp not null,
      readings integer not null,
      speed double precision not null,
      engine_temperature double precision not null,
      engine_temperature_max double precision not null,
      vibration double precision not null,
      vibration_max double precision not null,
      fuel double precision not null,
      failing varchar(400) not null,
      primary key (car, minute_start))""",
    """
    create table car_minutes_offsets (
      topic varchar(40) not null,
      part integer not null,
      next_offset decimal(19) not null,
      primary key (topic, part))"""
  };

  private final Connection connection;

  Database(String url, String user, String password) throws SQLException {
    connection = DriverManager.getConnection(url, user, password);
    try {
      createTables();
      connection.setAutoCommit(false);
    } catch (SQLException problem) {
      connection.close();
      throw problem;
    }
  }

  /** Not every database knows `if not exists`. */
  private void createTables() throws SQLException {
    for (String table : TABLES) {
      String name = table.split("\\s+")[2];
      try (Statement statement = connection.createStatement()) {
        try {
          statement.executeQuery("select 1 from " + name + " where 1 = 0").close();
        } catch (SQLException missing) {
          statement.execute(table);
        }
      }
    }
  }

  /** Returns the offset of the next message to write. */
  long next(Partition partition) throws SQLException {
    try (PreparedStatement select =
            connection.prepareStatement("select next_offset from car_minutes_offsets where topic = ? and part = ?");
        PreparedStatement insert =
            connection.prepareStatement("insert into car_minutes_offsets (topic, part, next_offset) values (?, ?, 0)")) {
      for (PreparedStatement each : new PreparedStatement[] {select, insert}) {
        each.setString(1, partition.topic());
        each.setInt(2, partition.number());
      }
      long next = 0;
      try (ResultSet rows = select.executeQuery()) {
        if (rows.next()) {
          next = rows.getLong(1);
        } else {
          insert.executeUpdate();
        }
      }
      connection.commit();
      return next;
    }
  }

  /**
   * Writes rows, each of which replaces the one with the same car and minute.
   *
   * @throws SQLException if nothing was written: the database failed, or another instance has written these messages
   */
  void write(Collection<Minute> rows, Map<Partition, Step> steps) throws SQLException {
    try (PreparedStatement move =
            connection.prepareStatement(
                "update car_minutes_offsets set next_offset = ? where topic = ? and part = ? and next_offset = ?");
        PreparedStatement delete =
            connection.prepareStatement("delete from car_minutes where car = ? and minute_start = ?");
        PreparedStatement insert =
            connection.prepareStatement("insert into car_minutes values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
      for (Map.Entry<Partition, Step> entry : steps.entrySet()) {
        move.setLong(1, entry.getValue().to());
        move.setString(2, entry.getKey().topic());
        move.setInt(3, entry.getKey().number());
        move.setLong(4, entry.getValue().from());
        if (move.executeUpdate() != 1) {
          throw new SQLException("another instance has written " + entry.getKey());
        }
      }
      for (Minute row : rows) {
        var start = OffsetDateTime.parse(row.start()).toLocalDateTime();
        delete.setString(1, row.car());
        delete.setObject(2, start);
        delete.addBatch();
        insert.setString(1, row.car());
        insert.setObject(2, start);
        insert.setLong(3, row.readings());
        insert.setDouble(4, row.speed() / row.readings());
        insert.setDouble(5, row.engineTemperature() / row.readings());
        insert.setDouble(6, row.engineTemperatureMax());
        insert.setDouble(7, row.vibration() / row.readings());
        insert.setDouble(8, row.vibrationMax());
        insert.setDouble(9, row.fuel() / row.readings());
        insert.setString(10, row.failing());
        insert.addBatch();
      }
      delete.executeBatch();
      insert.executeBatch();
      connection.commit();
    } catch (SQLException problem) {
      connection.rollback();
      throw problem;
    }
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
