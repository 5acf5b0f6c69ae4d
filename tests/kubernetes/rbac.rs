//! What the program's ServiceAccount may do: within one namespace, and nothing more.

use crate::control_plane::ControlPlane;
use serde_json::json;

/// Creates the ServiceAccount of a namespace, with its Role.
pub(crate) async fn grant(plane: &ControlPlane, namespace: &str) {
    let metadata = json!({"name": "ray-history", "namespace": namespace});
    plane.apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})).await;
    plane
        .apply(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
            "rules": [
                {"apiGroups": ["history.ray.io"], "resources": ["rayhistories"], "verbs": ["get", "list", "watch"]},
                {"apiGroups": ["history.ray.io"], "resources": ["rayhistories/status"], "verbs": ["patch"]},
                {"apiGroups": ["ray.io"], "resources": ["rayclusters"], "verbs": ["list", "watch"]},
                {"apiGroups": ["ray.io"], "resources": ["rayjobs", "rayservices"], "verbs": ["get"]},
                {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
                {
                    "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                    "verbs": ["list", "watch", "create", "patch", "delete"]
                },
                {
                    "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["store"],
                    "verbs": ["get", "list", "watch"]
                },
            ],
        }))
        .await;
    plane
        .apply(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "ray-history"},
            "subjects": [{"kind": "ServiceAccount", "name": "ray-history", "namespace": namespace}],
        }))
        .await;
}
