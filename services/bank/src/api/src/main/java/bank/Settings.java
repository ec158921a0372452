package bank;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Driver;
import java.sql.SQLException;
import java.util.Properties;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.postgresql.PGConnection;

/**
 * Where the database is, and who logs in: the settings of the container.
 *
 * @param inProject whether it is the project's own Postgres, in which the bank makes its schema and its role, too
 */
record Settings(String url, String user, String password, boolean inProject) {

    static Settings read() throws IOException {
        String url = System.getenv("BANK_JDBC_URL");
        return url == null || url.isEmpty()
                ? new Settings(System.getenv("BANK_PROJECT_URL"), "bank", secret("bank_password"), true)
                : new Settings(url, System.getenv("BANK_JDBC_USER"), secret("bank_password"), false);
    }

    /** Returns the class of the driver. DriverManager would not see those in the application's class path. */
    Class<? extends Driver> driver() {
        if (url.startsWith("jdbc:postgresql:")) {
            return org.postgresql.Driver.class;
        }
        if (url.startsWith("jdbc:oracle:")) {
            return oracle.jdbc.OracleDriver.class;
        }
        throw new IllegalArgumentException("its URL starts neither with jdbc:postgresql: nor with jdbc:oracle:");
    }

    /** Creates or updates the tables, and in the project's Postgres also the role and its password. */
    void prepare() throws IOException, SQLException {
        FluentConfiguration flyway = Flyway.configure(Settings.class.getClassLoader()).driver(driver().getName());
        if (!inProject) {
            // The tables belong to the user, in the schema that is the user's default.
            flyway.dataSource(url, user, password).locations("classpath:db/common").load().migrate();
            return;
        }
        Properties admin = new Properties();
        admin.setProperty("user", "analyst");
        admin.setProperty("password", secret("postgres_password"));
        flyway.dataSource(url, admin.getProperty("user"), admin.getProperty("password"))
                .schemas("bank")
                .locations("classpath:db/common", "classpath:db/project")
                .load()
                .migrate();
        try (Connection connection = new org.postgresql.Driver().connect(url, admin)) {
            // The driver sends only a hash of the password, so no log can contain it.
            connection.unwrap(PGConnection.class).alterUserPassword(user, password.toCharArray(), "scram-sha-256");
        }
    }

    private static String secret(String name) throws IOException {
        return Files.readString(Path.of("/run/secrets", name));
    }
}
