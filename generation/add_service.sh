# shellcheck shell=dash
# The part of `make add-service` that belongs to this version of the template. docker/add-service of the project sources it
# in the project's folder, with these variables: NAME, the service; template and commit, where the project came from;
# template_folder, a clone of the template at that commit. Everything is prepared in .local and put into place at the end.

. "$template_folder/generation/add.sh"

add service
requirements=$(cat "$out/requirements.txt")
# A folder that was copied or written by hand brings its own.
[ ! -f "services/$NAME/requirements.txt" ] || requirements=$(sed '/^#/d' "services/$NAME/requirements.txt")
if [ -n "$requirements" ]; then
  echo 'resolving versions'
  export_stage lock "$locked" --build-arg GROUP=services --build-arg "PKG=$requirements" .
fi
require_writable . docker services

# From here on, a signal does not interrupt. If the machine fails nevertheless, the command can be repeated: the folder of
# the service itself comes last.
trap '' HUP INT TERM
for file in uv.lock pyproject.toml; do
  [ ! -f "$locked/$file" ] || replace "$file" <"$locked/$file"
done
replace .cruft.json <"$out/cruft.json"
[ -d services ] || { mkdir services && hand_over services; }
place "$out/services/access.py" services/access.py
place "$template_folder/{{cookiecutter.project_slug}}/docker/services" docker/services
while IFS= read -r service; do
  place "$out/services/$service" "services/$service"
  [ "$service" = "$NAME" ] || note "$NAME needs $service, so $service is added too."
done <"$out/added"
. docker/services/lib.sh
load_compose_file
load_images
write_env
echo "added $NAME; next: make build, then make up SERVICE=$NAME"
