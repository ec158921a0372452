.PHONY: password-postgres
password-postgres: ## Give Postgres the password that is in .env
	@sh services/postgres/password.sh
