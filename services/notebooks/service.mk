.PHONY: add-user
add-user: ## Let NAME=ada log in to notebooks, with a new password; VIEWER=1 shows published notebooks only
	@docker/run python -m services.notebooks.users add $${VIEWER:+--viewer} -- "$$NAME"

.PHONY: remove-user
remove-user: ## Stop the server of NAME=ada and end her logins; her files stay
	@docker/run python -m services.notebooks.users remove -- "$$NAME"
