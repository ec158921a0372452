#!/bin/sh
# Renders the report for two columns of the data, and looks into what came out.
cd -- "$(dirname -- "$0")/../.." || exit
. scripts/common.sh

scripts/run.sh python -m {{ cookiecutter.package_name }}.data
ready
raw=$DATA_DIR/raw/tumours.csv
malignant=$(grep -c 'malignant' "$raw")
look='Look at services/rmarkdown/src/report.Rmd.'

for number in 1 2; do
  column=$(head -n 1 "$raw" | cut -d , -f "$number")
  html="reports/$column.html"
  PARAMS="column=$column; bins=20" OUTPUT=$html services/rmarkdown/report.sh
  plots=$(grep -c 'src="data:image/png;base64,' "$html" || true)
  # The number after the group's name, in its table.
  rows=$(sed "s/<[^>]*>/ /g" "$html" | tr -s "[:space:]" "\n" |
    awk 'last == "malignant" && /^[0-9]+$/ { print; exit } { last = $0 }')
  [ "$plots" -ge 2 ] || fail "$html has $plots plots. $look"
  [ "$rows" = "$malignant" ] || fail "$html counts '$rows' malignant tumours, the data have $malignant. $look"
  echo "  $plots plots of '$column', $rows rows are malignant"
done
