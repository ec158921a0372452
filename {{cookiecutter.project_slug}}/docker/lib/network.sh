# Company networks: certificates, a package index, and mirrors. Builds get them as a secret and containers as a mount, so that
# images are the same with and without them.

# What programs read to find certificates: uv and OpenSSL, Python's requests, curl and R, git, pip, AWS, and Node.
CA_VARIABLES='SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE GIT_SSL_CAINFO PIP_CERT AWS_CA_BUNDLE NODE_EXTRA_CA_CERTS'

# Programs read either spelling.
PROXY_VARIABLES='http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY'

# load_proxies: export the proxies that .env names. Compose reads them there for containers, but builds do not.
load_proxies() {
  local name
  grep -qi '_proxy' .env 2>/dev/null || return 0
  for name in $PROXY_VARIABLES; do
    setting "$name" ''
    eval "[ -n \"\$$name\" ]" || unset "$name"
  done
}

# proxy_arguments: print `--build-arg NAME` for each proxy. Docker does not write these into an image.
proxy_arguments() {
  local name
  for name in $PROXY_VARIABLES; do
    eval "[ -z \"\${$name:-}\" ]" || echo "--build-arg $name"
  done
}

# bypass_proxy: if there is a proxy, reach the containers of this project without it.
bypass_proxy() {
  local names
  [ -n "$(proxy_arguments)" ] || return 0
  names=localhost,127.0.0.1,$(compose --profile '*' config --services | sort | paste -s -d , -)
  export NO_PROXY="${NO_PROXY:+$NO_PROXY,}$names" no_proxy="${no_proxy:+$no_proxy,}$names"
}

# in_home PATH: print a path in which ~ is the home folder. A shell has not replaced that of .env.
# shellcheck disable=SC2088 # it is not to expand
in_home() { case $1 in '~/'*) echo "$HOME/${1#??}" ;; *) printf '%s\n' "$1" ;; esac; }

# require_readable NAME FILE: fail if the file or folder in a setting cannot be read.
require_readable() {
  [ -e "$2" ] || fail "$1=$2 does not exist. Correct the path, or remove the setting."
  [ -r "$2" ] || fail "you do not have permission to read $1=$2. Check who owns it: ls -ld '$2'."
}

# print_certificates FILE...: print the certificates in PEM files, without the text around them.
print_certificates() {
  cat "$@" | tr -d '\r' | LC_ALL=C sed -n '/^-----BEGIN CERTIFICATE-----$/,/^-----END CERTIFICATE-----$/p'
}

# require_certificates FILE: fail unless a file consists of certificates. With one that they cannot read, programs trust nothing.
require_certificates() {
  require_readable CA_CERT "$1"
  ! grep -q 'PRIVATE KEY-----' "$1" || fail "$1 contains a private key. Use a file with nothing but certificates."
  print_certificates "$1" | awk '
    /BEGIN/ { open++; next }
    /END/ { open--; count++; next }
    !/^[A-Za-z0-9+\/]+=*$/ { open = 2; exit }
    END { exit !(count && !open) }' ||
    fail "$1 is not a certificate in PEM format. Ask for one, or convert it: openssl x509 -inform der -in '$1' -out company.pem."
}

# list_certificates: list the files that CA_CERT names: itself, or those in a folder.
list_certificates() {
  local file
  [ -d "$CA_CERT" ] || { echo "$CA_CERT" && return; }
  for file in "$CA_CERT"/*.pem "$CA_CERT"/*.crt "$CA_CERT"/*.cer; do [ ! -f "$file" ] || printf '%s\n' "$file"; done
}

# print_machine_certificates: print the certificates that this machine trusts: those of Linux distributions or of macOS.
print_machine_certificates() {
  local file
  for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    [ ! -r "$file" ] || { print_certificates "$file" && return; }
  done
}

# require_url NAME: fail unless a setting is an address.
require_url() {
  local value
  eval "value=\$$1"
  # Not the value, which may contain a password.
  printf '%s\n' "${value:-http://none}" | grep -Eqx 'https?://[^/[:space:]"'\'']+[^[:space:]"'\'']*' ||
    fail "$1 is not valid. Use an address such as $1=https://mirror.example/path."
}

# load_network: set and check the settings, and export the proxies and REGISTRY_PREFIX, which comes before the name of each image.
load_network() {
  local file files
  load_proxies
  for file in CA_CERT NETRC UV_DEFAULT_INDEX APT_MIRROR REGISTRY; do setting "$file" ''; done
  CA_CERT=$(in_home "$CA_CERT") NETRC=$(in_home "$NETRC")
  if [ -n "$CA_CERT" ]; then
    require_readable CA_CERT "$CA_CERT"
    files=$(list_certificates)
    [ -n "$files" ] || fail "the folder CA_CERT=$CA_CERT has no file *.pem, *.crt or *.cer. Use the folder that contains the certificates."
    while IFS= read -r file; do require_certificates "$file"; done <<END
$files
END
  fi
  [ -z "$NETRC" ] || require_readable NETRC "$NETRC"
  [ ! -d "$NETRC" ] || fail "NETRC=$NETRC is a folder. Use the file in it."
  require_url UV_DEFAULT_INDEX
  require_url APT_MIRROR
  printf '%s\n' "${REGISTRY:-none}" | grep -Eqx '[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*/?' ||
    fail "REGISTRY='$REGISTRY' is not valid. Use a name without https://, such as REGISTRY=registry.example/mirror."
  export REGISTRY_PREFIX="${REGISTRY:+${REGISTRY%/}/}"
}

# write_java_store: write the certificates in the format that Java reads, if they have changed. Python in the development image does
# it, so there is no file before the first build.
write_java_store() {
  local folder=.local/network store
  [ -z "$(find "$folder/java.p12" -newer "$folder/ca.pem" 2>/dev/null)" ] || return 0
  rm -f "$folder/java.p12"
  store=$(temporary_file java)
  "$DOCKER" run --rm --interactive --network none --pull never "$IMAGE" python -I -c "$(cat docker/lib/java_store.py)" \
    <"$folder/ca.pem" >"$store" 2>/dev/null || return 0
  replace "$folder/java.p12" <"$store"
}

# write_network: write what builds and containers read. Set and export MACHINE_FILE, relative to docker/, if the engine is Podman or
# there are certificates.
write_network() {
  local folder=.local/network name company=''
  [ -d "$folder" ] || { mkdir -p "$folder" && hand_over "$folder"; }
  unset MACHINE_FILE
  ! is_podman || export MACHINE_FILE=compose.podman.yaml
  if [ -n "$CA_CERT" ]; then
    company=$(list_certificates | while IFS= read -r name; do print_certificates "$name"; done)
    { print_machine_certificates && printf '%s\n' "$company"; } | replace "$folder/ca.pem"
    write_java_store
    {
      printf '%s\n' 'services:' '  machine:' "    extends: {file: ../../docker/${MACHINE_FILE:-compose.base.yaml}, service: machine}" '    environment:'
      for name in $CA_VARIABLES; do echo "      $name: /etc/company-ca.pem"; done
      [ ! -f "$folder/java.p12" ] || echo '      JAVA_TOOL_OPTIONS: -Djavax.net.ssl.trustStore=/etc/company-ca.p12'
      printf '%s\n' '    volumes:' '      - {type: bind, source: ca.pem, target: /etc/company-ca.pem, read_only: true}'
      [ ! -f "$folder/java.p12" ] || echo '      - {type: bind, source: java.p12, target: /etc/company-ca.p12, read_only: true}'
    } | replace "$folder/compose.yaml"
    export MACHINE_FILE="../$folder/compose.yaml"
  fi
  {
    if [ -n "$CA_CERT$NETRC$UV_DEFAULT_INDEX$APT_MIRROR" ]; then
      [ -z "$CA_CERT" ] || printf "%s='%s'\n" certificates "$(cat "$folder/ca.pem")" company_certificates "$company" ca_variables "$CA_VARIABLES"
      [ -z "$NETRC" ] || printf "netrc='%s'\n" "$(sed "s/'/'\\\\''/g" "$NETRC")"
      [ -z "$APT_MIRROR" ] || echo "apt_mirror='${APT_MIRROR%/}'"
      [ -z "$UV_DEFAULT_INDEX" ] || echo "package_index='$UV_DEFAULT_INDEX'"
      cat docker/lib/network.build.sh
    fi
  } | (umask 077 && replace "$folder/build.sh")
}
