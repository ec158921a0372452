.PHONY: dashboards
dashboards: ## Start OpenSearch Dashboards and import the saved dashboard
	@sh services/search/dashboards.sh
