# shellcheck shell=bash
# A certificate authority and a server certificate for trying things out. Sourced, not run.

# make_certificates DIR [NAME…]: ca.pem, ca.key, server.pem, server.key (P-256) for localhost, this host and the given
# names. What is there and still valid for a week is kept, so that clients need not be given a new CA at every start.
make_certificates() {
  local dir=$1 names name
  shift
  names="DNS:localhost,IP:127.0.0.1"
  for name in "$(hostname 2>/dev/null || true)" "$@"; do
    case "$name" in '' | localhost) ;; *) names="$names,DNS:$name" ;; esac
  done
  if [ -s "$dir/ca.key" ] && [ -s "$dir/server.key" ] &&
     openssl x509 -in "$dir/ca.pem" -checkend 604800 -noout >/dev/null 2>&1 &&
     openssl verify -CAfile "$dir/ca.pem" "$dir/server.pem" >/dev/null 2>&1 &&
     openssl x509 -in "$dir/server.pem" -checkend 604800 -noout >/dev/null 2>&1; then
    return 0
  fi
  (
    set -e
    umask 077
    quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
      -subj "/CN=MQTT service demo CA" -addext "keyUsage=critical,keyCertSign,cRLSign" \
      -keyout "$dir/ca.key" -out "$dir/ca.pem"
    quietly openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
      -keyout "$dir/server.key" -out "$dir/server.csr"
    printf 'basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=%s\n' "$names" >"$dir/server.ext"
    quietly openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 825 \
      -extfile "$dir/server.ext" -out "$dir/server.pem"
    rm -f "$dir/server.csr" "$dir/server.ext"
    chmod 644 "$dir/ca.pem" "$dir/server.pem"
  )
}

# Runs a command; what it says is shown only when it fails.
quietly() {
  local said
  if said=$("$@" 2>&1); then return 0; fi
  printf '%s\n' "$said" >&2
  return 1
}
