# Who you are in a container: files that it writes belong to you.

# plain_name NAME: print a user or group name, or `user` if a line of /etc/passwd cannot hold it.
plain_name() {
  case $1 in '' | [!a-z_]* | *[!a-z0-9_.-]*) echo user ;; *) echo "$1" ;; esac
}

# load_identity: set and export HOST_UID and HOST_GID, and set user_name and group_name. Under sudo, that is the person
# who called it. In a container of a rootless engine, you are root. Needs load_engine.
load_identity() {
  HOST_UID=$(id -u) HOST_GID=$(id -g) user_name=$(id -un 2>/dev/null || true) group_name=$(id -gn 2>/dev/null || true)
  if [ "$HOST_UID" = 0 ] && [ "${SUDO_UID:-0}" != 0 ]; then
    HOST_UID=$SUDO_UID HOST_GID=$SUDO_GID user_name=${SUDO_USER:-} group_name=${SUDO_USER:-}
  fi
  user_name=$(plain_name "$user_name") group_name=$(plain_name "$group_name")
  case $engine_security in *rootless*) HOST_UID=0 HOST_GID=0 user_name=root group_name=root ;; esac
  [ "$HOST_UID" -le 2147483647 ] ||
    fail "your user ID, $HOST_UID, is larger than Docker supports (2147483647). Use another account."
  export HOST_UID HOST_GID
}

# hand_over FILE...: give files that make has written under sudo to the person who called it.
hand_over() { [ "$(id -u)" != 0 ] || [ "$HOST_UID" = 0 ] || chown -h "$HOST_UID:$HOST_GID" "$@"; }

first_of_each() { awk -F : '!name[$1]++ && !id[$3]++'; }
# write_identity: write .local/passwd and .local/group, which are mounted into containers.
write_identity() {
  first_of_each <<END | replace .local/passwd
$user_name:x:$HOST_UID:$HOST_GID::/cache/$HOST_UID:/bin/bash
root:x:0:0:root:/root:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
END
  first_of_each <<END | replace .local/group
$group_name:x:$HOST_GID:
root:x:0:
nogroup:x:65534:
END
  chmod 644 .local/passwd .local/group
}

# write_git_identity: write your name and e-mail address for commits to .local/gitconfig, which containers mount.
write_git_identity() {
  local file name value
  file=$(temporary_file gitconfig)
  : >"$file"
  for name in user.name user.email; do
    value=$(git config "$name" 2>/dev/null) && git config --file "$file" "$name" "$value" || true
  done
  replace .local/gitconfig <"$file"
  chmod 644 .local/gitconfig
}

# load_ssh_agent: if GIT_SSH=1, set and export SSH_AGENT, the socket of your SSH agent. git has a variable GIT_SSH of its own, the
# path of a program.
load_ssh_agent() {
  unset SSH_AGENT
  setting GIT_SSH ''
  [ "$GIT_SSH" = 1 ] || return 0
  unset GIT_SSH
  case $(uname) in
    # Docker Desktop's own way to the agent.
    Darwin) SSH_AGENT=/run/host-services/ssh-auth.sock ;;
    *)
      SSH_AGENT=${SSH_AUTH_SOCK:-}
      [ -S "$SSH_AGENT" ] || fail "GIT_SSH=1 needs an SSH agent, and SSH_AUTH_SOCK does not name one. Start it: eval \"\$(ssh-agent)\" && ssh-add."
      ;;
  esac
  export SSH_AGENT
}
