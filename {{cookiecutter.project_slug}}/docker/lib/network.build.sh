# In a build: the settings above, for programs. What these read is in memory, which no image contains.
network=/dev/shm/network
mkdir -p "$network"
export APT_CONFIG="$network/apt.conf"
: >"$APT_CONFIG"

if [ -n "${certificates:-}" ]; then
  printf '%s\n' "$certificates" >"$network/ca.pem"
  for variable in $ca_variables; do export "$variable=$network/ca.pem"; done
  echo "Acquire::https::CAInfo \"$network/ca.pem\";" >>"$APT_CONFIG"
fi

# Java has a store of its own, to which the company's certificates are added. A step that installs Java sources this again.
if [ -n "${certificates:-}" ] && command -v keytool >/dev/null 2>&1; then
  if [ ! -f "$network/java" ]; then
    cp "$(dirname "$(readlink -f "$(command -v keytool)")")/../lib/security/cacerts" "$network/java"
    printf '%s\n' "$company_certificates" | awk -v name="$network/company-" '/BEGIN/ { number++ } { print >(name number) }'
    for file in "$network"/company-*; do
      keytool -importcert -noprompt -keystore "$network/java" -storepass changeit -alias "$file" -file "$file" >/dev/null 2>&1
    done
  fi
  export JAVA_TOOL_OPTIONS="-Djavax.net.ssl.trustStore=$network/java"
fi

if [ -n "${netrc:-}" ]; then
  (umask 077 && printf '%s\n' "$netrc" >"$network/netrc")
  export NETRC="$network/netrc"
  echo "Dir::Etc::netrc \"$network/netrc\";" >>"$APT_CONFIG"
  # git would only read ~/.netrc, which would be in the image.
  export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=credential.helper
  export GIT_CONFIG_VALUE_0="!host=\$(sed -n s/^host=//p); tr -s '[:space:]' '\n' <$network/netrc | awk -v host=\"\$host\" '
    last == \"machine\" { found = (\$0 == host) }
    found && last == \"login\" { print \"username=\" \$0 }
    found && last == \"password\" { print \"password=\" \$0 }
    { last = \$0 }' #"
fi

# `uv add` would write the index to pyproject.toml if it were in UV_DEFAULT_INDEX.
if [ -n "${package_index:-}" ]; then
  export XDG_CONFIG_HOME="$network/config"
  mkdir -p "$network/config/uv"
  printf '%s\n' '[[index]]' "url = \"$package_index\"" 'default = true' >"$network/config/uv/uv.toml"
fi

# The archives of Debian or Ubuntu; other sources, such as NVIDIA's, stay.
if [ -n "${apt_mirror:-}" ] && [ -d /etc/apt ]; then
  mkdir -p "$network/sources"
  cp /etc/apt/sources.list.d/* "$network/sources/" 2>/dev/null || true
  for file in sources.list sources.list.d/debian.sources sources.list.d/ubuntu.sources; do
    [ ! -f "/etc/apt/$file" ] || sed "s|https*://[^/ ]*|$apt_mirror|" "/etc/apt/$file" >"$network/sources/${file##*/}"
  done
  [ ! -f "$network/sources/sources.list" ] || mv "$network/sources/sources.list" "$network/"
  printf '%s\n' "Dir::Etc::sourcelist \"$network/sources.list\";" "Dir::Etc::sourceparts \"$network/sources\";" >>"$APT_CONFIG"
fi
