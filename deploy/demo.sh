#!/usr/bin/env bash
# Builds the service, starts it with a stand-in for the platform, shows what it does with real MQTT clients, and keeps
# running until Ctrl-C. `deploy/demo.sh --help` tells the options.
set -uo pipefail

# A script started in the background ignores SIGINT from its first moment on and could not trap it; start over without.
if [ -z "${DEMO_SIGNALS_RESET:-}" ]; then
  export DEMO_SIGNALS_RESET=1
  exec env --default-signal=INT,TERM bash "$0" "$@"
fi

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/deploy/lib/packages.sh"
. "$root/deploy/lib/build.sh"
. "$root/deploy/lib/certificates.sh"
. "$root/deploy/lib/walk.sh"

usage() {
  cat <<TEXT
deploy/demo.sh [--check] [--data DIR] [--bin DIR]

  --check      run every step once, stop, exit 0 only if all of them were seen
  --data DIR   keep store, certificates, configuration and logs in DIR (otherwise a temporary directory, removed at the end)
  --bin DIR    use these programs instead of building them

Ports: MQTT_PORT 2883, MQTTS_PORT 9883, OPS_PORT 8081, MESSAGING_PORT 8082, MAPPER_PORT 8083, PLATFORM_PORT 8111.
All of them listen on 127.0.0.1; LISTEN_ADDRESS=0.0.0.0 opens MQTT and MQTT over TLS to the network.
TEXT
}

check=
data=
bin=
while [ $# -gt 0 ]; do
  case "$1" in
    --check) check=yes ;;
    --data | --bin)
      [ $# -ge 2 ] || { echo "$1 needs a directory" >&2; exit 2; }
      if [ "$1" = --data ]; then data=$2; else bin=$2; fi
      shift ;;
    --help | -h) usage; exit 0 ;;
    *) echo "unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done

host=127.0.0.1
listen_address=${LISTEN_ADDRESS:-127.0.0.1}
mqtt_port=${MQTT_PORT:-2883}
mqtts_port=${MQTTS_PORT:-9883}
ops_port=${OPS_PORT:-8081}
messaging_port=${MESSAGING_PORT:-8082}
mapper_port=${MAPPER_PORT:-8083}
platform_port=${PLATFORM_PORT:-8111}
platform_url="http://$host:$platform_port"

programs=(platform-sim mqtt-messaging mqtt-broker mqtt-mapper)
declare -A supervisor=()
relay_pid=
keep_data=yes
ending=

fail() {
  printf '\nFAILED: %s\n' "$*" >&2
  if ! still_running; then
    echo "$ended_program ended with code $(tail -n 1 "$data/run/$ended_program.pid.ended"); its last lines:" >&2
    grep -v '^supervisor: ' "$data/log/$ended_program.log" | tail -n 6 >&2
  fi
  [ -n "${data:-}" ] && [ -d "$data/log" ] && echo "logs: $data/log" >&2
  keep_data=yes
  finish 1
}

# Ends everything that was started, within 10 s, whatever state it is in.
finish() {
  [ -z "$ending" ] || return
  ending=yes
  trap '' INT TERM
  end_relay
  local name end=$((SECONDS + 8))
  for name in "${!supervisor[@]}"; do kill -TERM "${supervisor[$name]}" 2>/dev/null; done
  for name in "${!supervisor[@]}"; do
    while kill -0 "${supervisor[$name]}" 2>/dev/null && [ "$SECONDS" -lt "$end" ]; do sleep 0.05; done
    if kill -0 "${supervisor[$name]}" 2>/dev/null; then
      echo "$name did not stop in time and was killed" >&2
      kill -KILL "$(program_pid "$name")" 2>/dev/null
    fi
    wait "${supervisor[$name]}" 2>/dev/null
  done
  if [ -z "$keep_data" ]; then rm -rf "$data"; fi
  exit "$1"
}
on_signal() {
  if [ -n "${walked:-}" ]; then
    printf '\nstopping\n'
    finish 0
  fi
  printf '\ninterrupted\n' >&2
  finish 130
}
trap on_signal INT TERM

program_pid() { cat "$data/run/$1.pid" 2>/dev/null; }
ended_count() { wc -l 2>/dev/null <"$data/run/$1.pid.ended" || echo 0; }

prepare_programs() {
  if [ -n "$bin" ]; then
    bin=$(cd "$bin" && pwd) || exit 2
  else
    # shellcheck disable=SC2086
    install_packages $packages_build $packages_demo || exit 1
    echo "building the release preset into build/release"
    build_preset release "${programs[@]}" || { echo "the build failed" >&2; exit 1; }
    bin=$root/build/release/bin
  fi
  local name
  for name in "${programs[@]}"; do
    [ -x "$bin/$name" ] || fail "$name is not there: $bin/$name"
  done
  for name in mosquitto_pub mosquitto_sub curl jq openssl; do
    command -v "$name" >/dev/null || fail "$name is not installed"
  done
}

