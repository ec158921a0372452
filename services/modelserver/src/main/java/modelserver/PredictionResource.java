package modelserver;

import ai.onnxruntime.OrtException;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;

/** Rows in, probabilities out. */
@Path("/")
@Produces(MediaType.APPLICATION_JSON)
public class PredictionResource {
    private final Models models;
    private final Limits limits;
    private final MeterRegistry metrics;

    PredictionResource(Models models, Limits limits, MeterRegistry metrics) {
        this.models = models;
        this.limits = limits;
        this.metrics = metrics;
    }

    /** The prediction for a row. */
    public record Prediction(double probability, boolean predicted) {}

    /** The predictions for several rows, in the order of the rows. */
    public record Predictions(List<Prediction> predictions) {}

    /** Lead to the page that documents the server. */
    @GET
    @Operation(hidden = true)
    public Response start() {
        return Response.temporaryRedirect(URI.create("docs")).build();
    }

    @POST
    @Path("predict")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(summary = "Return the prediction for one row")
    @APIResponse(responseCode = "200", content = @Content(schema = @Schema(implementation = Prediction.class)))
    @APIResponse(responseCode = "413", description = "The request is too large")
    @APIResponse(responseCode = "422", description = "The row is invalid")
    @APIResponse(responseCode = "503", description = "There is no model")
    public Prediction predictOne(
            @RequestBody(required = true, content = @Content(schema = @Schema(ref = "Row"))) InputStream body)
            throws IOException, OrtException {
        Model model = models.get();
        return predictions(model, Rows.readOne(body, model.columns(), limits)).getFirst();
    }

    @POST
    @Path("predict/batch")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(summary = "Return the predictions for several rows")
    @APIResponse(responseCode = "200", content = @Content(schema = @Schema(implementation = Predictions.class)))
    @APIResponse(responseCode = "413", description = "The request is too large")
    @APIResponse(responseCode = "422", description = "A row is invalid, or there are too many")
    @APIResponse(responseCode = "503", description = "There is no model")
    public Predictions predictBatch(
            @RequestBody(required = true, content = @Content(schema = @Schema(ref = "Batch"))) InputStream body)
            throws IOException, OrtException {
        Model model = models.get();
        return new Predictions(predictions(model, Rows.readBatch(body, model.columns(), limits)));
    }

    @GET
    @Path("model")
    @Operation(summary = "Return what the model says about itself")
    @APIResponse(responseCode = "200", content = @Content(schema = @Schema(implementation = Model.About.class)))
    @APIResponse(responseCode = "503", description = "There is no model")
    public Model.About about() {
        return models.get().about();
    }

    @ServerExceptionMapper
    Response refuse(Refused refused) {
        return Response.status(refused.status)
                .type(MediaType.APPLICATION_JSON)
                .entity(Map.of("detail", refused.detail))
                .build();
    }

    private List<Prediction> predictions(Model model, Rows rows) throws OrtException {
        List<Prediction> predictions = new ArrayList<>(rows.count());
        int positive = 0;
        for (double probability : model.predict(rows.values(), rows.count())) {
            if (!Double.isFinite(probability)) {
                String message = "The model cannot compute a probability for these numbers";
                throw Refused.invalid("not_computable", List.of("body"), message);
            }
            boolean predicted = probability >= 0.5;
            predictions.add(new Prediction(probability, predicted));
            positive += predicted ? 1 : 0;
        }
        count("true", positive);
        count("false", rows.count() - positive);
        return predictions;
    }

    private void count(String predicted, int number) {
        metrics.counter("modelserver.predictions", "predicted", predicted).increment(number);
    }
}
