package modelserver;

import io.quarkus.arc.Arc;
import io.quarkus.smallrye.openapi.OpenApiFilter;
import java.util.List;
import org.eclipse.microprofile.openapi.OASFactory;
import org.eclipse.microprofile.openapi.OASFilter;
import org.eclipse.microprofile.openapi.models.OpenAPI;
import org.eclipse.microprofile.openapi.models.media.Schema;
import org.eclipse.microprofile.openapi.models.media.Schema.SchemaType;

/** Adds the columns of the model in use to the description of the endpoints. */
@OpenApiFilter(stages = OpenApiFilter.RunStage.RUNTIME_PER_REQUEST)
public class RowSchema implements OASFilter {
    @Override
    public void filterOpenAPI(OpenAPI description) {
        Model model = Arc.container().instance(Models.class).get().orNull();
        Schema row = schema(SchemaType.OBJECT).additionalPropertiesBoolean(model == null);
        if (model != null) {
            for (String name : model.columns().keySet()) {
                row.addProperty(name, schema(SchemaType.NUMBER)).addRequired(name);
            }
        }
        Schema rows = schema(SchemaType.ARRAY)
                .items(OASFactory.createSchema().ref("Row"))
                .minItems(1)
                .maxItems(Arc.container().instance(Limits.class).get().rows());
        Schema batch = schema(SchemaType.OBJECT)
                .additionalPropertiesBoolean(false)
                .addProperty("rows", rows)
                .addRequired("rows");
        description.getComponents().addSchema("Row", row).addSchema("Batch", batch);
    }

    private static Schema schema(SchemaType type) {
        return OASFactory.createSchema().type(List.of(type));
    }
}
