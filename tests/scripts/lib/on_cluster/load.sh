#!/usr/bin/env bash
# Has an API server judge a Pod again and again, as a dry run, over a connection that is kept, until a file is there. Then
# prints how many answers were right, how many wrong, how many requests failed, and how many no API server took; one line for
# each way to fail follows.
#
#   usage: load.sh signed|unsigned IMAGE DIGEST URL CREDENTIALS UNTIL   in the cluster's network; CREDENTIALS is a folder
#                                                                       with client.crt, client.key and ca.crt
set -euo pipefail

KIND=$1 IMAGE=$2 DIGEST=$3 SERVER=$4 CREDENTIALS=$5 UNTIL=$6
ANSWERS=$UNTIL.$KIND

: >"$ANSWERS"
until [ -e "$UNTIL" ]; do
  # Every answer ends in a line that begins with a tab. A client that is not known to be curl gets JSON in one line.
  curl -sS --max-time 10 --cert "$CREDENTIALS/client.crt" --key "$CREDENTIALS/client.key" --cacert "$CREDENTIALS/ca.crt" \
    -A load -H 'Content-Type: application/json' -w '\n\t%{http_code} %{errormsg}\n' --data-binary @- \
    "$SERVER/api/v1/namespaces/default/pods?dryRun=All&n=[1-20]" >>"$ANSWERS" 2>>"$ANSWERS.errors" <<JSON || sleep 0.1
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "load"}, "spec": {"containers": [{"name": "app", "image": "$IMAGE"}]}}
JSON
done

# A signed Pod that no replica was asked to pin is then denied as not pinned: that failed, and is no wrong answer.
awk -v kind="$KIND" -v digest="@$DIGEST" '
  !/^\t/ { body = body $0; next }
  {
    code = substr($0, 2, 3)
    if (code == "000" || body ~ /apiserver is shutting down/) verdict = "unheard"
    else if (kind == "unsigned") verdict = code == 201 ? "wrong" : body ~ /vouchsafe\.dev\\" denied the request/ ? "right" : "failed"
    else if (code == 201) verdict = index(body, digest) ? "right" : "wrong"
    else verdict = body ~ /mutate\.vouchsafe\.dev\\" denied the request/ ? "wrong" : "failed"
    count[verdict]++
    if (verdict == "wrong" || verdict == "failed") {
      why = code " " (match(body, /"message":"([^"\\]|\\.)*"/) ? substr(body, RSTART + 11, RLENGTH - 12) : body)
      gsub(/[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+:[0-9]+/, "ADDRESS", why)
      ways[verdict " " substr(why, 1, 240)]++
    }
    body = ""
  }
  END {
    printf "%d %d %d %d\n", count["right"], count["wrong"], count["failed"], count["unheard"]
    for (way in ways) print ways[way], way
  }' "$ANSWERS"
