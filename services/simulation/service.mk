# Passed on as they were typed: make does not expand a $ in them.
override SWEEP := $(value SWEEP)
override JOBS := $(value JOBS)
export SWEEP JOBS

.PHONY: simulate
simulate: ## Simulate the runs of SWEEP='stiffness=5,10 seed=1,2' that are not stored yet, JOBS=2 at a time
	@sh services/simulation/simulate.sh
