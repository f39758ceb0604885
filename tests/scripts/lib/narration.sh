# shellcheck shell=bash
# How the demo talks: step headings, commands as they are run, and the requests it makes. Sourced.

say() { printf '%s\n' "$*"; }
indent() { sed 's/^/    /'; }

step() { # NUMBER TITLE
  if [ -t 1 ]; then
    printf '\n\033[1;36m%s. %s\033[0m\n' "$1" "$2"
  else
    printf '\n%s. %s\n' "$1" "$2"
  fi
}

fail() {
  printf 'demo.sh: %s\n' "$*" >&2
  exit 1
}

# Shows a command without the paths of this run, then runs it.
run() {
  show_command "$@"
  "$@"
}

run_expecting() { # STATUS COMMAND…
  local expected=$1 status=0
  shift
  show_command "$@"
  "$@" || status=$?
  [ "$status" -eq "$expected" ] || fail "exit status $status, expected $expected: $*"
  say "(exit status $status)"
}

show_command() {
  local line="\$ $*"
  line=${line//"$VOUCHSAFE"/vouchsafe}
  printf '%s\n' "${line//"$WORK/"/}"
}

pod() { # IMAGE
  jq -n --arg image "$1" '{apiVersion: "v1", kind: "Pod", metadata: {name: "demo", namespace: "default"},
    spec: {containers: [{name: "app", image: $image}]}}'
}

# stdin: a Pod; stdout: the AdmissionReview of its creation, as an API server sends it.
review_of() {
  jq --arg uid "$(cat /proc/sys/kernel/random/uuid)" '{apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: {
    uid: $uid, kind: {group: "", version: "v1", kind: "Pod"}, resource: {group: "", version: "v1", resource: "pods"},
    requestKind: {group: "", version: "v1", kind: "Pod"}, requestResource: {group: "", version: "v1", resource: "pods"},
    name: .metadata.name, namespace: .metadata.namespace, operation: "CREATE", userInfo: {username: "demo"},
    object: ., oldObject: null, dryRun: false, options: {apiVersion: "meta.k8s.io/v1", kind: "CreateOptions"}}}'
}

# Posts review.json to the webhook; curl repeats the request for a range such as [1-500] in the path.
ask() { # PATH
  curl -fsS --cacert "$WORK/tls/ca.crt" -H 'Content-Type: application/json' --data-binary "@$WORK/review.json" "$WEBHOOK/$1"
}

expect() { # JQ-FILTER COMPLAINT
  jq -e "$1" "$WORK/answer.json" >/dev/null || fail "$2"
}

# stdin: Prometheus text; stdout: count, mean, and the bucket that holds the 50th and 99th percentile of each duration.
latency_summary() {
  awk '
    /^#/ || !/_seconds(_bucket|_sum|_count)/ { next }
    {
      split($1, part, "{"); name = part[1]; labels = part[2]; sub(/}$/, "", labels)
      if (name ~ /_bucket$/) {
        match(labels, /le="[^"]*"/); bound = substr(labels, RSTART + 4, RLENGTH - 5)
        sub(/,?le="[^"]*"/, "", labels); sub(/^,/, "", labels); sub(/_bucket$/, "", name)
        series = name "{" labels "}"; buckets[series] = buckets[series] bound " " $2 "\n"
      } else if (name ~ /_sum$/) { sub(/_sum$/, "", name); sum[name "{" labels "}"] = $2 }
      else { sub(/_count$/, "", name); count[name "{" labels "}"] = $2 }
    }
    END {
      for (series in count) if (count[series] > 0)
        printf "%s  count %d  mean %.0f µs  p50 ≤ %s  p99 ≤ %s\n", series, count[series],
          1e6 * sum[series] / count[series], bucket(series, 0.5), bucket(series, 0.99)
    }
    function bucket(series, share,    line, lines, n, i) {
      n = split(buckets[series], lines, "\n")
      for (i = 1; i < n; i++) {
        split(lines[i], line, " ")
        if (line[2] >= share * count[series]) return line[1] == "+Inf" ? "∞" : sprintf("%.0f µs", 1e6 * line[1])
      }
    }' | sort
}
