package modelserver;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import java.io.CharConversionException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The rows of a request. They are read as a stream, so a request needs memory only for its numbers, whatever else it
 * contains.
 */
class Rows {
    private static final int MAX_DETAILS = 100;
    // NaN is not JSON, but Python writes it. Accepting it here gives a message that names the column.
    private static final JsonFactory JSON =
            JsonFactory.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

    private final Map<String, Integer> columns;
    private final List<Refused.Detail> details = new ArrayList<>();
    private double[] values;
    private int count;

    private Rows(Map<String, Integer> columns) {
        this.columns = columns;
        this.values = new double[columns.size()];
    }

    int count() {
        return count;
    }

    /** Return the numbers, row after row, in the order of the model's columns. */
    double[] values() {
        return values.length == count * columns.size() ? values : Arrays.copyOf(values, count * columns.size());
    }

    /** Read a body that is one row. */
    static Rows readOne(InputStream body, Map<String, Integer> columns, Limits limits) throws IOException {
        return read(body, columns, limits, (rows, json) -> rows.row(json, List.of("body")));
    }

    /** Read a body that is an object with a list of rows. */
    static Rows readBatch(InputStream body, Map<String, Integer> columns, Limits limits) throws IOException {
        return read(body, columns, limits, (rows, json) -> rows.batch(json, limits.rows()));
    }

    private interface Reader {
        void read(Rows rows, JsonParser json) throws IOException;
    }

    private static Rows read(InputStream body, Map<String, Integer> columns, Limits limits, Reader reader)
            throws IOException {
        Rows rows = new Rows(columns);
        try (JsonParser json = JSON.createParser(new Limited(body, limits.bytes()))) {
            json.nextToken();
            reader.read(rows, json);
            if (json.nextToken() != null) {
                throw Refused.invalid("json_invalid", List.of("body"), "The body continues after the JSON");
            }
        } catch (JsonProcessingException | CharConversionException error) {
            throw Refused.invalid("json_invalid", List.of("body"), "The body is not valid JSON");
        }
        if (!rows.details.isEmpty()) {
            throw new Refused(422, rows.details);
        }
        return rows;
    }

    private void batch(JsonParser json, int maxRows) throws IOException {
        if (!isObject(json, List.of("body"))) {
            return;
        }
        boolean found = false;
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            List<?> place = List.of("body", name);
            json.nextToken();
            if (!name.equals("rows")) {
                add("extra_forbidden", place, "Extra inputs are not permitted");
                json.skipChildren();
            } else if (!json.isExpectedStartArrayToken()) {
                found = true;
                add("list_type", place, "Input should be a valid list");
                json.skipChildren();
            } else {
                found = true;
                // If a name is repeated, the last value counts, as in Python.
                count = 0;
                list(json, maxRows);
            }
        }
        if (!found) {
            add("missing", List.of("body", "rows"), "Field required");
        }
    }

    private void list(JsonParser json, int maxRows) throws IOException {
        while (json.nextToken() != JsonToken.END_ARRAY) {
            if (count == maxRows) {
                String message = "List should have at most " + maxRows + " items";
                throw Refused.invalid("too_long", List.of("body", "rows"), message);
            }
            row(json, List.of("body", "rows", count));
        }
        if (count == 0) {
            add("too_short", List.of("body", "rows"), "List should have at least 1 item");
        }
    }

    private void row(JsonParser json, List<?> place) throws IOException {
        int start = count++ * columns.size();
        if (!isObject(json, place)) {
            return;
        }
        if (values.length < start + columns.size()) {
            values = Arrays.copyOf(values, Math.max(2 * values.length, start + columns.size()));
        }
        boolean[] present = new boolean[columns.size()];
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            Integer column = columns.get(name);
            JsonToken token = json.nextToken();
            if (column == null) {
                add("extra_forbidden", below(place, name), "Extra inputs are not permitted");
                json.skipChildren();
                continue;
            }
            present[column] = true;
            if (!token.isNumeric()) {
                add("float_type", below(place, name), "Input should be a valid number");
                json.skipChildren();
                continue;
            }
            double value = json.getDoubleValue();
            if (!Double.isFinite(value)) {
                add("finite_number", below(place, name), "Input should be a finite number");
            }
            values[start + column] = value;
        }
        columns.forEach((name, column) -> {
            if (!present[column]) {
                add("missing", below(place, name), "Field required");
            }
        });
    }

    private boolean isObject(JsonParser json, List<?> place) throws IOException {
        if (json.isExpectedStartObjectToken()) {
            return true;
        }
        if (!json.hasCurrentToken()) {
            add("missing", place, "Field required");
        } else {
            add("model_type", place, "Input should be an object");
            json.skipChildren();
        }
        return false;
    }

    private void add(String type, List<?> place, String message) {
        if (details.size() < MAX_DETAILS) {
            details.add(new Refused.Detail(type, place, message));
        }
    }

    private static List<?> below(List<?> place, String name) {
        List<Object> longer = new ArrayList<>(place);
        longer.add(name);
        return longer;
    }

    /** A stream that may not be longer than a number of bytes. */
    private static class Limited extends FilterInputStream {
        private final int maxBytes;
        private long size;

        Limited(InputStream stream, int maxBytes) {
            super(stream);
            this.maxBytes = maxBytes;
        }

        @Override
        public int read() throws IOException {
            int value = super.read();
            count(value < 0 ? 0 : 1);
            return value;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            int read = super.read(buffer, offset, length);
            count(read);
            return read;
        }

        private void count(int read) {
            size += Math.max(read, 0);
            if (size > maxBytes) {
                throw new Refused(413, "The request is larger than " + maxBytes + " bytes. Send fewer rows.");
            }
        }
    }
}
