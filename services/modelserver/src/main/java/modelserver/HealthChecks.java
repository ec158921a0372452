package modelserver;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Produces;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.HealthCheckResponseBuilder;
import org.eclipse.microprofile.health.Readiness;
import org.eclipse.microprofile.health.Startup;

/** The checks behind /health/ready and /health/started. */
@ApplicationScoped
class HealthChecks {
    /** Ready as long as there is a model. */
    @Produces
    @Readiness
    HealthCheck ready(Models models) {
        return () -> answer("model", models.orNull() != null, models);
    }

    /** Started unless the file of the model cannot be used. A server without a file waits for one. */
    @Produces
    @Startup
    HealthCheck started(Models models) {
        return () -> answer("model file", models.orNull() != null || models.isMissing(), models);
    }

    private static HealthCheckResponse answer(String name, boolean up, Models models) {
        HealthCheckResponseBuilder answer = HealthCheckResponse.named(name).status(up);
        Model model = models.orNull();
        if (model != null) {
            answer.withData("trained", model.about().trained());
        }
        if (models.problem() != null) {
            answer.withData("problem", models.problem());
        }
        return answer.build();
    }
}
