.PHONY: load-api
load-api: ## Measure how fast the API answers: ROWS=1 CONNECTIONS=8 TIME=10
	@sh services/api/load.sh
