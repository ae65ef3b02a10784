# shellcheck shell=bash
# Debian packages the scripts need, and how they are installed. Sourced, not run.
# Never libboost-dev or libboost-all-dev: they mean Boost 1.74 and exclude 1.81.

packages_build="clang-19 g++ cmake ninja-build ccache mold
  libboost1.81-dev libboost-url1.81-dev libboost-json1.81-dev libboost-container1.81-dev
  libssl-dev libsimdjson-dev libyaml-cpp-dev libspdlog-dev libfmt-dev catch2 libpaho-mqtt-dev"
packages_demo="mosquitto-clients openssl curl jq ca-certificates"
packages_test="git libclang-rt-19-dev clang-format-19 clang-tidy-19 llvm-19 mosquitto zip unzip
  python3 python3-avro python3-websockets python3-paho-mqtt python3-jsonschema python3-yaml"
# Node for the client in JavaScript. Debian's packages exclude other builds of Node: only where there is none.
command -v node >/dev/null || packages_test="$packages_test nodejs"
command -v npm >/dev/null || packages_test="$packages_test npm"
packages_runtime="libboost-url1.81.0 libboost-json1.81.0 libboost-container1.81.0 libssl3 libsimdjson14 libyaml-cpp0.7
  libspdlog1.10 libfmt9 libstdc++6 ca-certificates"
packages_engine="docker.io docker-compose debootstrap iptables"

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else
    echo "needs root to install packages, and there is no sudo: run as root once" >&2
    return 1
  fi
}

# Prints those of the given packages that are not installed.
missing_packages() {
  local name
  for name in "$@"; do
    case "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" in
      installed) ;;
      *) echo "$name" ;;
    esac
  done
}

# Installs what is missing of the given packages; says so in one line, the details only when it fails.
install_packages() {
  local missing log
  missing=$(missing_packages "$@" | paste -sd ' ')
  [ -n "$missing" ] || return 0
  if [[ "$missing" == *libboost1.81-dev* ]] && [ -z "$(missing_packages libboost-dev)" ]; then
    echo "libboost-dev (Boost 1.74) is installed and excludes libboost1.81-dev: apt-get remove libboost-dev" >&2
    return 1
  fi
  echo "installing packages: $missing"
  log=$(mktemp)
  # shellcheck disable=SC2086
  if as_root apt-get -q -o Acquire::Retries=3 update >"$log" 2>&1 &&
     as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
       install --no-install-recommends $missing >>"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  tail -n 20 "$log" >&2
  echo "the packages could not be installed; the whole output is in $log" >&2
  return 1
}
