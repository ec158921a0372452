package bank;

import com.fasterxml.jackson.annotation.JsonFormat;
import jakarta.enterprise.context.ApplicationScoped;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/** The SQL of the bank: accounts, and transfers between them. */
@ApplicationScoped
class Accounts {
    private static final String ACCOUNT = "select id, owner, currency, balance, opened from account";
    private static final int LOCK_SECONDS = 10;

    private final Database database;

    Accounts(Database database) {
        this.database = database;
    }

    /** An account. JSON has its balance as text because JavaScript's numbers would round large ones. */
    record Account(
            int id,
            String owner,
            String currency,
            @JsonFormat(shape = JsonFormat.Shape.STRING) BigDecimal balance,
            OffsetDateTime opened) {}

    /** A transfer with the owners and balances of its accounts. The first deposit has no source. */
    record Transfer(
            int id,
            OffsetDateTime made,
            Integer source,
            String sourceOwner,
            @JsonFormat(shape = JsonFormat.Shape.STRING) BigDecimal sourceBalance,
            int target,
            String targetOwner,
            @JsonFormat(shape = JsonFormat.Shape.STRING) BigDecimal targetBalance,
            String currency,
            @JsonFormat(shape = JsonFormat.Shape.STRING) BigDecimal amount,
            String note) {}

    /** A page of accounts, and how many there are in total. */
    record Page(List<Account> accounts, int total) {}

    /** The result of a request, and whether an earlier one with the same key had made it. */
    record Made<T>(T result, boolean earlier) {}

    /** Fails unless the tables can be read. */
    void check() {
        database.transaction(connection -> rows(connection, ACCOUNT + " where 1 = 0", Accounts::account));
    }

    /** Opens an account with a first deposit, which may be 0. */
    Made<Account> open(String request, String owner, String currency, BigDecimal deposit) {
        return database.transaction(connection -> {
            String opened = "select a.id, a.owner, a.currency, coalesce(t.amount, 0) as balance, a.opened"
                    + " from account a left join transfer t on t.target = a.id and t.source is null where a.request = ?";
            for (Account earlier : rows(connection, opened, Accounts::account, request)) {
                if (earlier.owner.equals(owner)
                        && earlier.currency.equals(currency)
                        && earlier.balance.equals(deposit)) {
                    return new Made<>(find(connection, earlier.id), true);
                }
                String message = "This form has already opened account %d. Reload the page for another one.";
                throw new Problem(409, "", message.formatted(earlier.id));
            }
            int id = insert(
                    connection,
                    "insert into account (request, owner, currency, balance) values (?, ?, ?, ?)",
                    request, owner, currency, deposit);
            if (deposit.signum() > 0) {
                insert(
                        connection,
                        "insert into transfer (target, amount, target_balance, note) values (?, ?, ?, ?)",
                        id, deposit, deposit, "First deposit");
            }
            return new Made<>(find(connection, id), false);
        });
    }

    /** Moves money from one account to another. */
    Made<Transfer> transfer(String request, int source, int target, BigDecimal amount, String note) {
        return database.transaction(connection -> {
            // Transfers lock the lower number first, so two in opposite directions cannot wait for each other.
            Account first = lock(connection, Math.min(source, target));
            Account second = lock(connection, Math.max(source, target));
            Account from = source < target ? first : second;
            Account to = source < target ? second : first;
            Form form = new Form();
            if (from == null) {
                form.error("source", "There is no account " + source + ".");
            }
            if (to == null) {
                form.error("target", "There is no account " + target + ".");
            }
            form.check();
            for (Transfer earlier : rows(connection, transfers("t.request = ?"), Accounts::transfer, request)) {
                if (Integer.valueOf(source).equals(earlier.source)
                        && target == earlier.target
                        && amount.equals(earlier.amount)
                        && Objects.equals(note, earlier.note)) {
                    return new Made<>(earlier, true);
                }
                String message = "This form has already moved %s %s to account %d. Reload the page for another one.";
                throw new Problem(409, "", message.formatted(earlier.currency, earlier.amount, earlier.target));
            }
            if (!from.currency.equals(to.currency)) {
                String message = "Account %d is in %s, not in %s.";
                throw new Problem(409, "target", message.formatted(target, to.currency, from.currency));
            }
            if (from.balance.compareTo(amount) < 0) {
                String message = "Account %d has only %s %s.";
                throw new Problem(409, "amount", message.formatted(source, from.currency, from.balance));
            }
            BigDecimal left = from.balance.subtract(amount);
            BigDecimal sum = to.balance.add(amount);
            String set = "update account set balance = ? where id = ?";
            update(connection, set, left, source);
            update(connection, set, sum, target);
            int id = insert(
                    connection,
                    "insert into transfer (request, source, target, amount, source_balance, target_balance, note)"
                            + " values (?, ?, ?, ?, ?, ?, ?)",
                    request, source, target, amount, left, sum, note);
            return new Made<>(rows(connection, transfers("t.id = ?"), Accounts::transfer, id).getFirst(), false);
        });
    }

