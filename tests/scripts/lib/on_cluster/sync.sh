# shellcheck shell=bash
# What a publisher does reaches every replica by the CronJob. Sourced.

test_sync() {
  local second
  push_app team/web signed 3
  second=$IMAGE_DIGEST
  sign team/web signed "$IMAGE_DIGEST" "$IMAGE_SIZE"
  holds "before a sync, every replica answers as before" all_answer "$REGISTRY/team/web:signed" "@$(archive_digest "$WORK/app-1.tar")"
  holds "a Job of the CronJob syncs" sync_now
  eventually "the tag that moved reaches every replica" 10 all_answer "$REGISTRY/team/web:signed" "@$second"
  publisher key rotate "$REGISTRY/team/web" targets
  publisher key rotate "$REGISTRY/team/web" timestamp --server-managed
  push_app team/web rotated 4
  sign team/web rotated "$IMAGE_DIGEST" "$IMAGE_SIZE"
  holds "a Job of the CronJob syncs what new keys signed" sync_now
  eventually "what they signed reaches every replica" 10 all_answer "$REGISTRY/team/web:rotated" "@$IMAGE_DIGEST"
  holds "a Pod of it is admitted" kubectl --namespace shop run rotated --image "$REGISTRY/team/web:rotated"
  holds "it runs" kubectl --namespace shop wait --for=condition=Ready pod/rotated --timeout 30s
  equals "kubectl get trust shows both tags" "$(trust)" "$REGISTRY/team/web Fresh 2"
}
