#!/bin/sh
# Export the model, compare the server's predictions with Python's, and measure how fast it answers.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

sh services/modelserver/export.sh roundtrip
TIME=3 sh services/modelserver/load.sh
