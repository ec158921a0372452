# shellcheck shell=dash
# The part of `make add-kernel` that belongs to this version of the template. docker/add-kernel of the project sources it, as
# docker/add-service does with add_service.sh. Everything is prepared in .local and put into place at the end.
. "$template_folder/generation/add.sh"

add kernel
if [ -f "$out/changed/pyproject.toml" ] && grep -q "^kernel-$NAME = " "$out/changed/pyproject.toml"; then
  echo 'resolving versions'
  context=$(temporary_file context)
  mkdir "$context"
  for path in Dockerfile .dockerignore pyproject.toml uv.lock apt*.txt packages docker; do
    [ ! -e "$path" ] || cp -R "$path" "$context/"
  done
  cp "$out/changed/pyproject.toml" "$context/"
  export_stage lock "$locked" "$context"
fi
folders=$(cd "$out/new" && find ./* -type d)
notebook=$(cd "$out/new" && find notebooks -name '*.ipynb')
# shellcheck disable=SC2086 # one word for each folder
require_writable . $folders

# From here on, a signal does not interrupt. If the machine fails nevertheless, the command can be repeated: .cruft.json, which
# names the kernel, comes last.
trap '' HUP INT TERM
for folder in $folders; do
  [ -d "$folder" ] || { mkdir "$folder" && hand_over "$folder"; }
done
(cd "$out/new" && find . -type f) | while IFS= read -r file; do place "$out/new/$file" "$file"; done
(cd "$out/changed" && find . -type f) | while IFS= read -r file; do replace "${file#./}" <"$out/changed/$file"; done
[ ! -f "$locked/uv.lock" ] || replace uv.lock <"$locked/uv.lock"
replace .cruft.json <"$out/cruft.json"
load_images
write_env
echo "added $NAME; next: make build, then open $notebook in JupyterLab"
