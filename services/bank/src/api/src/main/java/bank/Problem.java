package bank;

import java.util.Map;

/** A request that changed nothing: its status, and a message for each wrong field. "" is the form as a whole. */
class Problem extends RuntimeException {
    final int status;
    final Map<String, String> errors;

    Problem(int status, Map<String, String> errors) {
        // No stack trace: it is an answer, not a fault.
        super(errors.toString(), null, false, false);
        this.status = status;
        this.errors = errors;
    }

    Problem(int status, String field, String message) {
        this(status, Map.of(field, message));
    }
}
