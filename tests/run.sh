#!/usr/bin/env bash
# Installs what is needed, builds and runs the tests. `tests/run.sh --help` tells the ways.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 2
. deploy/lib/packages.sh
. deploy/lib/build.sh

usage() {
  cat <<TEXT
tests/run.sh             build the preset dev (address and undefined-behaviour sanitizers), run every test
tests/run.sh --release   the same with the preset release
tests/run.sh --tidy      format, layer rules, co_await rules, clang-tidy
tests/run.sh --ci        everything, in stages; exit code 0 only when all of them passed
TEXT
}

cores=$(nproc)
jobs=$((cores < 2 ? 2 : cores))
export CTEST_OUTPUT_ON_FAILURE=1
# Sanitizers tell where, and end the program that failed.
export UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1

run_ctest() { # run_ctest PRESET [ARGUMENT…]
  local preset=$1
  shift
  ctest --test-dir "build/$preset" -j "$jobs" --no-tests=error "$@"
}

# --- stages -----------------------------------------------------------------

check_format() {
  local files
  files=$(git ls-files '*.cpp' '*.hpp') || return 1
  # shellcheck disable=SC2086
  clang-format-19 --dry-run -Werror --ferror-limit=3 $files && echo "format: $(wc -w <<<"$files") files"
}
stage_rules() {
  local failed=0
  check_format || failed=1
  python3 tests/tidy/layers.py || failed=1
  python3 tests/tidy/coroutine_hazards.py || failed=1
  python3 tests/tidy/conformance.py || failed=1
  return $failed
}
stage_gcc() {
  build_preset gcc tests_unit tests_property && run_ctest gcc -L '^(unit|property)$'
}
stage_tsan() {
  build_preset tsan tests_messaging tests_broker &&
    run_ctest tsan -L '^(unit|property|integration)$' -L '^(messaging|broker)$'
}
stage_release() {
  build_preset release && run_ctest release -L '^system$'
}
stage_compose() {
  local code
  tests/system/compose.sh
  code=$?
  [ $code = 77 ] && return 0 # it said why it was skipped
  return $code
}
stage_fuzz() {
  build_preset fuzz fuzz_targets && run_ctest fuzz -L '^fuzz$'
}
stage_tidy() {
  local failed=0 files
  stage_rules || failed=1
  build_preset dev || return 1
  files=$(git ls-files 'common/*.cpp' 'broker/*.cpp' 'messaging/*.cpp' 'mapper/*.cpp' 'tests/platform/*.cpp')
  # shellcheck disable=SC2086
  printf '%s\n' $files | xargs -P "$jobs" -n 4 clang-tidy-19 -p build/dev --quiet || failed=1
  return $failed
}

summary=()
failed_stages=0
stage() { # stage NAME: runs stage_NAME, notes seconds and result
  local began=$SECONDS result=passed
  printf '\n=== %s\n' "$1"
  "stage_$1" || { result=FAILED; failed_stages=$((failed_stages + 1)); }
  summary+=("$(printf '%-10s %-7s %5d s' "$1" "$result" $((SECONDS - began)))")
  echo "=== ${summary[-1]}"
}

# Builds a preset and runs all its tests; CTest's summary is the last thing printed.
everything() {
  printf '\n=== %s\n' "$1"
  if ! build_preset "$1"; then
    echo "the preset $1 does not build" >&2
    return 1
  fi
  if [ ${#summary[@]} -gt 0 ]; then
    printf '\nstages so far\n'
    printf '   %s\n' "${summary[@]}"
    [ $failed_stages = 0 ] || echo "   $failed_stages failed; the run fails whatever follows"
  fi
  run_ctest "$1"
}

install_for() {
  # shellcheck disable=SC2086
  install_packages $packages_build $packages_demo $packages_test || exit 1
}

case "${1:-}" in
  '')
    install_for
    everything dev
    ;;
  --release)
    install_for
    everything release
    ;;
  --tidy)
    install_for
    stage tidy
    [ $failed_stages = 0 ]
    ;;
  --ci)
    install_for
    for name in rules gcc tsan release compose fuzz; do stage $name; done
    everything dev && [ $failed_stages = 0 ]
    ;;
  --help | -h) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
