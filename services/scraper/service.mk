.PHONY: scrape
scrape: ## Scrape the shop into Postgres; run make up first
	$(RUN) python -m services.scraper.scrape
