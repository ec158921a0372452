package bank;

import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/** Reads the fields of a request, and collects what is wrong with them. */
class Form {
    static final BigDecimal LARGEST = new BigDecimal("1000000000.00");
    private static final Pattern KEY = Pattern.compile("[A-Za-z0-9-]{16,64}");
    private static final Pattern NUMBER = Pattern.compile("-?\\d{1,30}(\\.\\d{1,30})?");
    private static final Pattern CONTROL = Pattern.compile("\\p{Cntrl}");

    private final Map<String, String> errors = new LinkedHashMap<>();

    /** Fails with all errors, if there are any. */
    void check() {
        if (!errors.isEmpty()) {
            throw new Problem(422, errors);
        }
    }

    void error(String field, String message) {
        errors.putIfAbsent(field, message);
    }

    /** Checks the key by which a repeated request is recognized. */
    void key(String value) {
        if (value == null || !KEY.matcher(value).matches()) {
            error("", "Send a header Idempotency-Key with 16 to 64 random letters and digits, new ones for each form.");
        }
    }

    /** Returns a text without blanks around it, or null if it is empty. */
    String text(String field, String value, int longest) {
        String text = value == null ? "" : value.strip();
        if (CONTROL.matcher(text).find()) {
            error(field, "Leave out control characters.");
        } else if (text.codePointCount(0, text.length()) > longest) {
            error(field, "Type at most " + longest + " characters.");
        }
        return text.isEmpty() ? null : text;
    }

    /** Returns an amount with two decimals. An amount of JSON arrives here as it was written, so nothing is rounded. */
    BigDecimal amount(String field, String value, boolean zero) {
        String text = value == null ? "" : value.strip();
        if (!NUMBER.matcher(text).matches()) {
            error(field, "Type an amount, such as 12.50.");
            return null;
        }
        BigDecimal amount = new BigDecimal(text);
        if (amount.signum() < 0 || amount.signum() == 0 && !zero) {
            error(field, zero ? "The amount must not be negative." : "The amount must be greater than 0.");
        } else if (amount.scale() > 2) {
            error(field, "Type at most two decimals.");
        } else if (amount.compareTo(LARGEST) > 0) {
            error(field, "The amount must be at most " + LARGEST.toPlainString() + ".");
        } else {
            return amount.setScale(2);
        }
        return null;
    }

    /** Returns the number of an account. */
    int account(String field, String value) {
        try {
            return Integer.parseInt(value == null ? "" : value.strip());
        } catch (NumberFormatException error) {
            error(field, "Type the number of an account.");
            return 0;
        }
    }
}
