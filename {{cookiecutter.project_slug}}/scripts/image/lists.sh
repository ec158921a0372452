#!/bin/sh
# lists.sh FOLDER   in an image build: writes into FOLDER what each layer installs, from the uv.lock here
set -eu
export="uv export --quiet --locked --offline --no-header --no-annotate --no-emit-project"
$export --no-default-groups --output-file "$1/main.txt" >/dev/null &
main=$!
$export --only-group large --output-file "$1/all-large.txt" >/dev/null &
large=$!
$export --only-group notebook --output-file "$1/notebook.txt" >/dev/null &
notebook=$!
$export --only-group dev --output-file "$1/dev.txt" >/dev/null &
dev=$!
wait $main && wait $large && wait $notebook && wait $dev
# What is not, or no longer, a dependency of the project is not in its release either. Lines with a hash are indented.
awk 'FILENAME == ARGV[1] { if (!/^ /) main[$1]; next } !/^ / { on = $1 in main } on' "$1/main.txt" "$1/all-large.txt" >"$1/large.txt"
rm "$1/all-large.txt"
