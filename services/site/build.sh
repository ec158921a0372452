#!/bin/sh
# build-site watch     build the pages into /site, and again whenever the sources or the reports change
# build-site health    wait for the first build, and fail with the reason if the last build failed
# build-site publish   build the pages once into /service/public, for another server
set -eu
state=/tmp/state

# build FOLDER URL PATH: build the pages. If that fails, write the reason to /tmp/reason, in one line.
build() {
  rm -rf /tmp/source
  cp -R /source /tmp/source
  mkdir -p /tmp/source/_data
  for name in metrics predictions; do
    [ ! -f "/reports/$name.json" ] || cp "/reports/$name.json" /tmp/source/_data/
  done
  # The interactive figure reads the file, too.
  [ ! -f /reports/predictions.json ] || cp /reports/predictions.json /tmp/source/
  [ ! -d /reports/figures ] || cp -Rp /reports/figures /tmp/source/
  printf 'url: "%s"\nbaseurl: "%s"\n' "$2" "$3" >/tmp/address.yml
  # If a file is not YAML, Jekyll does not name it. Ruby does.
  if find /tmp/source/_config.yml /tmp/source/_data \( -name '*.json' -o -name '*.y*ml' \) -exec \
    ruby -ryaml -e 'ARGV.each { |file| YAML.parse_file(file) } rescue abort "Error: #$!"' {} + >/tmp/log 2>&1 &&
    jekyll build --quiet --disable-disk-cache --source /tmp/source --destination "$1" \
      --config /tmp/source/_config.yml,/tmp/address.yml >/tmp/log 2>&1; then
    # The server runs as another user.
    chmod -R u+rwX,go+rX "$1"
    return
  fi
  # Jekyll names the files of the copy. Print the path in the project first, then the error.
  sed -E -e 's/\x1b\[[0-9;]*m//g' -e '/Exception|[Ee]rror/!d' \
    -e 's/^ *(Liquid Exception|Error|ERROR): *(YAML Exception reading )?//' -e 's/\(<unknown>\): //' \
    -e 's/ in any of \[.* your site source\.//' \
    -e 's,/tmp/source/_data/(metrics|predictions),reports/\1,g; s|/tmp/source/|services/site/src/|g' \
    -e 's/^\(([^)]*)\)/\1/' -e 's|^(.*) in (services/site/src/.*)$|\2: \1|' /tmp/log | head -n 1 >/tmp/reason
  [ -s /tmp/reason ] || tail -n 1 /tmp/log >/tmp/reason
  return 1
}

# report TEXT: print the result of a build, and keep it for the health check.
report() {
  echo "$1"
  echo "$1" >"$state.new"
  mv "$state.new" "$state"
}

# List the sources with size and time. Hidden files belong to editors, or are still being written.
sources() {
  find /source /reports/metrics.json /reports/predictions.json /reports/figures -type f ! -name '.*' -printf '%p %s %T@\n' 2>/dev/null | sort
}

# Build the pages. The server shows /site/current, which a complete build replaces in one step.
rebuild() {
  next=$(mktemp -d /site/build.XXXXXX)
  if build "$next" "$SITE_URL" ''; then
    ln -s "${next##*/}" "$next.link"
    mv -T "$next.link" /site/current
    report built
    last=$next
  else
    report "$(cat /tmp/reason)"
    last=$(readlink -f /site/current || true)
    rm -rf "$next"
  fi
  # Ignore builds of another user.
  for old in /site/build.*; do [ "$old" = "$last" ] || rm -rf "$old" 2>/dev/null || true; done
}

case $1 in
  watch)
    seen=
    while :; do
      now=$(sources)
      if [ "$now" != "$seen" ]; then
        seen=$now
        rebuild
      fi
      sleep 1
    done
    ;;
  health)
    until [ -f "$state" ]; do sleep 0.2; done
    [ "$(cat "$state")" = built ] || { cat "$state" && exit 1; }
    ;;
  publish)
    next=/service/.public.new
    rm -rf "$next"
    build "$next" "$SITE_URL" "$SITE_BASEURL" || {
      echo "error: $(cat /tmp/reason)." >&2
      exit 1
    }
    rm -rf /service/public
    mv "$next" /service/public
    ;;
esac
