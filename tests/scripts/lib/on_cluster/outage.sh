# shellcheck shell=bash
# The Notary server is gone. Sourced; what it held is gone with it, so nothing that syncs comes after this.

test_outage() {
  # First it is there, and no Pod has a way to it.
  inside iptables -I INPUT "${TO_NOTARY[@]}"
  holds "a Job of the CronJob fails that has no route to it" sync_fails no-route
  admission_goes_on no-route
  inside iptables -D INPUT "${TO_NOTARY[@]}"
  holds "a Job of the CronJob has its route again" sync_now
  "$CLUSTER" stop "$DIRECTORY" notary-server
  holds "nothing answers at its address" no_notary_server
  holds "a Job of the CronJob fails" sync_fails offline
  admission_goes_on offline
}

# What a router says that knows no way.
TO_NOTARY=(! -i lo -p tcp --dport "${NOTARY_URL##*:}" -j REJECT --reject-with icmp-net-unreachable)

admission_goes_on() { # NAME
  holds "a signed Pod is admitted" kubectl --namespace shop run "$1" --image "$REGISTRY/team/load:signed"
  holds "it runs" kubectl --namespace shop wait --for=condition=Ready "pod/$1" --timeout 30s
  denied "an unsigned one is denied" "it is not signed" kubectl --namespace shop run unsigned --image "$REGISTRY/team/load:unsigned"
}

no_notary_server() {
  ! inside curl -sS --max-time 5 --cacert "$WORK/tls/ca.crt" "$NOTARY_URL/v2/"
}

sync_fails() { # NAME
  kubectl --namespace "$SYSTEM" create job --from="cronjob/$RELEASE-sync" "$1"
  kubectl --namespace "$SYSTEM" wait --for=condition=Failed "job/$1" --timeout 120s
}

# All at once, with nothing on their disks and nobody to fetch from but the API server.
test_empty_disks() {
  local before start
  before=$(replicas '{.metadata.uid}')
  start=${EPOCHREALTIME/[.,]/}
  kubectl --namespace "$SYSTEM" delete pods --selector app.kubernetes.io/component=webhook --wait=false >"$WORK/last"
  eventually "all replicas are others" 60 are_others "$before"
  at_most "seconds until all are ready" "$(awk -v start="$start" -v end="${EPOCHREALTIME/[.,]/}" 'BEGIN { printf "%.1f", (end - start) / 1e6 }')" 60
  at_most "of which from the start of the last container to ready" "$(slowest_start)" 10
  holds "all know what is signed" all_answer "$REGISTRY/team/load:signed" "@$(archive_digest "$WORK/app-1.tar")"
  holds "all know what is not" all_answer "$REGISTRY/team/load:unsigned" "it is not signed"
  holds "all know of the key that was rotated" all_answer "$REGISTRY/team/web:rotated" "@$(archive_digest "$WORK/app-4.tar")"
}

# Whether three replicas are ready, none of them one of these.
are_others() { # UIDS
  local now
  now=$(replicas '{.metadata.uid} {.status.containerStatuses[0].ready}' | awk '$2 == "true" { print $1 }')
  [ "$(wc -l <<<"$now")" -eq 3 ] && ! grep -qF "$now" <<<"$1"
}

# Seconds, by what the API server knows: whole ones.
slowest_start() {
  kubectl --namespace "$SYSTEM" get pods --selector app.kubernetes.io/component=webhook --output json | jq '[.items[]
    | select(.metadata.deletionTimestamp == null)
    | (.status.conditions[] | select(.type == "Ready").lastTransitionTime | fromdate)
      - (.status.containerStatuses[0].state.running.startedAt | fromdate)] | max'
}
