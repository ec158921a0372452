.PHONY: site
site: ## Write the pages to services/site/public, for SITE_URL=https://me.example SITE_BASEURL=/project
	@sh services/site/publish.sh

.PHONY: story
story: ## Write what the interactive figure shows to reports/predictions.json, after make train
	$(RUN) python -m services.site.story