prepare_data() {
  if [ -n "$data" ]; then
    mkdir -p "$data" || exit 1
    data=$(cd "$data" && pwd)
  else
    data=$(mktemp -d "${TMPDIR:-/tmp}/mqtt-demo.XXXXXX") || exit 1
    keep_data=
  fi
  mkdir -p "$data/log" "$data/run" "$data/config" "$data/tls" "$data/store"
  rm -f "$data"/run/*
  work=$data/run
  make_certificates "$data/tls" || fail "openssl could not make the certificates"
  ca_file=$data/tls/ca.pem
  [ -s "$data/link.secret" ] || (umask 077 && openssl rand -hex 32 >"$data/link.secret")
  write_configuration
}

write_configuration() {
  cat >"$data/config/tenants.yaml" <<TEXT
tenants:
  $tenant:
    users:
      device1: { password: { plain: device1-secret }, roles: [] }
      admin:   { password: { plain: admin-secret }, roles: [ROLE_NOTIFICATION_2_ADMIN, ROLE_TENANT_ADMIN] }
TEXT
  cat >"$data/config/messaging.yaml" <<TEXT
listen: { address: 127.0.0.1, port: $messaging_port }
data: { directory: "$data/store" }
link: { secret_file: "$data/link.secret" }
auth: { provider: file, file: "$data/config/tenants.yaml" }
TEXT
  cat >"$data/config/broker.yaml" <<TEXT
listen:
  plain: { enabled: true, address: $listen_address, port: $mqtt_port }
  tls: { enabled: true, address: $listen_address, port: $mqtts_port, certificate: "$data/tls/server.pem", key: "$data/tls/server.key" }
ops: { address: 127.0.0.1, port: $ops_port }
messaging: { url: "ws://127.0.0.1:$messaging_port", secret_file: "$data/link.secret" }
auth: { provider: file, file: "$data/config/tenants.yaml" }
TEXT
  cat >"$data/config/mapper.yaml" <<TEXT
ops: { address: 127.0.0.1, port: $mapper_port }
messaging: { url: "ws://127.0.0.1:$messaging_port", secret_file: "$data/link.secret" }
platform:
  url: $platform_url
  tenants: [ { tenant: $tenant, user: admin, password: admin-secret } ]
mappings: { directory: "$root/deploy/mappings" }
TEXT
}

port_in_use() { (exec 3<>"/dev/tcp/$host/$1") 2>/dev/null; }
check_ports() {
  local name
  for name in MQTT_PORT:$mqtt_port MQTTS_PORT:$mqtts_port OPS_PORT:$ops_port MESSAGING_PORT:$messaging_port \
              MAPPER_PORT:$mapper_port PLATFORM_PORT:$platform_port; do
    port_in_use "${name#*:}" && fail "port ${name#*:} is in use already; choose another one: ${name%:*}=… deploy/demo.sh"
  done
  return 0
}

start() { # start NAME ARGUMENT…
  local name=$1
  shift
  : >"$data/log/$name.log"
  # A session of its own: Ctrl-C reaches this script only, which then stops the programs in good order.
  setsid setpriv --pdeathsig TERM -- "$root/deploy/lib/supervise.sh" "$data/run/$name.pid" "$data/log/$name.log" \
    "$bin/$name" "$@" &
  supervisor[$name]=$!
}

start_programs() {
  start platform-sim --port "$platform_port"
  start mqtt-messaging --config "$data/config/messaging.yaml"
  start mqtt-broker --config "$data/config/broker.yaml"
  start mqtt-mapper --config "$data/config/mapper.yaml"
  wait_ready platform-sim "$platform_port/sim/health"
  wait_ready mqtt-messaging "$messaging_port/health"
  wait_ready mqtt-broker "$ops_port/health"
  wait_ready mqtt-mapper "$mapper_port/health"
}
answers() { curl -sf --max-time 2 -o /dev/null "http://$host:$1"; }
wait_ready() {
  wait_until "$patience_s" answers "$2" && return 0
  still_running || fail "$ended_program could not be started"
  tail -n 6 "$data/log/$1.log" >&2
  fail "$1 was not ready within $patience_s s (http://$host:$2)"
}
# Nobody stops a program during the walk: one that ended is an error, although its supervisor starts it again.
still_running() {
  local name
  for name in "${programs[@]}"; do
    [ -n "${supervisor[$name]:-}" ] && [ "$(ended_count "$name")" -gt 0 ] && { ended_program=$name; return 1; }
  done
  return 0
}

what_next() {
  cat <<TEXT

What to try next
   MQTT:     $host:$mqtt_port, over TLS $mqtts_port with --cafile $ca_file
   login:    $tenant/device1 device1-secret (devices), $tenant/admin admin-secret (also for REST)
   listen:   mosquitto_sub -h $host -p $mqtt_port -u $tenant/device1 -P device1-secret -t site/berlin/r8/env -v
   publish:  mosquitto_pub -h $host -p $mqtt_port -u $tenant/device1 -P device1-secret -q 1 -t site/berlin/r8/env \\
               -m '{"ver":2,"dev":{"sn":"A1"},"data":{"temp":19},"bat":{"v":3,"pct":70}}'
   devices:  curl -s -u $admin_login $platform_url/inventory/managedObjects?fragmentType=c8y_IsDevice | jq '.managedObjects[].name'
   mappings: edit $root/deploy/mappings/$tenant/*.yaml; they are loaded again when saved
   metrics:  http://$host:$ops_port/metrics (broker), :$messaging_port (messaging), :$mapper_port (mapper)
   kill one: kill -9 \$(pgrep -x mqtt-messaging); it is back within a second, and nothing acknowledged is lost
   logs:     $data/log

TEXT
}

prepare_programs
prepare_data
check_ports
echo "starting ${programs[*]}"
start_programs
echo "CA of this demo: $ca_file"
walk
still_running || fail "$ended_program ended during the walk"
walked=yes
if [ -n "$check" ]; then
  printf '\nall steps were seen\n'
  finish 0
fi
# From here on a program that ends is simply started again.
what_next
echo "running; Ctrl-C stops"
while wait -n; [ $? -ne 127 ]; do :; done
fail "nothing is running any more"
