.PHONY: extract
extract: ## Write the tables in data/processed as extracts for Tableau
	$(RUN) python -m services.tableau.extract

.PHONY: publish-tableau
publish-tableau: ## Publish these extracts to the Tableau server in .env
	$(RUN) --with TABLEAU_ python -m services.tableau.publish
