//! A real API server with its etcd, on loopback ports of their own, ended by their own process ids.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::discovery::ApiResource;
use kube::{Client, Config};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const ADMIN: &str = "admin-of-a-test-on-loopback";

/// One cluster's control plane.
pub(crate) struct ControlPlane {
    dir: TempDir,
    etcd_port: u16,
    port: u16,
    etcd: Process,
    server: Option<Process>,
}

/// A process that ends with its value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl ControlPlane {
    /// Starts one, with the definitions of `RayHistory` and of KubeRay's kinds.
    pub(crate) async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let (etcd_port, peer_port, port) = (free_port(), free_port(), free_port());
        let key = dir.path().join("sa.key");
        let made = Command::new("openssl")
            .args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"])
            .arg(&key)
            .status()
            .expect("the tests need openssl");
        assert!(made.success());
        std::fs::write(dir.path().join("tokens.csv"), format!("{ADMIN},admin,admin,\"system:masters\"\n")).unwrap();
        let (client_url, peer_url) = (format!("http://127.0.0.1:{etcd_port}"), format!("http://127.0.0.1:{peer_port}"));
        let mut etcd = Command::new(binary("etcd"));
        etcd.args(["--name", "test", "--unsafe-no-fsync", "--log-level", "warn"])
            .args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
            .args(["--initial-cluster", &format!("test={peer_url}"), "--data-dir"])
            .arg(dir.path().join("etcd"));
        let etcd = spawn(etcd, &dir.path().join("etcd.log"));
        let mut plane = Self { dir, etcd_port, port, etcd, server: None };
        plane.start_server().await;
        plane.define().await;
        plane
    }

    /// Starts the API server, and waits until it is ready.
    pub(crate) async fn start_server(&mut self) {
        assert!(self.etcd.0.try_wait().unwrap().is_none(), "etcd ended: {}", self.log("etcd"));
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
            .arg(format!("--audit-log-path={}/audit.log", dir.display()));
        let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\n\
                      rules: [{level: Metadata}]\n";
        std::fs::write(dir.join("audit.yaml"), policy).unwrap();
        self.server = Some(spawn(server, &dir.join("kube-apiserver.log")));
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            if self.dir.path().join("apiserver.crt").exists()
                && let Ok(client) = self.try_admin()
                && client.request_text(http::Request::get("/readyz").body(Vec::new()).unwrap()).await.is_ok()
            {
                return;
            }
            assert!(Instant::now() < deadline, "the API server does not start: {}", self.log("kube-apiserver"));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Kills the API server; what it stores stays.
    pub(crate) fn stop_server(&mut self) {
        self.server = None;
    }

    /// A client that may do everything.
    pub(crate) fn admin(&self) -> Client {
        self.try_admin().unwrap()
    }

    fn try_admin(&self) -> anyhow::Result<Client> {
        let kubeconfig = serde_json::from_value(self.kubeconfig(ADMIN, "default"))?;
        let options = kube::config::KubeConfigOptions::default();
        let load = Config::from_custom_kubeconfig(kubeconfig, &options);
        Ok(Client::try_from(futures_util::FutureExt::now_or_never(load).unwrap()?)?)
    }

    fn kubeconfig(&self, token: &str, namespace: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": format!("https://127.0.0.1:{}", self.port),
                "certificate-authority": self.dir.path().join("apiserver.crt"),
            }}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        })
    }

    /// A kubeconfig file for a ServiceAccount, with a token of its own.
    pub(crate) async fn kubeconfig_of(&self, namespace: &str, account: &str) -> PathBuf {
        use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
        use k8s_openapi::api::core::v1::ServiceAccount;
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin(), namespace);
        let request = TokenRequest { spec: Some(TokenRequestSpec::default()), ..TokenRequest::default() };
        let token = accounts.create_token_request(account, &PostParams::default(), &request).await.unwrap();
        let path = self.dir.path().join(format!("{namespace}-{account}.kubeconfig"));
        let text = self.kubeconfig(&token.status.unwrap().token.unwrap(), namespace).to_string();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Creates or changes an object of any kind, as `kubectl apply --server-side` does.
    pub(crate) async fn apply(&self, object: Value) -> DynamicObject {
        let api = self.api(&object);
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(object)).await.unwrap()
    }

    /// The API of an object's kind, in its namespace.
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

    /// Requests of a user that the API server has answered so far: verb and path.
    pub(crate) fn requests_of(&self, user: &str) -> Vec<(String, String)> {
        let log = std::fs::read_to_string(self.dir.path().join("audit.log")).unwrap_or_default();
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of_user = entries.filter(|entry| entry["user"]["username"] == user);
        of_user.map(|entry| (text(&entry["verb"]), text(&entry["requestURI"]))).collect()
    }

    async fn define(&self) {
        let history: Value = serde_json::to_value(ray_history::crd::definition()).unwrap();
        self.apply(history).await;
        for (plural, kind) in [("rayclusters", "RayCluster"), ("rayjobs", "RayJob"), ("rayservices", "RayService")] {
            self.apply(json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": format!("{plural}.ray.io")},
                "spec": {
                    "group": "ray.io", "scope": "Namespaced",
                    "names": {"plural": plural, "kind": kind},
                    "versions": [{
                        "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                    }],
                },
            }))
            .await;
        }
        // Accepted is not served yet.
        for path in
            ["/apis/history.ray.io/v1alpha1/rayhistories", "/apis/ray.io/v1/rayclusters", "/apis/ray.io/v1/rayjobs"]
        {
            let deadline = Instant::now() + Duration::from_secs(30);
            while self.admin().request_text(http::Request::get(path).body(Vec::new()).unwrap()).await.is_err() {
                assert!(Instant::now() < deadline, "{path} is not served");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    fn log(&self, name: &str) -> String {
        let log = std::fs::read_to_string(self.dir.path().join(format!("{name}.log"))).unwrap_or_default();
        log.lines().rev().take(20).collect::<Vec<_>>().join("\n")
    }
}

fn spawn(mut command: Command, log: &Path) -> Process {
    let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
    let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
    Process(child.unwrap())
}

/// A program of the control plane. There is no test without it: what was not run was not tested.
fn binary(name: &str) -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".cache/control-plane");
    let dir = std::env::var_os("KUBEBUILDER_ASSETS").map_or_else(built, PathBuf::from);
    let path = dir.join(name);
    assert!(path.exists(), "{} is missing: `make control-plane` builds it", path.display());
    path
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
