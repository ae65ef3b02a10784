#!/usr/bin/env bash
# Keeps one program running, as Compose and systemd would: supervise.sh PIDFILE LOG PROGRAM [ARGUMENT…]
# PIDFILE holds the program's process id while it runs. SIGTERM ends the program, then this script. When this script is
# killed the program gets SIGTERM (parent-death signal), so nothing is left behind.
set -u
pid_file=$1
log=$2
shift 2
child=
stopping=
trap 'stopping=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
trap '' INT # Ctrl-C is the demo's to handle
exec 2>>"$log"

while [ -z "$stopping" ]; do
  began=$(date +%s%N)
  setpriv --pdeathsig TERM -- "$@" >>"$log" 2>&1 </dev/null &
  child=$!
  [ -z "$stopping" ] || kill -TERM "$child" 2>/dev/null # the signal came between the check above and here
  echo "$child" >"$pid_file.new" && mv "$pid_file.new" "$pid_file"
  # A trapped signal ends `wait` early: wait until the program is gone.
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  rm -f "$pid_file"
  [ -z "$stopping" ] || break
  echo "supervisor: ended with code $code; starting it again" >>"$log"
  echo "$code" >>"$pid_file.ended"
  # A program that fails at once is not started in a tight loop; still it is back within a second.
  if [ $((($(date +%s%N) - began) / 1000000)) -lt 500 ]; then sleep 0.5; fi
done
exit 0
