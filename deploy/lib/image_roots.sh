#!/usr/bin/env bash
# In the image's build stage: builds the programs (or takes them from deploy/.prebuilt) and lays out /roots/<program>,
# the whole content of that program's image.
set -euo pipefail
src=$(cd "$(dirname "$0")/../.." && pwd)
programs=(mqtt-broker mqtt-messaging mqtt-mapper platform-sim)

if [ "$1" = source ]; then
  cmake -S "$src" --preset release -B /build
  ninja -C /build "${programs[@]}"
  bin=/build/bin
  for program in "${programs[@]}"; do strip --strip-debug "$bin/$program"; done
else
  bin=$src/deploy/.prebuilt
fi

mkdir -p /roots/empty
for program in "${programs[@]}"; do
  to=/roots/$program
  mkdir -p "$to/usr/bin" "$to/etc/ssl/certs" "$to/etc/mqtt-service" "$to/tmp"
  chmod 1777 "$to/tmp"
  cp "$bin/$program" "$to/usr/bin/"
  # Every library under the path the loader looks for it, the loader itself included.
  ldd "$bin/$program" | awk '/not found/ { print; exit 1 }' || { echo "$program: a library is missing" >&2; exit 1; }
  ldd "$bin/$program" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | sort -u | while read -r library; do
    mkdir -p "$to$(dirname "$library")"
    cp -L "$library" "$to$library"
  done
  cp /etc/ssl/certs/ca-certificates.crt "$to/etc/ssl/certs/"
  echo 'mqtt:x:10001:10001:MQTT service:/:/usr/sbin/nologin' >"$to/etc/passwd"
  echo 'mqtt:x:10001:' >"$to/etc/group"
  echo 'hosts: files dns' >"$to/etc/nsswitch.conf"
  config=$src/deploy/config/${program#mqtt-}.yaml
  if [ -f "$config" ]; then
    cp "$config" "$to/etc/mqtt-service/"
    # Nobody may log in until a file with users is put over this one.
    echo 'tenants: {}' >"$to/etc/mqtt-service/tenants.yaml"
  fi
  if [ "$program" = mqtt-mapper ]; then mkdir -p "$to/etc/mqtt-service/mappings"; fi
  # The layout is proven here: the program must start with nothing but its root.
  chroot "$to" "/usr/bin/$program" --help >/dev/null
done
