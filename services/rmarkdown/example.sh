#!/bin/sh
# Render the report for two columns of the data, and check its plots and its counts.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

prepare
docker/run python -m {{ cookiecutter.package_name }}.data
data=$DATA_DIR/raw/tumors.csv
expected=$(grep -c 'malignant' "$data")
hint='Check services/rmarkdown/src/report.Rmd.'

for number in 1 2; do
  column=$(head -n 1 "$data" | cut -d , -f "$number")
  html="reports/$column.html"
  PARAMS="column=$column; bins=20" OUTPUT=$html sh services/rmarkdown/report.sh
  plots=$(grep -c 'src="data:image/png;base64,' "$html" || true)
  # The number that follows the group's name in the table.
  count=$(sed "s/<[^>]*>/ /g" "$html" | tr -s "[:space:]" "\n" |
    awk 'previous == "malignant" && /^[0-9]+$/ { print; exit } { previous = $0 }')
  [ "$plots" -ge 2 ] || fail "$html has $plots plots instead of 2 or more. $hint"
  [ "$count" = "$expected" ] || fail "$html counts '$count' malignant tumors, but the data has $expected. $hint"
  echo "  $plots plots of '$column', $count rows are malignant"
done
