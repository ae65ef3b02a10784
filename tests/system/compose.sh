#!/usr/bin/env bash
# The images and deploy/compose.yaml with a real container engine: builds, brings everything up with the stand-in, walks
# through the demo's steps, kills messaging under load and looks for what was acknowledged, takes everything down.
#
#   tests/system/compose.sh          the images take the programs of build/release
#   tests/system/compose.sh --full   the images compile the programs themselves, as a user's would
#
# Installs docker.io and docker-compose when they are missing, starts an engine when none runs and stops it again.
# Exit code 77 and `skipped: <reason>` where no engine can run.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/deploy/lib/packages.sh"
. "$root/deploy/lib/build.sh"
. "$root/deploy/lib/certificates.sh"
. "$root/deploy/lib/walk.sh"

build=prebuilt
case "${1:-}" in
  '') ;;
  --full) build=source ;;
  *) echo "unknown option $1" >&2; exit 2 ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/mqtt-compose.XXXXXX")
project=mqtttest$$
engine_pid=
is_up=
logs_wanted=

compose() {
  (cd "$root/deploy" && "${compose_command[@]}" -p "$project" -f compose.yaml --profile demo "$@")
}
finish() {
  trap '' INT TERM
  if [ -n "$is_up" ]; then
    [ -z "$logs_wanted" ] || compose logs --tail=30 >&2
    compose down -v -t 10 >"$work/down.log" 2>&1 || { cat "$work/down.log" >&2; [ "$1" != 0 ] || set -- 1; }
  fi
  rm -rf "$root/deploy/.prebuilt"
  if [ -n "$engine_pid" ]; then
    kill -TERM "$engine_pid" 2>/dev/null
    wait "$engine_pid" 2>/dev/null
    # What the engine mounted is gone with it; what cannot be removed is not worth failing for.
    umount -l "$work"/docker/* 2>/dev/null
  fi
  rm -rf "$work" 2>/dev/null
  exit "$1"
}
fail() {
  printf '\nFAILED: %s\n' "$*" >&2
  logs_wanted=yes
  finish 1
}
skip() {
  echo "skipped: $*"
  finish 77
}
trap 'finish 130' INT TERM

# shellcheck disable=SC2317 # called through wait_until

# --- an engine --------------------------------------------------------------

engine_answers() { docker info >/dev/null 2>&1; }
engine_decided() { engine_answers || ! kill -0 "$engine_pid" 2>/dev/null; }

start_engine() { # start_engine OPTION…
  dockerd --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" -H "unix://$work/docker.sock" \
    "$@" >"$work/dockerd.log" 2>&1 &
  engine_pid=$!
  export DOCKER_HOST=unix://$work/docker.sock
  wait_until 60 engine_decided
  engine_answers && return 0
  kill -TERM "$engine_pid" 2>/dev/null
  wait "$engine_pid" 2>/dev/null
  engine_pid=
  return 1
}
engine_problem() {
  sed -n 's/^failed to start daemon: //p; s/.*level=\(error\|fatal\) msg="\(.*\)"$/\2/p' "$work/dockerd.log" | tail -n 1 | cut -c 1-300
}
have_engine() {
  if engine_answers; then return 0; fi
  [ "$(id -u)" = 0 ] || skip "no container engine runs, and only root can start one"
  # shellcheck disable=SC2086
  install_packages $packages_engine >"$work/install.log" 2>&1 || skip "docker.io could not be installed: $(tail -n 1 "$work/install.log")"
  start_engine || start_engine --iptables=false --ip6tables=false || start_engine --storage-driver=vfs --iptables=false --ip6tables=false ||
    skip "no container engine can be started here: $(engine_problem)"
}
have_compose() {
  if command -v docker-compose >/dev/null; then compose_command=(docker-compose)
  elif docker compose version >/dev/null 2>&1; then compose_command=(docker compose)
  else
    install_packages docker-compose || skip "docker-compose could not be installed"
    compose_command=(docker-compose)
  fi
}

# --- the base image ---------------------------------------------------------

base=debian:bookworm-slim
have_base() {
  if docker image inspect "$base" >/dev/null 2>&1 || timeout 120 docker pull -q "$base" >/dev/null 2>&1; then return 0; fi
  [ "$(id -u)" = 0 ] || skip "$base cannot be pulled, and only root can make it"
  install_packages debootstrap || skip "debootstrap could not be installed"
  local mirror names
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null | awk '$2=="bookworm" {print $1; exit}')
  names=$(echo $packages_runtime | tr ' ' ,)
  echo "making $base from ${mirror:-the default mirror}"
  # With the libraries in it, an image of prebuilt programs needs nothing from the network.
  debootstrap --variant=minbase --include="$names" bookworm "$work/base" ${mirror:+"$mirror"} >"$work/debootstrap.log" 2>&1 ||
    skip "$base can neither be pulled nor made: $(tail -n 1 "$work/debootstrap.log")"
  # The container installs from where this machine installs from.
  cp -a /etc/apt/apt.conf.d "$work/base/etc/apt/"
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    cp /etc/apt/sources.list.d/debian.sources "$work/base/etc/apt/sources.list.d/"
    rm -f "$work/base/etc/apt/sources.list"
  else
    cp /etc/apt/sources.list "$work/base/etc/apt/"
  fi
  tar -C "$work/base" -c . | docker import - "$base" >/dev/null || skip "the engine cannot take an image"
  rm -rf "$work/base"
}
can_run() {
  docker run --rm "$base" true >"$work/run.log" 2>&1 || skip "the engine runs, but no container does: $(tail -n 1 "$work/run.log" | cut -c 1-300)"
}

# --- images -----------------------------------------------------------------

make_images() {
  local target tag began=$SECONDS
  if [ $build = prebuilt ]; then
    build_preset release mqtt-broker mqtt-messaging mqtt-mapper platform-sim || fail "the release preset does not build"
    mkdir -p "$root/deploy/.prebuilt"
    for target in mqtt-broker mqtt-messaging mqtt-mapper platform-sim; do
      strip --strip-debug -o "$root/deploy/.prebuilt/$target" "$root/build/release/bin/$target" || fail "strip $target"
    done
  fi
  for target in messaging broker mapper platform-sim; do
    tag=mqtt-${target#mqtt-}
    if [ "$target" = platform-sim ]; then tag=platform-sim; fi
    docker build -q --network host --build-arg BASE="$base" --build-arg BUILD=$build --target "$target" -t "$tag:$project" \
      -f "$root/deploy/Dockerfile" "$root" >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log" >&2; fail "the image $tag does not build"; }
    echo "image $tag: $(docker image inspect -f '{{.Size}}' "$tag:$project" | awk '{printf "%.1f MB", $1 / 1e6}')"
  done
  echo "images made in $((SECONDS - began)) s"
}

# --- what is checked --------------------------------------------------------

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

bring_up() {
  host=127.0.0.1
  mkdir "$work/tls"
  make_certificates "$work/tls" || fail "openssl could not make the certificates"
  # Read by user 10001 in the container; a throw-away key.
  chmod 755 "$work" "$work/tls"
  chmod 644 "$work/tls/server.key"
  ca_file=$work/tls/ca.pem
  mqtt_port=$(free_port) mqtts_port=$(free_port) platform_port=$(free_port) messaging_port=$(free_port) ops_port=$(free_port) mapper_port=$(free_port)
  export MQTT_PORT=$mqtt_port MQTTS_PORT=$mqtts_port PLATFORM_PORT=$platform_port MESSAGING_PORT=$messaging_port OPS_PORT=$ops_port MAPPER_PORT=$mapper_port
  export TLS_DIRECTORY=$work/tls MQTT_TLS=true MQTT_PLAIN=true TAG=$project BASE=$base BUILD=$build
  platform_url=http://$host:$platform_port
  is_up=yes
  # As the README says; the images were made just now, so this finds every layer made.
  compose up -d --build >"$work/up.log" 2>&1 || { tail -n 20 "$work/up.log" >&2; fail "compose up failed"; }
  wait_until 60 all_healthy || { compose ps >&2; fail "not all containers became healthy within 60 s"; }
}
container() { compose ps -q "$1"; }
health_of() { docker inspect -f '{{.State.Health.Status}}' "$(container "$1")" 2>/dev/null; }
all_healthy() {
  local name
  for name in messaging broker mapper; do [ "$(health_of $name)" = healthy ] || return 1; done
  curl -sf --max-time 2 -o /dev/null "$platform_url/sim/health"
}

check_users() {
  local name
  for name in messaging broker mapper platform; do
    [ "$(docker inspect -f '{{.Config.User}}' "$(container $name)")" = 10001:10001 ] || fail "$name does not run as user 10001"
  done
}

# Numbered readings, each by a client that waits for its PUBACK; what was acknowledged is written down.
publish_readings() { # publish_readings FROM TO
  local i
  for ((i = $1; i <= $2; i++)); do
    timeout 30 mosquitto_pub -h "$host" -p "$mqtt_port" "${device_user[@]}" -i "kill-$i-$RANDOM" -q 1 -t site/kill/r1/env \
      -m "{\"ver\":2,\"dev\":{\"sn\":\"K$$\"},\"data\":{\"temp\":$i},\"bat\":{\"v\":3,\"pct\":80}}" 2>/dev/null && echo "$i" >>"$work/acked.$1"
  done
}
acked() { cat "$work"/acked.* 2>/dev/null | sort -n -u; }
enough_acked() { [ "$(acked | wc -l)" -ge "$1" ]; }
held() {
  rest_get "/measurement/measurements?source=$device_id&pageSize=2000" | jq -r '.measurements[].env.temperature.value' | sort -n -u
}
nothing_lost() { [ -z "$(comm -23 <(acked | sort) <(held | sort))" ]; }
was_restarted() { [ "$(docker inspect -f '{{.RestartCount}}' "$(container messaging)")" -ge 1 ]; }

kill_messaging() {
  say "5. Messaging is killed while four publishers wait for their PUBACKs; nothing acknowledged may be missing"
  local publishers=() from pid
  for from in 1 101 201 301; do
    publish_readings $from $((from + 49)) &
    publishers+=($!)
  done
  wait_until 60 enough_acked 40 || fail "fewer than 40 of the readings were acknowledged within 60 s"
  pid=$(docker inspect -f '{{.State.Pid}}' "$(container messaging)")
  # Not `docker kill`: that would switch the restart policy off.
  as_root kill -KILL "$pid" || fail "messaging could not be killed"
  show "killed messaging (host pid $pid) after $(acked | wc -l) acknowledged readings"
  wait "${publishers[@]}"
  wait_until 30 was_restarted || fail "messaging was not started again"
  enough_acked 60 || fail "after the kill nothing more was acknowledged: $(acked | wc -l) readings in all"
  expect "the device of the readings" "/identity/externalIds/c8y_Serial/K$$" .managedObject.id
  device_id=$found
  wait_until 60 nothing_lost || fail "acknowledged but not on the platform: $(comm -23 <(acked | sort) <(held | sort) | sort -n | paste -sd ' ')"
  show "$(acked | wc -l) of 200 readings were acknowledged, the platform holds all of them"
}

patience_s=60
# shellcheck disable=SC2086
install_packages $packages_demo || fail "the clients could not be installed"
have_engine
have_compose
have_base
can_run
make_images
bring_up
check_users
walk
kill_messaging
printf '\nall steps were seen\n'
finish 0
