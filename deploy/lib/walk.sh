# shellcheck shell=bash
# The walk through the system with real clients: what deploy/demo.sh shows and tests/system/compose.sh checks.
# Sourced, not run. Needs: host, mqtt_port, mqtts_port, platform_url, ca_file, work (a directory for what is received).
# Every step is verified: `fail` ends the whole with a sentence.

tenant=t0815
device_user=(-u "$tenant/device1" -P device1-secret)
admin_login="$tenant/admin:admin-secret"
patience_s=${DEMO_PATIENCE_S:-30}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '   %s\n' "$*"; }

# wait_until SECONDS COMMAND…: polls until it succeeds; false when it does not in time.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    still_running || return 1
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}
# Whoever supervises the programs defines this anew, so that a wait ends early when one of them is gone for good.
still_running() { true; }

rest() { curl -sS --max-time 10 -u "$admin_login" -H 'Accept: application/json' "$@"; }
rest_get() { rest -f "$platform_url$1" 2>/dev/null; }

publish() { # publish tcp|tls TOPIC PAYLOAD
  local how=(-h "$host" -p "$mqtt_port")
  [ "$1" = tcp ] || how=(-h "$host" -p "$mqtts_port" --cafile "$ca_file")
  show "mosquitto_pub ${how[*]} ${device_user[*]} -q 1 -t $2 -m '$3'"
  timeout 20 mosquitto_pub "${how[@]}" "${device_user[@]}" -i "demo-$RANDOM$RANDOM" -q 1 -t "$2" -m "$3" \
    2>"$work/publish.err" || fail "the message to $2 over $1 was not accepted: $(tail -n 1 "$work/publish.err")"
}

# Sets `found` to what a question to the platform answers, once the answer is not empty.
ask() { # ask PATH JQ-FILTER
  found=$(rest_get "$1" | jq -er "$2" 2>/dev/null) && [ -n "$found" ]
}
expect() { # expect WHAT PATH JQ-FILTER
  wait_until "$patience_s" ask "$2" "$3" || fail "$1 did not appear on the platform within $patience_s s ($2)"
}

walk_device_and_measurement() {
  say "1. A sensor nobody knows yet publishes JSON over TCP; the mapper makes a device and a measurement of it"
  publish tcp site/berlin/r7/env "{\"ver\":2,\"dev\":{\"sn\":\"$serial\"},\"data\":{\"temp\":20.5},\"bat\":{\"v\":3.1,\"pct\":80}}"
  expect "the device $serial" "/identity/externalIds/c8y_Serial/$serial" .managedObject.id
  device_id=$found
  expect "the name of device $device_id" "/inventory/managedObjects/$device_id" 'select(.type=="env_sensor") | .name'
  show "device      $device_id \"$found\", type env_sensor, external ID c8y_Serial/$serial"
  expect "the measurement" "/measurement/measurements?source=$device_id&pageSize=10" \
    '[.measurements[].env | select(.temperature.value==20.5)][0] | "\(.temperature.value) \(.temperature.unit), battery \(.battery.value) \(.battery.unit)"'
  show "measurement $found"
}

walk_alarm() {
  say "2. The same sensor over TLS, its battery nearly empty: an alarm"
  publish tls site/berlin/r7/env "{\"ver\":2,\"dev\":{\"sn\":\"$serial\"},\"data\":{\"temp\":21.5},\"bat\":{\"v\":2.5,\"pct\":7}}"
  expect "the alarm" "/alarm/alarms?source=$device_id" \
    '[.alarms[] | select(.type=="battery_low" and .status=="ACTIVE" and .severity=="MAJOR")][0] | "\(.severity) \(.type): \(.text)"'
  show "alarm       $found"
}

