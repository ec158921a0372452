#!/bin/sh
# Simulate a sweep in parallel, read its results from S3, and compare them with the closed-form solution.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

SWEEP='stiffness=5,10,20,40 temperature=280,300,320' sh services/simulation/simulate.sh
exec docker/run python -m services.simulation.compare
