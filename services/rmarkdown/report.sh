#!/bin/sh
# Render the report REPORT with the parameters PARAMS to the HTML file OUTPUT.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

REPORT=${REPORT:-services/rmarkdown/src/report.Rmd}
case $REPORT in
  /* | ../* | */../*) fail "REPORT=$REPORT is not in this project. Use a file in this folder, such as REPORT=notebooks/mine.Rmd." ;;
  *.Rmd | *.rmd | *.qmd) ;;
  *) fail "REPORT=$REPORT is not an R Markdown file. Use a file that ends in .Rmd." ;;
esac
[ -f "$REPORT" ] || fail "the report $REPORT does not exist. Use a file in this project, such as REPORT=notebooks/mine.Rmd."
name=${REPORT##*/}
OUTPUT=${OUTPUT:-reports/${name%.*}.html}
case $OUTPUT in
  /* | ../* | */../*) fail "OUTPUT=$OUTPUT is not in this project. Use a file in this folder, such as OUTPUT=reports/mine.html." ;;
  *.html) ;;
  *) fail "OUTPUT=$OUTPUT is not an HTML file. Use a name that ends in .html." ;;
esac
export REPORT OUTPUT PARAMS="${PARAMS:-}"

prepare
"$DOCKER" image inspect "$PROJECT-rmarkdown" >/dev/null 2>&1 || echo 'building rmarkdown'
compose_build rmarkdown
run_container rmarkdown </dev/null
