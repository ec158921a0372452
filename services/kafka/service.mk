.PHONY: send-readings
send-readings: ## Send a fleet's readings to Kafka: SEED=1 CARS=20 MINUTES=30 LIVE=
	$(RUN) python -m services.kafka.fleet $(if $(SEED),--seed $(SEED)) $(if $(CARS),--cars $(CARS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(LIVE),--live)
