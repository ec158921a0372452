# Settings: from the command line or the environment, else from .env, else the default.

# setting NAME DEFAULT: set and export the variable NAME.
setting() {
  local value
  eval "value=\${$1:-}"
  if [ -z "$value" ] && [ -f .env ]; then
    value=$(awk -v name="$1=" -v quotes="[\"']" '
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
  export "$1=${value:-$2}"
}

# require_readable_env: fail if .env has a line that Compose could not read. A quoted value may span several lines.
require_readable_env() {
  local line
  [ -f .env ] || return 0
  [ -r .env ] || fail "you do not have permission to read .env. Check who owns it: ls -l .env."
  line=$(awk -v quotes="[\"']" '
    quote { if (index($0, quote)) quote = ""; next }
    /^[ \t]*(#|$)/ { next }
    !/^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_.]*[ \t]*=/ { print NR; exit }
    { value = $0; sub(/^[^=]*=/, "", value); first = substr(value, 1, 1) }
    first ~ quotes && !index(substr(value, 2), first) { quote = first }' .env)
  [ -z "$line" ] || fail "line $line of .env is not NAME=value. Correct it, or put a # before it."
}

# load_settings: set and check DOCKER, ACCELERATOR, GPUS, PORT and requested_port (empty if nobody asked for one), and
# set what follows from them: IMAGE, RELEASE_IMAGE, COMPOSE_PROJECT_NAME.
load_settings() {
  local gpu='([0-9]+|(GPU|MIG)-[0-9A-Za-z-]+)'
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
  IMAGE=$PROJECT:$ACCELERATOR RELEASE_IMAGE=$PROJECT:release
  # Two clones of this project on one machine are two Compose projects.
  COMPOSE_PROJECT_NAME=$PROJECT-$(pwd -P | cksum | cut -d ' ' -f 1)
  export IMAGE RELEASE_IMAGE COMPOSE_PROJECT_NAME
}
