#!/bin/sh
# Write the pages to services/site/public, with links for a server at SITE_URL and SITE_BASEURL.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

setting SITE_URL ''
setting SITE_BASEURL ''
SITE_URL=${SITE_URL%/} SITE_BASEURL=${SITE_BASEURL%/}
case $SITE_URL in
  '' | http://[a-zA-Z0-9]* | https://[a-zA-Z0-9]*) ;;
  *) fail "SITE_URL=$SITE_URL is not a URL. Use one such as SITE_URL=https://me.example." ;;
esac
case $SITE_BASEURL in
  '' | /[a-zA-Z0-9]*) ;;
  *) fail "SITE_BASEURL=$SITE_BASEURL is not a path. Use one such as SITE_BASEURL=/project." ;;
esac
case $SITE_URL$SITE_BASEURL in
  *[!A-Za-z0-9_.~:/@%-]*)
    fail 'SITE_URL and SITE_BASEURL contain a character that is not allowed in URLs. Copy them from a browser.'
    ;;
esac
prepare
compose_build site-publish
run_container --no-deps site-publish </dev/null
echo "wrote services/site/public, for $SITE_URL$SITE_BASEURL/"
