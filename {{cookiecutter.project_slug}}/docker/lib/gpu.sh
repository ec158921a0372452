# Whether containers can compute on this machine's GPUs.

# minimum_driver CUDA: print the oldest driver for a CUDA version, whatever its minor number:
# https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
minimum_driver() {
  case ${1%%.*} in 11) echo 450 ;; 12) echo 525 ;; 13) echo 580 ;; *) echo 0 ;; esac
}

fail_gpu() { fail "$1, or use ACCELERATOR=cpu."; }
fail_old_driver() { # DRIVER CUDA
  fail_gpu "the NVIDIA driver is $1, but CUDA $2 in the image requires $(minimum_driver "$2") or newer. Update the driver"
}

# other_gpu: print why containers have no use of this machine's GPU, if it is not NVIDIA's.
other_gpu() {
  local group
  if [ "$(uname)" = Darwin ]; then
    echo "containers cannot reach the GPU of a Mac: they are in a virtual machine"
  elif group=$(ls -ln /dev/kfd 2>/dev/null); then
    group=$(echo "$group" | awk '{ print $4 }')
    echo "an AMD GPU needs ROCm in the image, and the devices /dev/kfd and /dev/dri and the group $group in compose.yaml"
  fi
}

# explain_gpu_fault LOG CUDA: fail with the reason, unless the image just lacks nvidia-smi, as on a Jetson.
explain_gpu_fault() {
  local message driver
  trace_file "$1"
  if message=$(known_fault "$1" docker/lib/gpu-faults.txt); then fail_gpu "$message"; fi
  # The host's own driver, if the engine is on this machine.
  driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1) || driver=''
  if grep -q 'unsatisfied condition: cuda' "$1"; then
    fail_old_driver "${driver:-too old}" "${2:-$(sed -n 's/.*cuda *>= *\([0-9.]*\).*/\1/p' "$1" | head -n 1)}"
  elif grep -qE 'could not select device driver|unresolvable CDI devices|unknown or invalid runtime name' "$1"; then
    [ -n "$driver" ] || [ -z "$(other_gpu)" ] || fail_gpu "$(other_gpu). The variant cuda is for NVIDIA GPUs. Use another machine"
    [ -n "$driver" ] || fail_gpu "no NVIDIA driver answers on this machine. Install one, https://www.nvidia.com/drivers"
    fail_gpu "Docker has no NVIDIA runtime. Install the NVIDIA Container Toolkit"
  fi
  grep -q 'nvidia-smi.*executable file not found' "$1" || fail_from_log "$1"
}

# require_gpu: fail with one line if containers cannot compute on the GPUs in GPUS, and note which of them are busy.
require_gpu() {
  local gpus=all log rows cuda driver busy free
  [ "$GPUS" = all ] || gpus="\"device=$GPUS\""
  log=$(temporary_file gpu) rows=$(temporary_file gpu-rows)
  cuda=$("$DOCKER" image inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$IMAGE" | sed -n 's/^CUDA_VERSION=//p')
  engine run --rm --gpus "$gpus" --env NVIDIA_DRIVER_CAPABILITIES=compute,utility --entrypoint nvidia-smi "$IMAGE" \
    --query-gpu=index,driver_version,memory.total,memory.used,compute_mode --format=csv,noheader,nounits >"$log" 2>&1 ||
    { explain_gpu_fault "$log" "$cuda" && return; }
  # A row for each GPU: 0, 580.95.05, 81559, 412, Default. Other lines are warnings of the engine.
  grep '^[0-9][0-9]*, ' "$log" >"$rows" || fail_from_log "$log"
  driver=$(sed -n '1s/^[^,]*, *\([^,]*\),.*/\1/p' "$rows")
  if is_older "$driver" "$(minimum_driver "$cuda").0"; then fail_old_driver "$driver" "$cuda"; fi
  # Less than 1 GiB of memory is free, or another program has the GPU for itself.
  busy=$(awk -F ', *' '($3 + 0 && $3 - $4 < 1024) || ($5 == "Exclusive_Process" && $4 > 200) || $5 == "Prohibited" { print $1 }' "$rows")
  [ -n "$busy" ] || return 0
  free=$(cut -d , -f 1 "$rows" | grep -vx "$busy" | paste -sd , -)
  [ -n "$free" ] ||
    fail_gpu "the GPU is busy. 'nvidia-smi' shows who uses it; 'make stop' ends what this project runs. Wait"
  note "GPU $(echo "$busy" | paste -sd , -) is busy. GPUS=$free leaves it to others."
}
