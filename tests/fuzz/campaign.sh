#!/usr/bin/env bash
# A long search with one libFuzzer target of the preset `fuzz`. `tests/fuzz/campaign.sh --help` tells the ways.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 2

usage() {
  cat <<TEXT
tests/fuzz/campaign.sh TARGET [MINUTES]   search for MINUTES (20), and on until EXECUTIONS are reached
tests/fuzz/campaign.sh --merge TARGET     shrink what is committed and what was found to tests/fuzz/corpus/TARGET

TARGET is a file of tests/fuzz without its ending: mqtt_decoder, session, avro, text_frame, token,
link_frames, http_routes, recovery.
Environment: EXECUTIONS (20000000), SEED (random), RSS_MB (1024), MAX_LEN (512), SLOWEST_S (10: an input that takes
longer is a finding), BUILD (build/fuzz). Inputs gather in BUILD/campaign/TARGET, findings in BUILD/findings/TARGET-*.
The last line is the result; the exit code is 0 only without a finding.
TEXT
}

case "${1:-}" in
  --help | -h | '')
    usage
    [ -n "${1:-}" ]
    exit
    ;;
esac
merge=no
[ "$1" = --merge ] && merge=yes && shift
target=${1:?which target?}
minutes=${2:-20}
executions=${EXECUTIONS:-20000000}
build=${BUILD:-build/fuzz}
program=$build/bin/fuzz_$target
corpus=tests/fuzz/corpus/$target
gathered=$build/campaign/$target
findings=$build/findings
[ -x "$program" ] || { echo "$program is not there: cmake --preset fuzz && ninja -C $build fuzz_$target" >&2; exit 2; }
[[ $minutes =~ ^[0-9]+$ ]] || { echo "MINUTES is a whole number" >&2; exit 2; }
mkdir -p "$gathered" "$findings" "$corpus"

options=(-max_len="${MAX_LEN:-512}" -rss_limit_mb="${RSS_MB:-1024}" -timeout="${SLOWEST_S:-10}")
[ -f "tests/fuzz/$target.dict" ] && options+=(-dict="tests/fuzz/$target.dict")

if [ $merge = yes ]; then
  smaller=$(mktemp -d) || exit 2
  "$program" "${options[@]}" -set_cover_merge=1 "$smaller" "$corpus" "$gathered" >"$build/merge-$target.log" 2>&1 ||
    { tail -n 20 "$build/merge-$target.log"; exit 1; }
  rm -f "$corpus"/*
  cp "$smaller"/* "$corpus"/ && rm -r "$smaller"
  echo "merge $target: $(find "$corpus" -type f | wc -l) files, $(cat "$corpus"/* | wc -c) bytes"
  exit 0
fi

seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "campaign $target: seed $seed, at least $minutes min and $executions executions, ${options[*]}"
done_executions=0
began=$SECONDS
round=0
code=0
log=$build/campaign-$target.log
: >"$log"
# libFuzzer ends at whichever limit comes first; the rounds after the first make up for what is missing of the other.
while [ $code = 0 ]; do
  seconds_left=$((minutes * 60 - (SECONDS - began)))
  executions_left=$((executions - done_executions))
  if [ $seconds_left -gt 0 ]; then
    limit=(-max_total_time=$seconds_left)
  elif [ $executions_left -gt 0 ]; then
    limit=(-runs=$executions_left)
  else
    break
  fi
  "$program" "${options[@]}" "${limit[@]}" -seed=$((seed + round)) -print_final_stats=1 \
    -artifact_prefix="$findings/$target-" "$gathered" "$corpus" >"$log.round" 2>&1
  code=$?
  cat "$log.round" >>"$log"
  ran=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log.round")
  done_executions=$((done_executions + ${ran:-0}))
  round=$((round + 1))
  [ $code != 0 ] && tail -n 60 "$log.round"
done
rm -f "$log.round"
found=0
[ $code != 0 ] && found=1
echo "result $target: $done_executions executions, $((SECONDS - began)) seconds, $found findings, seed $seed"
exit $((code != 0))
