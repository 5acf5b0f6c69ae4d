"""The examples of the documentation: a bucket of MinIO, Argo CD and Flux."""

import re

from e2e.harness import manifests
from e2e.harness.server import REPOSITORY

RAY = "/tmp/ray"  # noqa: S108
"""The folder of Ray's logs and sockets in its container."""


def test_the_example_of_minio_writes_where_it_reads():
    objects = manifests.kustomized("minio")

    def find(kind, name=None):
        (found,) = [each for each in objects if each["kind"] == kind and name in (None, each["metadata"]["name"])]
        return found

    read = find("RayHistory")["spec"]["storage"]["s3"]
    keys = find("Secret", read["credentialsSecretRef"]["name"])["stringData"]
    written = find("Secret", "minio")["stringData"]
    assert (keys["accessKeyId"], keys["secretAccessKey"]) == (written["user"], written["password"])
    service = find("Service", "minio")
    host = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc:{service['spec']['ports'][0]['port']}"
    assert read["endpoint"] == f"http://{host}"
    cluster = find("RayCluster")["spec"]
    pods = {"Head": cluster["headGroupSpec"]["template"]["spec"]}
    pods["Worker"] = cluster["workerGroupSpecs"][0]["template"]["spec"]
    for role, pod in pods.items():
        ray, collector = pod["containers"]
        env = [{each["name"]: each.get("value") for each in container["env"]} for container in (ray, collector)]
        assert env[1]["RAY_ROLE"] == role
        assert (env[1]["S3_BUCKET"], env[1]["S3_ENDPOINT"]) == (read["bucket"], host)
        assert env[1]["S3FORCE_PATH_STYLE"] == str(read["forcePathStyle"]).lower()
        assert env[0]["RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES"] == "ALL"
        mounts = [container["volumeMounts"] for container in (ray, collector)]
        assert mounts[0] == mounts[1] == [{"name": pod["volumes"][0]["name"], "mountPath": RAY}]
        page = (REPOSITORY / "docs" / "collecting.md").read_text()
        assert not [name for name in {**env[0], **env[1]} if f"`{name}`" not in page]


GITOPS = (REPOSITORY / "docs" / "gitops.md").read_text()


def test_the_gitops_page_installs_the_definition_first():
    blocks = [manifests.documents(text) for text in re.findall(r"```yaml\n(.*?)```", GITOPS, re.DOTALL)]
    (argo,), _, (definition, release), (flux,) = blocks
    chosen = argo["spec"]["source"]["helm"]["valuesObject"]
    waves = {
        each["kind"]: int(each["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave", 0))
        for each in manifests.rendered(chosen)
    }
    assert waves["CustomResourceDefinition"] < waves["Deployment"] < waves["RayHistory"]
    assert (REPOSITORY / argo["spec"]["source"]["path"]).is_dir()
    assert release["spec"]["dependsOn"] == [{"name": definition["metadata"]["name"]}]
    assert manifests.built(REPOSITORY / definition["spec"]["path"]) == [manifests.own_definition()]
    kinds = {each["kind"] for each in manifests.rendered(flux["spec"]["values"])}
    assert "RayHistory" in kinds
    assert "CustomResourceDefinition" not in kinds
