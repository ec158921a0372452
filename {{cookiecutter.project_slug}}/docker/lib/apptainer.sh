# Apptainer, which sites with Slurm have instead of Docker: an image in one file.

# apptainer_program: print the name of Apptainer's program, or of its sibling Singularity's, or fail if there is none.
apptainer_program() { command -v apptainer || command -v singularity; }

# make_sif IMAGE FILE: write an image of the engine to a file for Apptainer, which is whole or not there. No registry takes part.
make_sif() {
  local folder log program status=0
  program=$(apptainer_program)
  folder=$(temporary_file sif) log=$(temporary_file sif.log)
  mkdir -p "$folder"
  # Its cache would be in the home folder. It must be an absolute path.
  folder=$(cd "$folder" && pwd -P)
  # These characters mean something to it.
  case $folder in *[:,]*) folder=$(mktemp -d) ;; esac
  trace "$program" build image.sif docker-archive:image.tar
  (
    export APPTAINER_CACHEDIR="$folder" APPTAINER_TMPDIR="$folder" SINGULARITY_CACHEDIR="$folder" SINGULARITY_TMPDIR="$folder"
    save_images "$1" >"$folder/image.tar" && cd "$folder" && "$program" build image.sif docker-archive:image.tar
  ) >"$log" 2>&1 && mv "$folder/image.sif" "$2" 2>"$log" || status=$?
  rm -rf "$folder"
  [ "$status" = 0 ] || general_faults=docker/on/slurm-faults.txt fail_from_log "$log"
  hand_over "$2"
}
