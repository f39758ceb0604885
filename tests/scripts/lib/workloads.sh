# shellcheck shell=bash
# Manifests of what is recorded: a small shop. Sourced.

REGISTRY=registry.example.com

pod_spec() {
  jq -n --arg registry "$REGISTRY" '
    def container(name; image): {name: name, image: "\($registry)/\(image)",
      resources: {requests: {cpu: "100m", memory: "64Mi"}, limits: {memory: "128Mi"}}};
    {volumes: [{name: "models", image: {reference: "\($registry)/shop/models:2026-11", pullPolicy: "IfNotPresent"}},
        {name: "config", configMap: {name: "shop"}}],
      initContainers: [container("migrate"; "shop/migrate:1.4.2")],
      containers: [container("app"; "shop/app:1.4.2") + {ports: [{containerPort: 8080, name: "http"}],
        volumeMounts: [{name: "models", mountPath: "/models"}, {name: "config", mountPath: "/etc/shop"}]}]}'
}

# A Pod has a second container of the same image besides.
pod() { # NAME
  jq -n --arg name "$1" --argjson spec "$(pod_spec)" '{apiVersion: "v1", kind: "Pod",
    metadata: {$name, labels: {"app.kubernetes.io/name": $name, "app.kubernetes.io/part-of": "store"}},
    spec: ($spec | .containers += [.containers[0] | {name: "worker", image, resources, args: ["work"]}])}'
}

generated_pod() {
  pod generated | jq '.metadata |= (.generateName = "shop-" | del(.name))'
}

# As the controller of ReplicaSets makes it.
owned_pod() { # UID
  jq -n --arg uid "$1" --argjson spec "$(pod_spec)" '{apiVersion: "v1", kind: "Pod", metadata: {generateName: "shop-",
      labels: {app: "shop"}, ownerReferences: [{apiVersion: "apps/v1", kind: "ReplicaSet", name: "shop", $uid,
        controller: true, blockOwnerDeletion: true}]}, $spec}'
}

list_of() { # MANIFEST…
  jq -n '{apiVersion: "v1", kind: "List", items: $ARGS.positional}' --jsonargs "$@"
}

# stdin: a manifest; stdout: the same with another version of the application.
with_app() { # TAG
  jq --arg image "$REGISTRY/shop/app:$1" '(.. | objects | select(.name == "app" and has("image")) | .image) = $image'
}

templated() { # KIND
  jq -n --arg kind "$1" --argjson spec "$(pod_spec)" '{app: "shop"} as $labels | {
    apiVersion: (if $kind == "ReplicationController" then "v1" else "apps/v1" end), $kind, metadata: {name: "shop", $labels},
    spec: ({template: {metadata: {$labels}, $spec},
        selector: (if $kind == "ReplicationController" then $labels else {matchLabels: $labels} end)}
      + (if $kind == "DaemonSet" then {} else {replicas: 2} end)
      + (if $kind == "StatefulSet" then {serviceName: "shop"} else {} end))}'
}

pod_template() {
  jq -n --argjson spec "$(pod_spec)" '{apiVersion: "v1", kind: "PodTemplate", metadata: {name: "shop"},
    template: {metadata: {labels: {app: "shop"}}, $spec}}'
}

job_spec() {
  jq -n --arg image "$REGISTRY/shop/report:3" '{suspend: true,
    template: {spec: {restartPolicy: "OnFailure", containers: [{name: "report", $image}]}}}'
}

job() {
  jq -n --argjson spec "$(job_spec)" '{apiVersion: "batch/v1", kind: "Job", metadata: {name: "report"}, $spec}'
}

cron_job() {
  jq -n --argjson spec "$(job_spec)" '{apiVersion: "batch/v1", kind: "CronJob", metadata: {name: "report"},
    spec: {schedule: "15 3 * * *", jobTemplate: {$spec}}}'
}

binding() { # POD
  jq -n --arg name "$1" '{apiVersion: "v1", kind: "Binding", metadata: {$name},
    target: {apiVersion: "v1", kind: "Node", name: "worker-1"}}'
}

eviction() { # POD
  jq -n --arg name "$1" '{apiVersion: "policy/v1", kind: "Eviction", metadata: {$name}}'
}

# Somebody else's API group with a kind that is called Pod.
custom_pod_definition() {
  jq -n '{apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: {name: "pods.example.com"},
    spec: {group: "example.com", scope: "Namespaced", names: {plural: "pods", singular: "pod", kind: "Pod"},
      versions: [{name: "v1", served: true, storage: true,
        schema: {openAPIV3Schema: {type: "object", "x-kubernetes-preserve-unknown-fields": true}}}]}}'
}

custom_pod() {
  jq -n --arg image "$REGISTRY/shop/app:1.4.2" '{apiVersion: "example.com/v1", kind: "Pod", metadata: {name: "whales"},
    spec: {containers: [{name: "app", $image}]}}'
}