    /** Returns an account. */
    Account find(int id) {
        return database.transaction(connection -> find(connection, id));
    }

    /** Returns a page of the accounts whose owner contains a text or whose number it is, the newest first. */
    Page search(String text, int offset, int limit) {
        String where = " where lower(owner) like ? escape '!' or cast(id as varchar(20)) = ?";
        String pattern = "%" + text.toLowerCase(Locale.ROOT).replaceAll("[!%_]", "!$0") + "%";
        String page = ACCOUNT + where + " order by id desc offset ? rows fetch next ? rows only";
        String count = "select count(*) from account" + where;
        return database.transaction(connection -> new Page(
                rows(connection, page, Accounts::account, pattern, text, offset, limit),
                rows(connection, count, row -> row.getInt(1), pattern, text).getFirst()));
    }

    /** Returns the transfers from and to an account that came before another transfer, the newest first. */
    List<Transfer> history(int account, int before, int limit) {
        String sql = transfers("(t.source = ? or t.target = ?) and t.id < ?")
                + " order by t.id desc offset 0 rows fetch next ? rows only";
        return database.transaction(connection -> {
            find(connection, account);
            return rows(connection, sql, Accounts::transfer, account, account, before, limit);
        });
    }

    private static String transfers(String condition) {
        return "select t.id, t.made, t.source, s.owner as source_owner, t.source_balance, t.target,"
                + " g.owner as target_owner, t.target_balance, g.currency, t.amount, t.note from transfer t"
                + " left join account s on s.id = t.source join account g on g.id = t.target where " + condition;
    }

    private static Account find(Connection connection, int id) throws SQLException {
        return rows(connection, ACCOUNT + " where id = ?", Accounts::account, id).stream()
                .findFirst()
                .orElseThrow(() -> new Problem(404, "", "There is no account " + id + "."));
    }

    /** Returns an account that no other transaction can change until this one ends, or null if there is none. */
    private static Account lock(Connection connection, int id) throws SQLException {
        try (PreparedStatement statement = prepare(connection, ACCOUNT + " where id = ? for update", id)) {
            statement.setQueryTimeout(LOCK_SECONDS);
            ResultSet row = statement.executeQuery();
            return row.next() ? account(row) : null;
        }
    }

    private static Account account(ResultSet row) throws SQLException {
        return new Account(
                row.getInt("id"),
                row.getString("owner"),
                row.getString("currency"),
                money(row, "balance"),
                row.getObject("opened", OffsetDateTime.class));
    }

    private static Transfer transfer(ResultSet row) throws SQLException {
        return new Transfer(
                row.getInt("id"),
                row.getObject("made", OffsetDateTime.class),
                row.getObject("source", Integer.class),
                row.getString("source_owner"),
                money(row, "source_balance"),
                row.getInt("target"),
                row.getString("target_owner"),
                money(row, "target_balance"),
                row.getString("currency"),
                money(row, "amount"),
                row.getString("note"));
    }

    /** Returns an amount with two decimals: Oracle leaves out zeros at the end. */
    private static BigDecimal money(ResultSet row, String column) throws SQLException {
        BigDecimal value = row.getBigDecimal(column);
        return value == null ? null : value.setScale(2);
    }

    private interface Reader<T> {
        T read(ResultSet row) throws SQLException;
    }

    private static <T> List<T> rows(Connection connection, String sql, Reader<T> reader, Object... values)
            throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, values);
                ResultSet row = statement.executeQuery()) {
            List<T> found = new ArrayList<>();
            while (row.next()) {
                found.add(reader.read(row));
            }
            return found;
        }
    }

    private static void update(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, values)) {
            statement.executeUpdate();
        }
    }

    /** Inserts a row and returns its new number. */
    private static int insert(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql, new String[] {"id"})) {
            bind(statement, values);
            statement.executeUpdate();
            ResultSet keys = statement.getGeneratedKeys();
            keys.next();
            return keys.getInt(1);
        }
    }

    private static PreparedStatement prepare(Connection connection, String sql, Object... values) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        bind(statement, values);
        return statement;
    }

    private static void bind(PreparedStatement statement, Object... values) throws SQLException {
        for (int number = 0; number < values.length; number++) {
            statement.setObject(number + 1, values[number]);
        }
    }
}
