.PHONY: recommender
recommender: ## Learn from the purchases, and measure how good the recommendations are
	$(RUN) python -m services.recommender.train
