# Passed on as they were typed: make does not expand a $ in them.
override REPORT := $(value REPORT)
override OUTPUT := $(value OUTPUT)
override PARAMS := $(value PARAMS)
export REPORT OUTPUT PARAMS

.PHONY: report
report: ## Render REPORT=file.Rmd with PARAMS='column=mean area; bins=20' to HTML in reports/
	@sh services/rmarkdown/report.sh
