#!/bin/sh
# build-site watch     builds the pages into /site, again after each change of the sources or the reports
# build-site health    waits for the first build, and says what is wrong with the last one
# build-site publish   builds the pages once into /service/public, for another server
set -eu
state=/tmp/state

# Builds into folder $1 the pages for address $2, path $3. Where that fails, the reason is one line in /tmp/reason.
build() {
  rm -rf /tmp/source
  cp -R /source /tmp/source
  mkdir -p /tmp/source/_data
  [ ! -f /reports/metrics.json ] || cp /reports/metrics.json /tmp/source/_data/
  [ ! -d /reports/figures ] || cp -Rp /reports/figures /tmp/source/
  printf 'url: "%s"\nbaseurl: "%s"\n' "$2" "$3" >/tmp/address.yml
  # Jekyll does not say in which file it found no YAML.
  if find /tmp/source/_config.yml /tmp/source/_data \( -name '*.json' -o -name '*.y*ml' \) -exec \
    ruby -ryaml -e 'ARGV.each { |file| YAML.parse_file(file) } rescue abort "Error: #$!"' {} + >/tmp/log 2>&1 &&
    jekyll build --quiet --disable-disk-cache --source /tmp/source --destination "$1" \
      --config /tmp/source/_config.yml,/tmp/address.yml >/tmp/log 2>&1; then
    # The server is somebody else.
    chmod -R u+rwX,go+rX "$1"
    return
  fi
  # Built is a copy, in which data and figures are those of the reports. The file comes first, then what is wrong.
  sed -E -e 's/\x1b\[[0-9;]*m//g' -e '/Exception|[Ee]rror/!d' \
    -e 's/^ *(Liquid Exception|Error|ERROR): *(YAML Exception reading )?//' -e 's/\(<unknown>\): //' \
    -e 's/ in any of \[.* your site source\.//' \
    -e 's|/tmp/source/_data/metrics|reports/metrics|g; s|/tmp/source/|services/site/src/|g' \
    -e 's/^\(([^)]*)\)/\1/' -e 's|^(.*) in (services/site/src/.*)$|\2: \1|' /tmp/log | head -n 1 >/tmp/reason
  [ -s /tmp/reason ] || tail -n 1 /tmp/log >/tmp/reason
  return 1
}

say() {
  echo "$1"
  echo "$1" >"$state.new"
  mv "$state.new" "$state"
}

# What there is to build from. Names with a dot in front are editors', or are being written.
sources() {
  find /source /reports/metrics.json /reports/figures -type f ! -name '.*' -printf '%p %s %T@\n' 2>/dev/null | sort
}

# The server shows /site/current. It is replaced in one step, by a build that is complete.
rebuild() {
  next=$(mktemp -d /site/build.XXXXXX)
  if build "$next" "$SITE_URL" ''; then
    ln -s "${next##*/}" "$next.link"
    mv -T "$next.link" /site/current
    say built
    last=$next
  else
    say "$(cat /tmp/reason)"
    last=$(readlink -f /site/current || true)
    rm -rf "$next"
  fi
  # Those of somebody else stay.
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
