#!/usr/bin/env bash
# In the image's build stage: the packages for compiling, or only the libraries for programs that are built already.
set -euo pipefail
. "$(dirname "$0")/packages.sh"
# shellcheck disable=SC2086
case "$1" in
  source) install_packages $packages_build $packages_runtime ;;
  prebuilt) install_packages $packages_runtime ;;
  *) echo "BUILD must be source or prebuilt, not $1" >&2; exit 2 ;;
esac
rm -rf /var/lib/apt/lists/*