walk_event() {
  say "3. A tracker reports where it is: an event, and the position on the device"
  local imei=49${serial//[!0-9]/}
  publish tcp "tracker/$imei/position" '{"lat":51.22512,"lon":6.77616,"alt":38}'
  expect "the tracker" "/identity/externalIds/c8y_IMEI/$imei" .managedObject.id
  local tracker_id=$found
  expect "the event" "/event/events?source=$tracker_id" \
    '[.events[] | select(.type=="c8y_LocationUpdate")][0] | "\(.type): \(.text)"'
  show "event       $found"
  expect "the position on the device" "/inventory/managedObjects/$tracker_id" \
    '.c8y_Position | select(.lat==51.22512) | "\(.lat), \(.lng)"'
  show "device      $tracker_id is at $found"
}

# The relay is a device that exists on the platform already; made here, as a user would in the device management.
relay_on_platform() {
  local id
  id=$(rest -f -X POST -H 'Content-Type: application/json' "$platform_url/inventory/managedObjects" -d \
    "{\"name\":\"Relay $relay_serial\",\"type\":\"relay_box\",\"c8y_IsDevice\":{},\"com_cumulocity_model_Agent\":{},\"c8y_SupportedOperations\":[\"c8y_Relay\"]}" |
    jq -er .id) || fail "the platform did not take the relay as a device"
  rest -f -o /dev/null -X POST -H 'Content-Type: application/json' \
    "$platform_url/identity/globalIds/$id/externalIds" -d "{\"type\":\"c8y_Serial\",\"externalId\":\"$relay_serial\"}" ||
    fail "the platform did not take the relay's external ID"
  relay_id=$id
}

subscribed() { grep -q SUBACK "$work/relay.out" 2>/dev/null; }
command_arrived() { grep -q "^dev/$relay_serial/cmd " "$work/relay.out" 2>/dev/null; }

walk_operation() {
  say "4. An operation made on the platform becomes an MQTT command; the device's answer closes it"
  relay_on_platform
  show "device      $relay_id \"Relay $relay_serial\", type relay_box"
  show "mosquitto_sub -h $host -p $mqtt_port ${device_user[*]} -q 1 -t dev/$relay_serial/cmd"
  : >"$work/relay.out"
  stdbuf -oL mosquitto_sub -d -h "$host" -p "$mqtt_port" "${device_user[@]}" -i "relay-$relay_serial" -q 1 \
    -t "dev/$relay_serial/cmd" -F '%t %p' >"$work/relay.out" 2>&1 &
  relay_pid=$!
  wait_until "$patience_s" subscribed || fail "mosquitto_sub could not subscribe: $(tail -n 2 "$work/relay.out")"
  local operation
  operation=$(rest -f -X POST -H 'Content-Type: application/json' "$platform_url/devicecontrol/operations" -d \
    "{\"deviceId\":\"$relay_id\",\"description\":\"close the relay\",\"c8y_Relay\":{\"relayState\":\"CLOSED\"}}" |
    jq -er .id) || fail "the platform did not take the operation"
  show "operation   $operation c8y_Relay CLOSED"
  wait_until "$patience_s" command_arrived || fail "the MQTT command did not arrive at mosquitto_sub within $patience_s s"
  local command
  command=$(grep -m 1 "^dev/$relay_serial/cmd " "$work/relay.out" | cut -d ' ' -f 2-)
  show "command     $command"
  jq -e --arg id "$operation" '.id==$id and .state==true' >/dev/null 2>&1 <<<"$command" ||
    fail "the command is not the one of operation $operation"
  publish tcp "dev/$relay_serial/cmd/ack" "{\"id\":\"$operation\",\"rc\":0}"
  expect "the end of operation $operation" "/devicecontrol/operations/$operation" 'select(.status=="SUCCESSFUL") | .status'
  show "operation   $operation $found"
  end_relay
}
end_relay() {
  [ -n "${relay_pid:-}" ] || return 0
  kill -TERM "$relay_pid" 2>/dev/null
  wait "$relay_pid" 2>/dev/null
  relay_pid=
}

walk() {
  serial="S$(date +%s)$((RANDOM % 900 + 100))"
  relay_serial="B${serial#S}"
  walk_device_and_measurement
  walk_alarm
  walk_event
  walk_operation
}
