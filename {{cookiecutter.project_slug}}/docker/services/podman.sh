# Podman builds the images of services itself: without BuildKit, Compose knows neither secrets nor other contexts.

# build_options CONTAINER: from Compose's configuration in JSON, print a container's options for `podman build`, one word per line.
build_options() {
  awk -v container="$1" '
    # The name and the text of a line such as  "name": "text",
    function name(text) { text = $1; gsub(/[":]/, "", text); return text }
    function text(line) {
      line = $0; sub(/^[^:]*: "?/, "", line); sub(/"?,?$/, "", line)
      gsub(/\\u0026/, "\\&", line); gsub(/\\u003c/, "<", line); gsub(/\\u003e/, ">", line); gsub(/\\"/, "\"", line); gsub(/\\\\/, "\\", line)
      return line
    }
    /^  "/ { services = (name() == "services") }
    /^    "/ { here = (services && name() == container) }
    /^      "/ { build = (here && name() == "build") }
    here && /^      "image"/ { print "--tag"; print text() }
    build && /^        "/ { part = name() }
    build && /^        "(context|dockerfile|target)"/ { value[part] = text() }
    build && /^          "/ && part == "args" { print "--build-arg"; print name() (text() == "null" ? "" : "=" text()) }
    build && /^          "/ && part == "additional_contexts" { print "--build-context"; print name() "=" text() }
    END {
      if (value["target"] != "") { print "--target"; print value["target"] }
      print "--file"; print value["context"] "/" value["dockerfile"]
      print value["context"]
    }'
}

build_services() {
  local config container word
  config=$(temporary_file services)
  compose --profile '*' config --format json >"$config" || return
  for container; do
    set --
    while IFS= read -r word; do set -- "$@" "$word"; done <<END
$(build_options "$container" <"$config")
END
    # shellcheck disable=SC2046 # an option and its value for each proxy
    engine build $(proxy_arguments) --secret id=network,src=.local/network/build.sh "$@" || return
  done
}
