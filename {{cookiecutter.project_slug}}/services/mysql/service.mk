.PHONY: password-mysql
password-mysql: ## Give MySQL the password that is in .env
	@sh services/mysql/password.sh
