package bank;

import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.util.Map;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;

/** Answers with the same JSON to everything that fails: {"errors": {"amount": "Type at most two decimals."}}. */
class Errors {
    @ServerExceptionMapper
    Response problem(Problem problem) {
        return json(problem.status, problem.errors);
    }

    @ServerExceptionMapper
    Response mismatched(MismatchedInputException error) {
        return refused(400);
    }

    @ServerExceptionMapper
    Response refused(WebApplicationException error) {
        return refused(error.getResponse().getStatus());
    }

    @ServerExceptionMapper
    Response fault(Exception error) {
        Logger.getLogger(Errors.class).error("the request failed", error);
        return json(500, Map.of("", "The bank failed. See make logs SERVICE=bank."));
    }

    private static Response refused(int status) {
        String message = switch (status) {
            case 400 -> "The request is not a JSON object with the fields of this form.";
            case 404 -> "There is nothing at this address.";
            case 415 -> "Send JSON, with the header Content-Type: application/json.";
            default -> "The request was refused with status " + status + ".";
        };
        return json(status, Map.of("", message));
    }

    private static Response json(int status, Map<String, String> errors) {
        return Response.status(status).type(MediaType.APPLICATION_JSON).entity(Map.of("errors", errors)).build();
    }
}
