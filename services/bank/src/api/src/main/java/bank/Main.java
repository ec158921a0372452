package bank;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import java.io.IOException;
import java.sql.SQLException;
import org.flywaydb.core.api.FlywayException;

/** Prepares the database, then starts the server: whoever connects finds the tables. */
@QuarkusMain
public class Main {
    public static void main(String... arguments) {
        try {
            Settings.read().prepare();
        } catch (IOException | SQLException | FlywayException | IllegalArgumentException error) {
            String reason = error.getMessage().strip().replaceAll("\\s+", " ");
            System.err.println("error: the bank cannot use its database: " + reason);
            System.exit(1);
        }
        Quarkus.run(arguments);
    }
}
