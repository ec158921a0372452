#!/bin/sh
# report.sh   renders the report in the variable REPORT with the parameters in PARAMS, into the HTML file in OUTPUT
cd -- "$(dirname -- "$0")/../.." || exit
. scripts/common.sh

REPORT=${REPORT:-services/rmarkdown/src/report.Rmd}
case $REPORT in
  /* | ../* | */../*) fail "REPORT=$REPORT is not in this project. Name a file in it: REPORT=notebooks/mine.Rmd." ;;
  *.Rmd | *.rmd | *.qmd) ;;
  *) fail "REPORT=$REPORT is no R Markdown. Name a file that ends in .Rmd." ;;
esac
[ -f "$REPORT" ] || fail "there is no report $REPORT. Name a file in this project: REPORT=notebooks/mine.Rmd."
name=${REPORT##*/}
OUTPUT=${OUTPUT:-reports/${name%.*}.html}
case $OUTPUT in
  /* | ../* | */../*) fail "OUTPUT=$OUTPUT is not in this project. Name a file in it: OUTPUT=reports/mine.html." ;;
  *.html) ;;
  *) fail "OUTPUT=$OUTPUT is no HTML. Name a file that ends in .html." ;;
esac
export REPORT OUTPUT PARAMS="${PARAMS:-}"

ready
why=.local/report.$$
container=$COMPOSE_PROJECT_NAME-report-$$-$(date +%s)
# Compose can end on a signal while its container goes on.
trap 'rm -f "$why"' EXIT
trap '"$DOCKER" rm --force "$container" >/dev/null 2>&1; exit 130' HUP INT TERM
"$DOCKER" image inspect "$PROJECT-rmarkdown" >/dev/null 2>&1 || echo 'building rmarkdown'
compose build rmarkdown >"$why" 2>&1 || explain "$why"
status=0
compose run --rm --no-TTY --name "$container" rmarkdown </dev/null || status=$?
[ "$status" != 137 ] || fail "the report was killed, mostly because memory ran out. Give it less data, or MEMORY= in .env."
exit "$status"
