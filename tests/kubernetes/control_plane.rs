//! A real API server with its etcd, on loopback ports of their own.

use crate::audit::{self, Request};
use crate::common::process::Process;
use crate::common::stores::free_port;
use crate::people;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::discovery::ApiResource;
use kube::{Client, Config};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const ADMIN: &str = "admin-of-a-test-on-loopback";

/// One Kubernetes cluster, as far as a controller sees it.
pub(crate) struct ControlPlane {
    server: Option<Process>,
    etcd: Process,
    etcd_port: u16,
    port: u16,
    flags: Vec<&'static str>,
    client: Option<Client>,
    // After the processes that write into it.
    dir: TempDir,
}

impl ControlPlane {
    /// Starts one, with the definitions of `RayHistory` and of KubeRay's kinds, and with more flags of the API
    /// server.
    pub(crate) async fn start(flags: &[&'static str]) -> Self {
        let plane = Self::bare(flags).await;
        plane.define_ours().await;
        plane.define_ray().await;
        plane
    }

    /// Starts one that knows Kubernetes' own kinds only.
    pub(crate) async fn bare(flags: &[&'static str]) -> Self {
        let dir = TempDir::new().unwrap();
        let (etcd_port, peer_port, port) = (free_port(), free_port(), free_port());
        let key = dir.path().join("sa.key");
        let made = Command::new("openssl")
            .args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"])
            .arg(&key)
            .status()
            .expect("the tests need openssl");
        assert!(made.success());
        let tokens = format!("{ADMIN},admin,admin,\"system:masters\"\n{}", people::tokens());
        std::fs::write(dir.path().join("tokens.csv"), tokens).unwrap();
        std::fs::write(dir.path().join("audit.yaml"), audit::POLICY).unwrap();
        let (client_url, peer_url) = (format!("http://127.0.0.1:{etcd_port}"), format!("http://127.0.0.1:{peer_port}"));
        let mut etcd = Command::new(binary("etcd"));
        etcd.args(["--name", "test", "--unsafe-no-fsync", "--log-level", "warn"])
            .args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
            .args(["--initial-cluster", &format!("test={peer_url}"), "--data-dir"])
            .arg(dir.path().join("etcd"));
        let etcd = Process::start(&mut etcd);
        let flags = flags.to_vec();
        let mut plane = Self { dir, etcd_port, port, flags, etcd, server: None, client: None };
        plane.start_server().await;
        plane
    }

    /// Starts the API server, and waits until it is ready.
    pub(crate) async fn start_server(&mut self) {
        assert!(self.etcd.runs(), "etcd ended: {}", self.etcd.tail());
        let dir = self.dir.path();
        let mut server = Command::new(binary("kube-apiserver"));
        server
            .arg(format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port))
            .arg(format!("--secure-port={}", self.port))
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--authorization-mode=RBAC"])
            .arg(format!("--cert-dir={}", dir.display()))
            .arg(format!("--token-auth-file={}/tokens.csv", dir.display()))
            .arg(format!("--service-account-key-file={}/sa.key", dir.display()))
            .arg(format!("--service-account-signing-key-file={}/sa.key", dir.display()))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .args(["--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none"])
            .args(["--disable-admission-plugins=ServiceAccount", "--shutdown-watch-termination-grace-period=2s"])
            .arg(format!("--audit-policy-file={}/audit.yaml", dir.display()))
            .arg(format!("--audit-log-path={}/audit.log", dir.display()))
            .args(&self.flags);
        let process = Process::start(&mut server);
        let deadline = Instant::now() + Duration::from_secs(180);
        loop {
            if self.dir.path().join("apiserver.crt").exists()
                && let Ok(client) = self.connect()
                && client.request_text(http::Request::get("/readyz").body(Vec::new()).unwrap()).await.is_ok()
            {
                (self.client, self.server) = (Some(client), Some(process));
                return;
            }
            assert!(Instant::now() < deadline, "the API server does not start: {}", process.tail());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Kills the API server; what it stores stays.
    pub(crate) fn stop_server(&mut self) {
        self.server = None;
    }

    /// Compacts etcd: no version but the last of each object can be asked for any more.
    pub(crate) async fn compact(&self) {
        let url = format!("http://127.0.0.1:{}/v3", self.etcd_port);
        let client = reqwest::Client::new();
        let status: Value =
            client.post(format!("{url}/maintenance/status")).body("{}").send().await.unwrap().json().await.unwrap();
        let body = json!({"revision": status["header"]["revision"], "physical": true}).to_string();
        let done = client.post(format!("{url}/kv/compaction")).body(body).send().await.unwrap();
        assert!(done.status().is_success(), "{}", done.text().await.unwrap());
    }

    /// Returns a client that may do everything.
    pub(crate) fn admin(&self) -> Client {
        self.client.clone().unwrap()
    }

    /// Returns the port of the API server.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn connect(&self) -> anyhow::Result<Client> {
        let kubeconfig = serde_json::from_value(self.kubeconfig(ADMIN, "default", self.port))?;
        let options = kube::config::KubeConfigOptions::default();
        let load = Config::from_custom_kubeconfig(kubeconfig, &options);
        Ok(Client::try_from(futures_util::FutureExt::now_or_never(load).unwrap()?)?)
    }

    fn kubeconfig(&self, token: &str, namespace: &str, port: u16) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": format!("https://127.0.0.1:{port}"),
                "certificate-authority": self.dir.path().join("apiserver.crt"),
            }}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        })
    }

    /// Writes a kubeconfig file for a ServiceAccount, with a new token, for an API server that is reached at a port.
    pub(crate) async fn kubeconfig_of(&self, namespace: &str, account: &str, port: u16) -> PathBuf {
        use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
        use k8s_openapi::api::core::v1::ServiceAccount;
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin(), namespace);
        let request = TokenRequest { spec: Some(TokenRequestSpec::default()), ..TokenRequest::default() };
        let token = accounts.create_token_request(account, &PostParams::default(), &request).await.unwrap();
        let path = self.dir.path().join(format!("{namespace}-{account}-{port}.kubeconfig"));
        let text = self.kubeconfig(&token.status.unwrap().token.unwrap(), namespace, port).to_string();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Creates or changes an object of any kind, as `kubectl apply --server-side` does.
    pub(crate) async fn apply(&self, object: Value) -> DynamicObject {
        let named = format!("{} {}", object["kind"], object["metadata"]["name"]);
        self.try_apply(object).await.unwrap_or_else(|error| panic!("{named}: {error}"))
    }

    /// Does the same as [`Self::apply`], and returns the API server's error.
    pub(crate) async fn try_apply(&self, object: Value) -> kube::Result<DynamicObject> {
        let api = self.api(&object);
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(object)).await
    }

    /// Removes an object, if it is there.
    pub(crate) async fn delete(&self, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        match self.api(object).delete(name, &kube::api::DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => drop(other.unwrap()),
        }
    }

    /// Returns the API of an object's kind, in its namespace.
    pub(crate) fn api(&self, object: &Value) -> Api<DynamicObject> {
        let text = |name: &str| object[name].as_str().unwrap().to_owned();
        let (group, version) = match text("apiVersion").split_once('/') {
            Some((group, version)) => (group.to_owned(), version.to_owned()),
            None => (String::new(), text("apiVersion")),
        };
        let mut resource = ApiResource::from_gvk(&kube::core::GroupVersionKind { group, version, kind: text("kind") });
        if resource.kind == "RayHistory" {
            resource.plural = "rayhistories".to_owned();
        }
        match object["metadata"]["namespace"].as_str() {
            Some(namespace) => Api::namespaced_with(self.admin(), namespace, &resource),
            None => Api::all_with(self.admin(), &resource),
        }
    }

    /// Creates a namespace.
    pub(crate) async fn namespace(&self, name: &str) {
        let namespaces: Api<Namespace> = Api::all(self.admin());
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    }

    /// Returns the requests that `ServiceAccounts` of a namespace have made so far.
    pub(crate) fn requests_from(&self, namespace: &str) -> Vec<Request> {
        audit::read(&self.dir.path().join("audit.log"), namespace)
    }

    /// Defines `RayHistory`, as `crds/` does.
    pub(crate) async fn define_ours(&self) {
        let definition = serde_json::to_value(ray_history_settings::crd::definition()).unwrap();
        self.define(definition, "/apis/history.ray.io/v1alpha1/rayhistories").await;
    }

    /// Defines KubeRay's kinds, each with a schema that takes anything: no field may be malformed enough to matter.
    pub(crate) async fn define_ray(&self) {
        for (plural, kind) in [("rayclusters", "RayCluster"), ("rayjobs", "RayJob"), ("rayservices", "RayService")] {
            self.define_kind("ray.io", "v1", plural, kind).await;
        }
    }

    /// Defines the Workloads of Kueue in the same way.
    pub(crate) async fn define_kueue(&self) {
        self.define_kind("kueue.x-k8s.io", "v1beta1", "workloads", "Workload").await;
    }

    async fn define_kind(&self, group: &str, version: &str, plural: &str, kind: &str) {
        let mut definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": {"plural": plural, "kind": kind},
                "versions": [{
                    "name": version, "served": true, "storage": true, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                }],
            },
        });
        if group.ends_with(".k8s.io") {
            // The API server asks for it in groups of Kubernetes' own.
            let approval = json!({"api-approved.kubernetes.io": "unapproved, for a test"});
            definition["metadata"]["annotations"] = approval;
        }
        self.define(definition, &format!("/apis/{group}/{version}/{plural}")).await;
    }

    /// Applies a definition, and waits until what it defines is served.
    async fn define(&self, definition: Value, path: &str) {
        self.apply(definition).await;
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.admin().request_text(http::Request::get(path).body(Vec::new()).unwrap()).await.is_err() {
            assert!(Instant::now() < deadline, "{path} is not served");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Returns the path of a program of the control plane; a missing one fails the test, which is never skipped.
fn binary(name: &str) -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".cache/control-plane");
    let dir = std::env::var_os("KUBEBUILDER_ASSETS").map_or_else(built, PathBuf::from);
    let path = dir.join(name);
    assert!(path.exists(), "{} is missing: `make control-plane` builds it", path.display());
    path
}
