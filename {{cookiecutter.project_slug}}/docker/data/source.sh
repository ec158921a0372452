# DATA_SOURCE: its address, as rclone calls it, and the settings and credentials that rclone needs for it. Needs pass.sh.

sources=docker/data/sources.txt
# Your variables that the container gets. Others, such as AWS_CA_BUNDLE, name files of this machine.
source_variables='RCLONE_(CONFIG_DATA_[A-Z0-9_]+|BWLIMIT|TRANSFERS)|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|PROFILE|REGION|DEFAULT_REGION)'

# field NUMBER: print a field of the line in sources.txt that is for $scheme.
field() { awk -F ' *[|] *' -v scheme="$scheme" -v number="$1" '$1 == scheme { print $number }' "$sources"; }

# load_source: set scheme, which is empty for a folder, and place, which is DATA_SOURCE without it.
load_source() {
  local schemes
  setting DATA_SOURCE "${DEFAULT_DATA_SOURCE:-none}"
  schemes=$(sed -n 's/^\([a-z0-9]*\) |.*/\1:\/\//p' "$sources" | paste -s -d , - | sed 's/,/, /g')
  [ "$DATA_SOURCE" != none ] ||
    fail "DATA_SOURCE is not set. Put the address of the data into .env, such as DATA_SOURCE=s3://bucket/folder, or the path of a folder."
  scheme='' place=$DATA_SOURCE
  case $DATA_SOURCE in *://*) scheme=${DATA_SOURCE%%://*} place=${DATA_SOURCE#*://} ;; esac
  while [ "$place" != / ] && [ "$place" != "${place%/}" ]; do place=${place%/}; done
  [ -z "$scheme" ] || [ -n "$(field 2)" ] ||
    fail "DATA_SOURCE cannot begin with $scheme://. Use $schemes, or the path of a folder."
  case ${scheme:-none},$place in
    none,*) ;;
    *, | *,/*) fail "DATA_SOURCE=$DATA_SOURCE is not complete. Use an address such as $scheme://name/folder." ;;
  esac
  # An address of the web is that of a file, unless it ends with a slash or has no path.
  case $scheme,$DATA_SOURCE in https,*/) place=$place/ ;; esac
  case $scheme,$place in https,*/*) ;; https,*) place=$place/ ;; esac
  case $scheme,${place%%/*} in
    *:*@* | https,*@*) fail 'DATA_SOURCE contains a password. Remove it there, and set RCLONE_CONFIG_DATA_… in .env instead.' ;;
  esac
}

# variable NAME VALUE: give the container a setting of the remote `data` of rclone.
variable() { (eval "$1=\$2" && pass_variable "$1"); }

# write_variables: give the container the settings of the remote. Yours, which come last, replace those that come before.
write_variables() {
  local option name host
  (umask 077 && : >"$(temporary_file pass)")
  [ -z "$scheme" ] || variable RCLONE_CONFIG_DATA_TYPE "$(field 2)"
  for option in $(field 3); do variable "RCLONE_CONFIG_DATA_${option%%=*}" "${option#*=}"; done
  host=${place%%/*}
  case $scheme in
    sftp)
      case $host in *@*) variable RCLONE_CONFIG_DATA_USER "${host%@*}" ;; *) variable RCLONE_CONFIG_DATA_USER "$user_name" ;; esac
      host=${host##*@}
      case $host in *:*) variable RCLONE_CONFIG_DATA_PORT "${host##*:}" ;; esac
      variable RCLONE_CONFIG_DATA_HOST "${host%:*}"
      ;;
    https) variable RCLONE_CONFIG_DATA_URL "https://${place%/*}/" ;;
  esac
  for name in $({ env && cat .env; } 2>/dev/null |
    sed -nE "s/^[[:space:]]*(export[[:space:]]+)?($source_variables)[[:space:]]*=.+/\2/p" | sort -u); do
    pass_variable "$name"
  done
}

# remote: print how rclone calls DATA_SOURCE in the container.
remote() {
  case $scheme in
    '') echo /source ;;
    https) echo "data:${place##*/}" ;;
    # An absolute path, or one in the home folder of the server.
    sftp) case $place in */'~') echo data: ;; */'~'/*) echo "data:${place#*/\~/}" ;; */*) echo "data:/${place#*/}" ;; *) echo data:/ ;; esac ;;
    # The slash says that it is not a single file.
    *) echo "data:$place/" ;;
  esac
}

# write_filter: print the files that are not copied, as filters of rclone.
write_filter() {
  printf '%s\n' '- .gitkeep' '- .DS_Store' '- *.partial'
  cat data-filter.txt 2>/dev/null || true
}
