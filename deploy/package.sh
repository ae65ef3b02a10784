#!/usr/bin/env bash
# Makes the ZIP of a microservice: image.tar and cumulocity.json, checked against every rule for both.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

usage() {
  cat <<TEXT
deploy/package.sh broker|messaging|mapper [--version V] [--output FILE] [--image FILE]

  --version V    the version in the manifest (default: the project's, with -SNAPSHOT)
  --output FILE  default: build/package/mqtt-<program>-<version>.zip
  --image FILE   the output of \`docker save\`, instead of building the image
TEXT
}
fail() {
  echo "package.sh: $*" >&2
  exit 1
}

program=${1:-}
case "$program" in
  broker | messaging | mapper) shift ;;
  --help | -h) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
version=
output=
image=
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "$1 needs a value"
  case "$1" in
    --version) version=$2 ;;
    --output) output=$2 ;;
    --image) image=$2 ;;
    *) fail "unknown option $1" ;;
  esac
  shift 2
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$root/deploy/check_manifest.py" --make "$program" ${version:+--version "$version"} >"$work/cumulocity.json"
python3 "$root/deploy/check_manifest.py" "$work/cumulocity.json" || fail "the manifest breaks the rules above"
version=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["version"])' "$work/cumulocity.json")

if [ -n "$image" ]; then
  cp "$image" "$work/image.tar" || fail "cannot read $image"
else
  command -v docker >/dev/null || fail "docker is not installed; or give the saved image with --image"
  tag=mqtt-$program:$(tr 'A-Z+' 'a-z-' <<<"$version")
  docker build --target "$program" -t "$tag" -f "$root/deploy/Dockerfile" "$root"
  docker save -o "$work/image.tar" "$tag"
fi

output=${output:-$root/build/package/mqtt-$program-$version.zip}
mkdir -p "$(dirname "$output")"
rm -f "$output"
python3 - "$output" "$work" <<'PYTHON'
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as package:
    for name in ("image.tar", "cumulocity.json"):
        package.write(f"{sys.argv[2]}/{name}", name)
PYTHON
python3 "$root/deploy/check_manifest.py" --zip "$output" || fail "the package breaks the rules above"
echo "$output"
