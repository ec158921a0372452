#!/bin/sh
# Says in one line why containers cannot compute on the GPU of this machine. Prints nothing where they can.
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

settings
why=.local/gpu.$$
trap 'rm -f "$why" "$why.rows"' EXIT
otherwise='or use ACCELERATOR=cpu.'

# What NVIDIA's driver must be at least for a CUDA of this major version, whatever the minor one:
# https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
least_driver() {
  case ${1%%.*} in 11) echo 450 ;; 12) echo 525 ;; 13) echo 580 ;; *) echo 0 ;; esac
}

too_old() { # DRIVER CUDA
  fail "NVIDIA's driver here is $1, and CUDA $2 in the image needs $(least_driver "$2") or newer. Update the driver, $otherwise"
}

cuda=$("$DOCKER" image inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$IMAGE" | sed -n 's/^CUDA_VERSION=//p')
case $GPUS in all) gpus=all ;; *) gpus="\"device=$GPUS\"" ;; esac
fields=index,driver_version,memory.total,memory.used,compute_mode
engine run --rm --gpus "$gpus" --env NVIDIA_DRIVER_CAPABILITIES=compute,utility --entrypoint nvidia-smi "$IMAGE" \
  "--query-gpu=$fields" --format=csv,noheader,nounits >"$why" 2>&1 || {
  [ "${V:-}" != 1 ] || cat "$why" >&2
  # The host's own, where the engine is on this machine.
  driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1) || driver=''
  if grep -q 'driver/library version mismatch' "$why"; then
    fail "NVIDIA's driver was updated, and the old one still runs. Restart this machine, $otherwise"
  elif grep -q 'unsatisfied condition: cuda' "$why"; then
    too_old "${driver:-older}" "${cuda:-$(sed -n 's/.*cuda *>= *\([0-9.]*\).*/\1/p' "$why" | head -n 1)}"
  elif grep -qiE 'unknown device|no such device|unresolvable CDI devices .*gpu=[^a]' "$why"; then
    fail "there is no GPU $GPUS on this machine. 'nvidia-smi' lists those that there are, for GPUS=; $otherwise"
  elif grep -qE 'could not select device driver|unresolvable CDI devices|unknown or invalid runtime name' "$why"; then
    [ -n "$driver" ] || fail "no driver of NVIDIA answers on this machine. Install one, https://www.nvidia.com/drivers, $otherwise"
    fail "a GPU was asked for, but Docker has no NVIDIA runtime. Install the NVIDIA Container Toolkit, $otherwise"
  elif grep -qE 'libnvidia-ml.so.1|driver not loaded|initialization error|NVIDIA-SMI has failed' "$why"; then
    fail "NVIDIA's driver does not run on this machine. See what 'nvidia-smi' says, or restart it, $otherwise"
  elif grep -q 'nvidia-smi.*executable file not found' "$why"; then
    # As on a Jetson. The framework will tell.
    exit 0
  fi
  explain "$why"
}

# A line for each GPU, as in: 0, 580.95.05, 81559, 412, Default. Other lines are warnings of the engine's.
grep '^[0-9][0-9]*, ' "$why" >"$why.rows" || explain "$why"
mv "$why.rows" "$why"
driver=$(sed -n '1s/^[^,]*, *\([^,]*\),.*/\1/p' "$why")
if older "$driver" "$(least_driver "$cuda").0"; then too_old "$driver" "$cuda"; fi
# Less than 1 GiB of memory is left, or only one program may use it and one does.
busy=$(awk -F ', *' '($3 + 0 && $3 - $4 < 1024) || ($5 == "Exclusive_Process" && $4 > 200) || $5 == "Prohibited" { print $1 }' "$why")
free=$(awk -F ', *' -v busy=" $(echo "$busy" | tr '\n' ' ')" '!index(busy, " " $1 " ") { print $1 }' "$why" | paste -sd , -)
[ -z "$busy" ] || [ -n "$free" ] ||
  fail "the GPU is busy. 'nvidia-smi' shows who uses it; 'make stop' ends what this project runs. Wait, $otherwise"
[ -z "$busy" ] || note "GPU $(echo "$busy" | paste -sd , -) is busy. GPUS=$free leaves it to others."
