package modelserver;

import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** The limits of a request, from the settings. They are checked when the server starts. */
@Startup
@ApplicationScoped
class Limits {
    private final int rows;
    private final int bytes;

    Limits(
            @ConfigProperty(name = "modelserver.max-rows") String rows,
            @ConfigProperty(name = "modelserver.max-bytes") String bytes) {
        this.rows = number("MODELSERVER_MAX_ROWS", rows);
        this.bytes = number("MODELSERVER_MAX_BYTES", bytes);
    }

    int rows() {
        return rows;
    }

    int bytes() {
        return bytes;
    }

    private static int number(String name, String value) {
        if (!value.matches("[1-9][0-9]{0,8}")) {
            throw new IllegalArgumentException(name + "=" + value + " is not a whole number from 1 to 999999999");
        }
        return Integer.parseInt(value);
    }
}
