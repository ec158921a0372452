package bank;

import io.agroal.api.AgroalDataSource;
import io.agroal.api.configuration.AgroalConnectionPoolConfiguration.ConnectionValidator;
import io.agroal.api.configuration.supplier.AgroalDataSourceConfigurationSupplier;
import io.agroal.api.security.NamePrincipal;
import io.agroal.api.security.SimplePassword;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import org.jboss.logging.Logger;

/** The pool of connections, and transactions on them. */
@ApplicationScoped
class Database {
    private static final Logger LOG = Logger.getLogger(Database.class);
    private static final int ATTEMPTS = 5;
    private final AgroalDataSource pool;

    /** What happens in a transaction. It may happen several times, each time from the start. */
    interface Work<T> {
        T with(Connection connection) throws SQLException;
    }

    Database() throws IOException, SQLException {
        Settings settings = Settings.read();
        pool = AgroalDataSource.from(new AgroalDataSourceConfigurationSupplier()
                .connectionPoolConfiguration(configuration -> configuration
                        .maxSize(8)
                        .acquisitionTimeout(Duration.ofSeconds(5))
                        // A restart of the database closes connections that are idle here.
                        .connectionValidator(ConnectionValidator.defaultValidator())
                        .validateOnBorrow(true)
                        .connectionFactoryConfiguration(factory -> factory
                                .connectionProviderClass(settings.driver())
                                .jdbcUrl(settings.url())
                                .principal(new NamePrincipal(settings.user()))
                                .credential(new SimplePassword(settings.password()))
                                .loginTimeout(Duration.ofSeconds(5))
                                .autoCommit(false))));
    }

    @PreDestroy
    void close() {
        pool.close();
    }

    /**
     * Does the work in a transaction: all of it, or nothing.
     *
     * @throws Problem with status 503 if the database fails. A change that failed can be sent again with the same key.
     */
    <T> T transaction(Work<T> work) {
        for (int attempt = 1; ; attempt++) {
            try (Connection connection = pool.getConnection()) {
                try {
                    T result = work.with(connection);
                    connection.commit();
                    return result;
                } catch (SQLException | RuntimeException error) {
                    connection.rollback();
                    throw error;
                }
            } catch (SQLException error) {
                if (attempt == ATTEMPTS || !isConflict(error)) {
                    LOG.errorf("the database failed: %s", error.getMessage().replaceAll("\\s+", " "));
                    String message = "The database does not answer, or is busy. Try again: nothing happens twice.";
                    throw new Problem(503, "", message);
                }
            }
        }
    }

    /** Whether another transaction was in the way: a deadlock, or the same key at the same time. */
    private static boolean isConflict(SQLException error) {
        String state = error.getSQLState() == null ? "" : error.getSQLState();
        // 40: rolled back, 23: unique; Oracle reports a deadlock (ORA-00060) as 61000.
        return state.startsWith("40") || state.startsWith("23") || state.equals("61000");
    }
}
