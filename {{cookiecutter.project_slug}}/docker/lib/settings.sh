# Settings: from the command line or the environment, else from .env, else the default.

# setting NAME DEFAULT: set and export the variable NAME, which does not begin with _.
setting() {
  local _value
  eval "_value=\${$1:-}"
  if [ -z "$_value" ] && [ -f .env ]; then
    _value=$(awk -v name="$1=" -v quotes="[\"']" '
      { sub(/^[ \t]*(export[ \t]+)?/, ""); sub(/[ \t]*=[ \t]*/, "=") }
      index($0, name) == 1 { value = substr($0, length(name) + 1) }
      END {
        first = substr(value, 1, 1)
        if (first ~ quotes && length(value) > 1 && substr(value, length(value)) == first)
          value = substr(value, 2, length(value) - 2)
        else
          sub(/[ \t]+#.*$/, "", value)
        print value
      }' .env)
  fi
  export "$1=${_value:-$2}"
}

# require_readable_env: fail if .env has a line that Compose could not read. A quoted value may span several lines.
require_readable_env() {
  local line
  [ -f .env ] || return 0
  [ -r .env ] || require_own .env
  [ -r .env ] || fail "you do not have permission to read .env. Check who owns it: ls -l .env."
  line=$(awk -v quotes="[\"']" '
    quote { if (index($0, quote)) quote = ""; next }
    /^[ \t]*(#|$)/ { next }
    !/^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_.]*[ \t]*=/ { print NR; exit }
    { value = $0; sub(/^[^=]*=/, "", value); first = substr(value, 1, 1) }
    first ~ quotes && !index(substr(value, 2), first) { quote = first }' .env)
  [ -z "$line" ] || fail "line $line of .env is not NAME=value. Correct it, or put a # before it."
}

# load_images: set and export IMAGE, RELEASE_IMAGE, and UI_IMAGE for the editor in UI. Their tags depend on the files that they are built from: clones
# share an image if these are the same, and only then. After a change, the image with the new tag is missing and is built.
# shellcheck disable=SC2086 # a command and its options
load_images() {
  local sum name sources
  sum=$(sha256)
  sources=$(
    for name in $BUILD_ARGUMENTS; do eval "echo \"\$$name\""; done
    # Not the sources of your packages in packages/, which are mounted.
    find Dockerfile pyproject.toml uv.lock apt*.txt docker/image packages -type f \( ! -path 'packages/*/*' -o -name 'pyproject.toml' -o -name 'setup.*' \) \
      -exec $sum {} + 2>/dev/null | LC_ALL=C sort
  )
  IMAGE=$PROJECT:$ACCELERATOR-$(echo "$sources" | $sum | cut -c 1-12)
  RELEASE_IMAGE=$PROJECT:release-$ACCELERATOR-$(
    { echo "$sources" && find .dockerignore src packages -type f ! -name '*.pyc' -exec $sum {} + 2>/dev/null; } | LC_ALL=C sort | $sum | cut -c 1-12
  )
  UI_IMAGE=$IMAGE
  [ ! -f "docker/ui/$UI/Dockerfile" ] || UI_IMAGE=$PROJECT:$ACCELERATOR-$UI-$({ echo "$IMAGE" && $sum "docker/ui/$UI"/*; } | $sum | cut -c 1-12)
  export IMAGE RELEASE_IMAGE UI_IMAGE
}

# load_ui: set and check UI, the editor that `make notebook` starts, and set requested_ui, which is empty if nobody asked for one.
# Each but JupyterLab is a folder in docker/ui: compose.yaml, and perhaps a Dockerfile and its packages in requirements.txt.
load_ui() {
  local names
  setting UI ''
  requested_ui=$UI
  export UI="${UI:-lab}"
  [ "$UI" != lab ] || return 0
  names=$(echo lab && find docker/ui -name compose.yaml | cut -d / -f 3 | sort)
  echo "$names" | grep -qxF -e "$UI" || fail "UI='$UI' is not valid. Use UI= with one of: $(echo "$names" | paste -s -d ' ' -)."
}

# load_settings: set and check DOCKER, ACCELERATOR, GPUS, PORT, requested_port (empty if nobody asked for one), and the
# variables in BUILD_ARGUMENTS. Set the names of the images, which follow from them.
load_settings() {
  local gpu='([0-9]+|(GPU|MIG)-[0-9A-Za-z-]+)' name value
  require_readable_env
  setting DOCKER docker
  setting ACCELERATOR "$DEFAULT_ACCELERATOR"
  [ "$ACCELERATOR" = cpu ] || [ "$ACCELERATOR" = cuda ] ||
    fail "ACCELERATOR='$ACCELERATOR' is not valid. Use ACCELERATOR=cpu or ACCELERATOR=cuda."
  setting GPUS all
  [ "$GPUS" = all ] || printf '%s\n' "$GPUS" | grep -Eqx "$gpu(,$gpu)*" ||
    fail "GPUS='$GPUS' is not valid. Use GPUS=all, or the indexes that nvidia-smi shows, such as GPUS=0,1."
  setting PORT ''
  requested_port=$PORT
  PORT=${PORT:-8888}
  printf '%s\n' "$PORT" | grep -Eqx '[0-9]{4,5}' && [ "$PORT" -ge 1024 ] && [ "$PORT" -le 65535 ] ||
    fail "PORT='$requested_port' is not valid. Use a number from 1024 to 65535, such as PORT=8889."
  for name in MEMORY SHM_SIZE; do
    setting "$name" ''
    eval "value=\$$name"
    printf '%s\n' "${value:-0}" | grep -Eqix '[0-9]+(\.[0-9]+)?[bkmg]?b?' ||
      fail "$name='$value' is not valid. Use a number and a unit, such as $name=16g."
  done
  for name in $BUILD_ARGUMENTS; do setting "$name" ''; done
  load_network
  load_ui
  load_images
}

# load_start_timeout: set and check START_TIMEOUT, the seconds that containers have to become healthy.
load_start_timeout() {
  setting START_TIMEOUT 600
  case $START_TIMEOUT in
    0* | *[!0-9]* | ???????*) fail "START_TIMEOUT='$START_TIMEOUT' is not valid. Use a number of seconds, such as START_TIMEOUT=600." ;;
  esac
}
