package modelserver;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;

/**
 * A model that `make export-model` wrote. Its one input is a tensor of rows, and the last column of its last output is
 * the probability of a true target.
 */
class Model {
    /** The version of the format of models: what the metadata are called, and what inputs and outputs mean. */
    static final String SCHEMA_VERSION = schemaVersion();

    // A request that has begun keeps the model that it began with. ONNX Runtime's memory is released after the last one.
    private static final Cleaner CLEANER = Cleaner.create();
    private static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();

    private final OrtSession session;
    private final String input;
    private final String output;
    private final boolean doubles;
    private final About about;
    private final Map<String, Integer> columns = new LinkedHashMap<>();

    /** What the model says about itself. */
    record About(
            List<String> columns,
            List<String> classes,
            String type,
            @JsonProperty("schema_version") String schemaVersion,
            String commit,
            String trained) {}

    /** The file is a model of another format than this server reads. */
    static class OtherSchemaException extends Exception {
        OtherSchemaException(String found) {
            super(found);
        }
    }

    /**
     * Read a model.
     *
     * @throws OtherSchemaException The file is a model, but not one that this server can use.
     * @throws OrtException The file is not a model that ONNX Runtime can run.
     */
    Model(Path file) throws OrtException, OtherSchemaException {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            // The server computes several requests at once, each in one thread.
            options.setIntraOpNumThreads(1);
            session = ENVIRONMENT.createSession(file.toString(), options);
        }
        OrtSession opened = session;
        CLEANER.register(this, () -> close(opened));
        Map<String, String> metadata = session.getMetadata().getCustomMetadata();
        String version = metadata.getOrDefault("schema_version", "none");
        if (!version.equals(SCHEMA_VERSION)) {
            throw new OtherSchemaException(version);
        }
        try {
            NodeInfo rows = session.getInputInfo().values().iterator().next();
            TensorInfo tensor = (TensorInfo) rows.getInfo();
            input = rows.getName();
            output = List.copyOf(session.getOutputNames()).getLast();
            doubles = tensor.type == OnnxJavaType.DOUBLE;
            about = new About(
                    list(metadata.get("columns")),
                    list(metadata.get("classes")),
                    doubles ? "double" : "float",
                    version,
                    metadata.get("commit"),
                    metadata.get("trained"));
            about.columns.forEach(name -> columns.put(name, columns.size()));
            predict(new double[columns.size()], 1);
        } catch (ClassCastException | IllegalArgumentException | JsonProcessingException | NoSuchElementException error) {
            throw new OtherSchemaException("with other inputs: " + error.getMessage());
        }
    }

    About about() {
        return about;
    }

    /** Return the position of each column, by its name. */
    Map<String, Integer> columns() {
        return columns;
    }

    /** Return the probability for each row. The numbers come row after row. */
    double[] predict(double[] values, int rows) throws OrtException {
        long[] shape = {rows, columns.size()};
        try (OnnxTensor tensor = doubles
                        ? OnnxTensor.createTensor(ENVIRONMENT, DoubleBuffer.wrap(values), shape)
                        : OnnxTensor.createTensor(ENVIRONMENT, floats(values), shape);
                OrtSession.Result result = session.run(Map.of(input, tensor), Set.of(output))) {
            OnnxTensor answer = (OnnxTensor) result.get(0);
            int width = Math.toIntExact(answer.getInfo().getNumElements() / rows);
            DoubleBuffer wide = answer.getInfo().type == OnnxJavaType.DOUBLE ? answer.getDoubleBuffer() : null;
            FloatBuffer narrow = wide == null ? answer.getFloatBuffer() : null;
            double[] probabilities = new double[rows];
            for (int row = 0; row < rows; row++) {
                int last = (row + 1) * width - 1;
                probabilities[row] = wide == null ? narrow.get(last) : wide.get(last);
            }
            return probabilities;
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    private static FloatBuffer floats(double[] values) {
        float[] rounded = new float[values.length];
        for (int index = 0; index < values.length; index++) {
            rounded[index] = (float) values[index];
        }
        return FloatBuffer.wrap(rounded);
    }

    private static List<String> list(String json) throws JsonProcessingException {
        return new ObjectMapper().readValue(json, new TypeReference<>() {});
    }

    private static void close(OrtSession session) {
        try {
            session.close();
        } catch (OrtException error) {
            throw new IllegalStateException(error);
        }
    }

    private static String schemaVersion() {
        try (InputStream file = Model.class.getResourceAsStream("/schema-version")) {
            return new String(file.readAllBytes(), StandardCharsets.US_ASCII).strip();
        } catch (IOException error) {
            throw new ExceptionInInitializerError(error);
        }
    }
}
