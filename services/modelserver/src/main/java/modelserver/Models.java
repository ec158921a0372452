package modelserver;

import ai.onnxruntime.OrtException;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import jakarta.annotation.PostConstruct;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/** The model in use. When its file changes, the next request reads it again. */
@Startup
@ApplicationScoped
class Models {
    private static final Logger LOG = Logger.getLogger(Models.class);
    private static final Stamp MISSING = new Stamp(null, null, 0);

    private final Path file;
    private final String name;
    private final MeterRegistry metrics;
    private volatile State state = new State(null, null, null);

    /** The model, or null if none could be read; what is wrong with the file, if anything; and the file that was read. */
    private record State(Model model, String problem, Stamp stamp) {}

    /** Differs if the file was written or replaced. */
    private record Stamp(Object key, FileTime written, long size) {
        static Stamp of(Path file) {
            try {
                BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
                return new Stamp(attributes.fileKey(), attributes.lastModifiedTime(), attributes.size());
            } catch (IOException error) {
                return MISSING;
            }
        }
    }

    Models(@ConfigProperty(name = "modelserver.file") Path file, MeterRegistry metrics) {
        this.file = file;
        this.name = file.subpath(file.getNameCount() - 2, file.getNameCount()).toString();
        this.metrics = metrics;
    }

    @PostConstruct
    void start() {
        metrics.gauge("modelserver.model.loaded", this, models -> models.state.model == null ? 0 : 1);
        current();
    }

    /**
     * Return the model.
     *
     * @throws Refused There is none.
     */
    Model get() {
        State now = current();
        if (now.model == null) {
            throw new Refused(503, now.problem);
        }
        return now.model;
    }

    /** Return the model, or null. */
    Model orNull() {
        return current().model;
    }

    /** Return what is wrong with the file, or null. */
    String problem() {
        return current().problem;
    }

    /** Return whether there is no file yet, which is not a fault. */
    boolean isMissing() {
        return current().stamp == MISSING;
    }

    private State current() {
        Stamp stamp = Stamp.of(file);
        if (!stamp.equals(state.stamp)) {
            synchronized (this) {
                if (!stamp.equals(state.stamp)) {
                    state = read(stamp);
                }
            }
        }
        return state;
    }

    private State read(Stamp stamp) {
        String problem;
        try {
            if (stamp == MISSING) {
                problem = name + " is missing. Export it: make export-model.";
            } else {
                Model model = new Model(file);
                LOG.infof("read %s: %d columns", name, model.columns().size());
                metrics.counter("modelserver.model.loads", "result", "read").increment();
                return new State(model, null, stamp);
            }
        } catch (Model.OtherSchemaException error) {
            problem = name + " has schema version " + error.getMessage() + ", and the server reads version "
                    + Model.SCHEMA_VERSION + ". Export it again: make export-model.";
        } catch (OrtException error) {
            problem = name + " cannot be read. Export it again: make export-model.";
            LOG.errorf("%s is not a model: %s", name, error.getMessage());
        }
        metrics.counter("modelserver.model.loads", "result", "failed").increment();
        if (state.model != null) {
            problem += " The previous model stays in use.";
        }
        LOG.error(problem);
        return new State(state.model, problem, stamp);
    }
}
