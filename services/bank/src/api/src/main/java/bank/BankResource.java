package bank;

import bank.Accounts.Account;
import bank.Accounts.Made;
import bank.Accounts.Page;
import bank.Accounts.Transfer;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;

/** The REST interface. A request that is not JSON gets 415, so no form of another site can send one. */
@Path("/api")
@Consumes(MediaType.APPLICATION_JSON)
public class BankResource {
    /** All have two decimals. */
    private static final List<String> CURRENCIES = List.of("EUR", "USD", "GBP", "CHF");

    private static final int PAGE = 50;
    private final Accounts accounts;

    BankResource(Accounts accounts) {
        this.accounts = accounts;
    }

    public record OpenRequest(String owner, String currency, String deposit) {}

    public record TransferRequest(String source, String target, String amount, String note) {}

    @GET
    @Path("/health")
    public Map<String, String> health() {
        accounts.check();
        return Map.of("status", "ok");
    }

    @GET
    @Path("/currencies")
    public List<String> currencies() {
        return CURRENCIES;
    }

    @GET
    @Path("/accounts")
    public Page search(
            @QueryParam("search") @DefaultValue("") String search,
            @QueryParam("offset") @DefaultValue("0") int offset) {
        return accounts.search(search.replaceAll("\\p{Cntrl}", "").strip(), Math.max(0, offset), PAGE);
    }

    @POST
    @Path("/accounts")
    public Response open(@HeaderParam("Idempotency-Key") String key, OpenRequest request) {
        OpenRequest sent = present(request);
        Form form = new Form();
        form.key(key);
        String owner = form.text("owner", sent.owner, 100);
        if (owner == null) {
            form.error("owner", "Type the owner's name.");
        }
        if (!CURRENCIES.contains(sent.currency)) {
            form.error("currency", "Choose one of " + String.join(", ", CURRENCIES) + ".");
        }
        BigDecimal deposit = form.amount("deposit", sent.deposit, true);
        form.check();
        return answer(accounts.open(key, owner, sent.currency, deposit));
    }

    @GET
    @Path("/accounts/{id: [0-9]{1,9}}")
    public Account find(int id) {
        return accounts.find(id);
    }

    @GET
    @Path("/accounts/{id: [0-9]{1,9}}/transfers")
    public List<Transfer> history(int id, @QueryParam("before") @DefaultValue("2147483647") int before) {
        return accounts.history(id, before, PAGE);
    }

    @POST
    @Path("/transfers")
    public Response transfer(@HeaderParam("Idempotency-Key") String key, TransferRequest request) {
        TransferRequest sent = present(request);
        Form form = new Form();
        form.key(key);
        int source = form.account("source", sent.source);
        int target = form.account("target", sent.target);
        if (source == target) {
            form.error("target", "Choose another account than the one that pays.");
        }
        BigDecimal amount = form.amount("amount", sent.amount, false);
        String note = form.text("note", sent.note, 140);
        form.check();
        return answer(accounts.transfer(key, source, target, amount, note));
    }

    private static <T> T present(T request) {
        if (request == null) {
            throw new WebApplicationException(400);
        }
        return request;
    }

    private static Response answer(Made<?> made) {
        return Response.status(made.earlier() ? 200 : 201).entity(made.result()).build();
    }
}
