# shellcheck shell=bash
# What happens to a cluster, while it is asked about Pods all the time. Sourced.

# Runs a command while two clients have Pods judged: one of a signed image, one of an unsigned. No answer may be wrong, and
# only so many requests may fail of those that an API server took.
under_load() { # MOST-FAILED COMMAND…
  local until most=$1 kind right=0 wrong=0 failed=0 unheard=0 counts
  until=$WORK/load-$RANDOM
  shift
  # Also where the command fails, which ends this shell.
  # shellcheck disable=SC2064 # as it is now
  trap "touch '$until'" EXIT
  credentials
  start_load signed "$until" "$REGISTRY/team/load:signed"
  start_load unsigned "$until" "$REGISTRY/team/load:unsigned"
  sleep 2
  "$@"
  sleep 2
  touch "$until"
  wait
  for kind in signed unsigned; do
    read -r -a counts <"$until.$kind.counts"
    right=$((right + counts[0])) wrong=$((wrong + counts[1])) failed=$((failed + counts[2])) unheard=$((unheard + counts[3]))
    sed 1d "$until.$kind.counts" | cut -c1-300 | sed 's/^/      /'
    [ "${counts[0]}" -ge 20 ] || does_not_hold "there is a load" "only ${counts[0]} answers about $kind Pods were right"
  done
  equals "of $((right + wrong + failed)) answers none is wrong" "$wrong" 0
  at_most "requests that failed" "$failed" "$most"
  [ "$unheard" -eq 0 ] || say "      $unheard requests were not taken by an API server"
}

start_load() { # KIND UNTIL IMAGE
  inside "$HERE/lib/on_cluster/load.sh" "$1" "$3" "$(archive_digest "$WORK/app-1.tar")" "https://$NODE_ADDRESS:6443" "$WORK/credentials" "$2" \
    >"$2.$1.counts" &
}

# An administrator's, as files, which curl takes.
credentials() {
  local file config
  config=$(kubectl config view --raw --output json)
  mkdir -p "$WORK/credentials"
  for file in client.crt=.users[0].user.\"client-certificate-data\" client.key=.users[0].user.\"client-key-data\" \
    ca.crt=.clusters[0].cluster.\"certificate-authority-data\"; do
    jq -r "${file#*=}" <<<"$config" | base64 -d >"$WORK/credentials/${file%%=*}"
  done
}

# A repository of its own, whose tags stay where they are.
test_load() {
  push_app team/load unsigned 2
  push_app team/load signed 1
  sign team/load signed "$IMAGE_DIGEST" "$IMAGE_SIZE"
  sync_now
  eventually "the repository reaches every replica" 10 all_answer "$REGISTRY/team/load:signed" "@$IMAGE_DIGEST"
  under_load 0 sleep 3
}

test_replica_deleted() {
  under_load 0 delete_replica
  holds "another one takes its place" await_replicas
}

delete_replica() {
  kubectl --namespace "$SYSTEM" delete "pod/$(replicas '{.metadata.name}' | sed -n 1p)" >"$WORK/last"
  await_replicas >"$WORK/last"
}

# By SIGKILL, as nothing can be prepared for: until the kubelet has told the API server, it goes on calling it.
test_replica_killed() {
  local before
  before=$(restarts)
  under_load 20 kill_replica
  equals "its container is started again" "$(restarts)" $((before + 1))
}

restarts() {
  replicas '{.status.containerStatuses[0].restartCount}' | awk '{ sum += $1 } END { print sum }'
}

kill_replica() {
  local pid
  read -r pid < <(replica_processes) || fail "no process of a replica is found"
  kill -KILL "$pid"
  sleep 5
  await_replicas >"$WORK/last"
}

# By the control group of the cluster, so that nobody else's are meant.
replica_processes() {
  local pid
  for pid in $(cgroup_processes "$(name_of "$DIRECTORY")"); do
    [[ $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") != "/vouchsafe serve "* ]] || echo "$pid"
  done
}

test_node_drained() {
  under_load 0 drain_node
  equals "no replica is left on it" "$(replicas '{.spec.nodeName}' | grep -c node-2 || true)" 0
  kubectl uncordon node-2 >"$WORK/last"
}

drain_node() {
  kubectl drain node-2 --ignore-daemonsets --delete-emptydir-data --force --timeout 120s >"$WORK/last" 2>&1
  await_replicas >"$WORK/last"
}

test_api_server_restarted() {
  under_load 0 "$CLUSTER" restart "$DIRECTORY" kube-apiserver
  eventually "every replica watches it again" 60 all_count '^vouchsafe_api_server_up 1\.0$'
  holds "every replica answers" all_answer "$REGISTRY/team/load:signed" "@$(archive_digest "$WORK/app-1.tar")"
}

test_objects_deleted() {
  under_load 0 delete_objects
  holds "a Job of the CronJob publishes them again" sync_now
  eventually "kubectl get trust shows them" 10 is_listed "$REGISTRY/team/load Fresh 1"
}

delete_objects() {
  kubectl --namespace "$SYSTEM" delete trust --all >"$WORK/last"
  sleep 3
}

is_listed() { # LINE
  trust | grep -qx "$1"
}

# docs/certificates.md: a new authority is announced a minute before a certificate by it is served.
test_certificate_rotated() {
  local before
  before=$(served_certificates)
  under_load 0 rotate_certificate "$before"
  equals "every replica serves with the new one" "$(served_certificates | sort -u | wc -l)" 1
}

rotate_certificate() { # BEFORE
  kubectl --namespace "$SYSTEM" delete secret "$RELEASE-tls" >"$WORK/last"
  eventually "every replica has another certificate" 150 has_rotated "$1"
}

has_rotated() { # BEFORE
  local now
  now=$(served_certificates)
  [ "$(wc -l <<<"$now")" -eq 3 ] && [ "$(sort -u <<<"$now" | wc -l)" -eq 1 ] && ! grep -qF "$now" <<<"$1"
}

# The fingerprint of each.
served_certificates() {
  local address
  for address in $(replicas '{.status.podIP}'); do
    inside openssl s_client -connect "$address:8443" -servername "$RELEASE.$SYSTEM.svc" </dev/null 2>>"$WORK/openssl.log" |
      openssl x509 -noout -fingerprint -sha256
  done
}
