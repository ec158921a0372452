.PHONY: export-model
export-model: ## Convert the trained model to models/model.onnx, which the model server reads
	@sh services/modelserver/export.sh

.PHONY: load-modelserver
load-modelserver: ## Measure how fast the model server answers: ROWS=1 CONNECTIONS=8 TIME=10
	@sh services/modelserver/load.sh
