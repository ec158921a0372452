.PHONY: scrape
scrape: ## Scrape the shop's pages into Postgres; make up first
	$(RUN) python services/scraper/scrape.py
