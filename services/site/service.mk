.PHONY: site
site: ## Write the pages to services/site/public, for SITE_URL=https://me.example SITE_BASEURL=/project
	@sh services/site/publish.sh
