#!/bin/sh
# publish.sh   writes the pages to services/site/public, as a server at SITE_URL and SITE_BASEURL wants them
cd -- "$(dirname -- "$0")/../.." || exit
. scripts/common.sh

setting SITE_URL ''
setting SITE_BASEURL ''
SITE_URL=${SITE_URL%/} SITE_BASEURL=${SITE_BASEURL%/}
case $SITE_URL in
  '' | http://[a-zA-Z0-9]* | https://[a-zA-Z0-9]*) ;;
  *) fail "SITE_URL=$SITE_URL is not an address. Use one as in SITE_URL=https://me.example." ;;
esac
case $SITE_BASEURL in
  '' | /[a-zA-Z0-9]*) ;;
  *) fail "SITE_BASEURL=$SITE_BASEURL is not a path. Use one as in SITE_BASEURL=/project." ;;
esac
case $SITE_URL$SITE_BASEURL in
  *[!A-Za-z0-9_.~:/@%-]*) fail 'SITE_URL and SITE_BASEURL may hold no blanks and quotes. Write them as a browser shows them.' ;;
esac
ready
why=.local/site.$$
trap 'rm -f "$why"' EXIT
compose build site-builder >"$why" 2>&1 || explain "$why"
compose run --rm --no-deps --no-TTY site-publish 2>"$why" </dev/null || {
  reason=$(sed -n 's/^error: //p' "$why")
  [ -z "$reason" ] || fail "$reason"
  explain "$why"
}
echo "wrote services/site/public, for $SITE_URL$SITE_BASEURL/"
