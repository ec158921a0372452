# Files that are whole or not there, temporary files, and locks. All of them are in .local or next to what they replace.

# temporary_file NAME: print the path of a file that is removed when the command ends.
temporary_file() {
  mkdir -p ".local/tmp.$$"
  echo ".local/tmp.$$/$1"
}

# replace FILE: make standard input the file's content, in one step and only if it differs.
replace() {
  local temporary="$1.$$"
  cat >"$temporary"
  if cmp -s "$temporary" "$1"; then rm -f "$temporary"; else mv -f "$temporary" "$1"; fi
  hand_over "$1"
}

# sha256: print the command that prints checksums: that of GNU and busybox, or else macOS's.
sha256() { command -v sha256sum || echo 'shasum -a 256'; }

# lock NAME: wait until no running command holds the lock, then hold it until this one ends.
lock() {
  local lock=".local/$1.lock" owner
  until { [ -d .local ] || mkdir .local; } && mkdir "$lock" 2>/dev/null; do
    owner=$(cat "$lock/pid" 2>/dev/null) || owner=$(sleep 1 && cat "$lock/pid" 2>/dev/null) || owner=''
    if [ -z "$owner" ] || ! kill -0 "$owner" 2>/dev/null; then rm -rf "$lock" || true; fi
    sleep 1
  done
  echo $$ >"$lock/pid"
}

unlock() { rm -rf ".local/$1.lock"; }

# clean_up: remove this command's temporary files and locks.
clean_up() {
  [ ! -d ".local/tmp.$$" ] || rm -rf ".local/tmp.$$"
  grep -lsx $$ .local/*.lock/pid | while read -r pid; do rm -rf "${pid%/pid}"; done
}

# require_writable FOLDER ADVICE: make a folder if it is missing, and fail if it cannot be written to.
require_writable() {
  if [ ! -d "$1" ] && mkdir -p "$1" 2>/dev/null; then hand_over "$1"; fi
  [ -d "$1" ] && [ -w "$1" ] || fail "the folder $1 is not writable. $2"
}

# random BYTES: print that many random bytes in hexadecimal.
random() { od -An -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }
