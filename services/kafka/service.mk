# Passed on as they were typed: make does not expand a $ in them.
override SEED := $(value SEED)
override CARS := $(value CARS)
override MINUTES := $(value MINUTES)
export SEED CARS MINUTES

.PHONY: send-readings
send-readings: ## Send a fleet's readings to Kafka: SEED=1 CARS=20 MINUTES=30 LIVE=
	$(RUN) python -m services.kafka.fleet $${SEED:+--seed "$$SEED"} $${CARS:+--cars "$$CARS"} $${MINUTES:+--minutes "$$MINUTES"} $(if $(LIVE),--live)
