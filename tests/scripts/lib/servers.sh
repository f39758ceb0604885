# shellcheck shell=bash
# The demo's background processes: certificates, Notary server, registry. Sourced; works in $WORK.

declare -A PID=()

# A port of 20000 to 29999 (below Linux' range for outgoing connections) that nothing listens on.
free_port() {
  local port
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 10000))
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  fail "no free port found"
}

start() { # NAME COMMAND…
  local name=$1
  shift
  "$@" >"$WORK/$name.log" 2>&1 </dev/null &
  PID[$name]=$!
}

stop() { # NAME
  kill "${PID[$1]}" 2>/dev/null || true
  wait "${PID[$1]}" 2>/dev/null || true
  unset "PID[$1]"
}

stop_all() {
  local name
  for name in "${!PID[@]}"; do stop "$name"; done
}

# Repeats a command until it succeeds; gives up when the process is gone or after 10 seconds.
wait_for() { # NAME COMMAND…
  local name=$1
  shift
  for _ in {1..200}; do
    ! "$@" 2>/dev/null || return 0
    kill -0 "${PID[$name]}" 2>/dev/null || fail "$name ended before it was ready"
    sleep 0.05
  done
  fail "$name was not ready after 10 seconds"
}

show_logs() {
  local log
  for log in "$WORK"/*.log; do
    [ -s "$log" ] || continue
    echo "--- last lines of ${log##*/}"
    tail -n 15 "$log"
  done
}

# One throw-away authority and a leaf for localhost and other names, shared by the Notary server and the webhook.
make_certificates() { # [NAME…]
  local names
  names=$(printf 'DNS:%s,' localhost "$@")
  mkdir "$WORK/tls"
  (
    cd "$WORK/tls"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout ca.key -out ca.crt \
      -subj "/CN=Vouchsafe demo CA" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr -subj "/CN=localhost"
    openssl x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out leaf.crt -extfile \
      <(printf 'subjectAltName=%sIP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n' "$names")
  ) >"$WORK/openssl.log" 2>&1
}

start_notary_server() {
  local port
  port=$(free_port)
  NOTARY_URL=https://localhost:$port
  cat >"$WORK/notary-server.json" <<JSON
{ "server": { "http_addr": "127.0.0.1:$port", "tls_cert_file": "tls/leaf.crt", "tls_key_file": "tls/leaf.key" },
  "trust_service": { "type": "local" },
  "storage": { "backend": "memory" },
  "logging": { "level": "error" } }
JSON
  start notary-server notary-server -config "$WORK/notary-server.json"
  wait_for notary-server curl -fsS -o "$WORK/ping" --cacert "$WORK/tls/ca.crt" "$NOTARY_URL/v2/"
}

start_registry() {
  local port
  port=$(free_port)
  REGISTRY=localhost:$port
  cat >"$WORK/registry.yaml" <<YAML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $WORK/registry}}
http: {addr: "127.0.0.1:$port"}
YAML
  start docker-registry docker-registry serve "$WORK/registry.yaml"
  wait_for docker-registry curl -fsS -o "$WORK/ping" "http://$REGISTRY/v2/"
}
