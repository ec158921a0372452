.PHONY: extract
extract: ## Write the tables in data/processed as extracts for Tableau
	$(RUN) python services/tableau/extract.py

.PHONY: publish-tableau
publish-tableau: ## Send these extracts to the Tableau server that .env names
	$(RUN) --with TABLEAU_ python services/tableau/publish.py
