.PHONY: sbom
sbom: ## List the packages in the images, as reports/sbom-*.cdx.json
	@sh services/supply-chain/sbom.sh

.PHONY: reproduce
reproduce: ## Build both images twice without the cache, and compare them
	@sh services/supply-chain/reproduce.sh
