# shellcheck shell=bash
# Configures and builds a preset with progress a person can read. Sourced, not run; needs $root.

# build_preset PRESET [TARGET…]: into build/PRESET. On a terminal ninja's own line, otherwise a line for every tenth.
build_preset() {
  local preset=$1 began=$SECONDS log
  shift
  log=$(mktemp)
  if ! (cd "$root" && cmake --preset "$preset") >"$log" 2>&1; then
    cat "$log" >&2
    echo "configuring the preset $preset failed" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
  if [ -t 1 ]; then
    ninja -C "$root/build/$preset" "$@" || return 1
  else
    ninja -C "$root/build/$preset" "$@" 2>&1 | brief_progress || return 1
  fi
  echo "built $preset in $((SECONDS - began)) s"
}

# Keeps every line of ninja's output that is no progress, and of the progress a line for each tenth.
brief_progress() {
  awk '
    /^ninja: Entering directory/ || /^ninja: no work to do/ { next }
    /^\[[0-9]+\/[0-9]+\]/ {
      split(substr($1, 2), part, /[\/\]]/)
      tenth = int(10 * part[1] / part[2])
      if (tenth > shown) { shown = tenth; printf "  %d %%\n", 10 * tenth; fflush() }
      next
    }
    { print; fflush() }'
}
