"""The manifests: what Kubernetes' schemas say of them, and who may speak to whom by their policies.

No cluster is asked: what a policy means is computed here, as networking.k8s.io/v1 has it (what no policy selects is
open; of what one selects, only what a rule names). Once: they are read as YAML.
"""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from addons.launcher import FLUSH_SECONDS
from config.load import load
from tests.docker.composed import DOCKER
from tests.docker.page import commands

pytestmark = pytest.mark.once

FOLDER = DOCKER / "kubernetes"
PAGE = FOLDER / "README.md"
VERSIONS = ["1.27", "1.31", "1.37"]
LEMMY, FILTER, PICTRS, OTHER = {"app": "lemmy"}, {"app": "pictrs-filter"}, {"app": "pictrs"}, {"app": "postgres"}
DNS = {"k8s-app": "kube-dns"}


def manifests(name: str) -> list[dict[str, Any]]:
    """The documents of a file."""
    return list(yaml.safe_load_all((FOLDER / name).read_text("utf-8")))


def of(kind: str) -> dict[str, dict[str, Any]]:
    """Name: document, of a kind, in all files."""
    every = [each for path in sorted(FOLDER.glob("*.yaml")) for each in manifests(path.name)]
    return {each["metadata"]["name"]: each for each in every if each["kind"] == kind}


def pod() -> dict[str, Any]:
    """The filter's."""
    template: dict[str, Any] = of("Deployment")["pictrs-filter"]["spec"]["template"]
    return template


def container() -> dict[str, Any]:
    """The filter's."""
    (only,) = pod()["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector holds; one that says nothing holds for all."""
    assert set(selector) <= {"matchLabels"}
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def peer(rule: dict[str, Any], labels: dict[str, str] | str, namespace: str) -> bool:
    """Whether one `from` or `to` holds for a pod (its labels) or for an address outside."""
    if "ipBlock" in rule:
        block = rule["ipBlock"]
        if not isinstance(labels, str):
            return False  # the ranges of pods are private ones
        address = ipaddress.ip_address(labels)
        inside, *without = (address in ipaddress.ip_network(each) for each in (block["cidr"], *block["except"]))
        return inside and not any(without)
    if isinstance(labels, str):
        return False
    wanted = rule.get("namespaceSelector")
    names = {"kubernetes.io/metadata.name": namespace}
    return (namespace == "lemmy" if wanted is None else selects(wanted, names)) and selects(rule["podSelector"], labels)


def allowed(
    way: str, subject: dict[str, str], other: dict[str, str] | str, port: int, protocol: str, where: str
) -> bool:
    """Whether `subject` may be asked by (Ingress) or ask (Egress) another, at a port of the one that is asked."""
    field = {"Ingress": "from", "Egress": "to"}[way]
    policies = [each["spec"] for each in of("NetworkPolicy").values() if selects(each["spec"]["podSelector"], subject)]
    policies = [each for each in policies if way in each["policyTypes"]]
    at = {"protocol": protocol, "port": port}
    return not policies or any(
        at in rule["ports"] and any(peer(each, other, where) for each in rule[field])
        for policy in policies
        for rule in policy[way.lower()]
    )


def speaks(
    one: dict[str, str], other: dict[str, str] | str, port: int, protocol: str = "TCP", where: str = "lemmy"
) -> bool:
    """Whether a connection comes about: it must be allowed at both ends. An address outside has no policies."""
    out = allowed("Egress", one, other, port, protocol, where)
    return out and (
        isinstance(other, str) or where != "lemmy" or allowed("Ingress", other, one, port, protocol, "lemmy")
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_the_schemas_hold(path: Path, version: str) -> None:
    documents = manifests(path.name)
    assert documents
    for each in documents:
        kubernetes_validate.validate(each, version, strict=True)


def test_a_misspelt_field_would_be_seen() -> None:
    spoilt = manifests("pictrs-filter.yaml")[2]
    spoilt["spec"]["template"]["spec"]["containers"][0]["readinessprobe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(spoilt, VERSIONS[-1], strict=True)


@pytest.mark.parametrize(
    ("one", "other", "port", "may"),
    [
        (LEMMY, FILTER, 8080, True),
        (LEMMY, PICTRS, 8080, False),  # past the filter
        (LEMMY, FILTER, 8082, False),
        (LEMMY, FILTER, 8083, False),
        (OTHER, FILTER, 8080, False),
        (OTHER, FILTER, 8083, False),
        (OTHER, PICTRS, 8080, False),
        (FILTER, PICTRS, 8080, True),
        (PICTRS, FILTER, 8082, True),
        (PICTRS, FILTER, 8080, False),
        (PICTRS, FILTER, 8083, False),
        (PICTRS, LEMMY, 8536, False),
        (PICTRS, OTHER, 5432, False),
        (PICTRS, "93.184.216.34", 443, False),  # no way out
        (PICTRS, "2606:2800:220:1::1", 443, False),
        (FILTER, "93.184.216.34", 443, True),
        (FILTER, "93.184.216.34", 80, True),
        (FILTER, "93.184.216.34", 22, False),
        (FILTER, "2606:2800:220:1::1", 443, True),
        (FILTER, "169.254.169.254", 80, False),  # a cloud's metadata
        (FILTER, "10.96.0.1", 443, False),  # the cluster's API
        (FILTER, "fd00::1", 443, False),
        (FILTER, OTHER, 5432, False),
    ],
)
def test_who_reaches_whom(one: dict[str, str], other: dict[str, str] | str, port: int, may: bool) -> None:
    assert speaks(one, other, port) is may


@pytest.mark.parametrize("one", [FILTER, PICTRS], ids=str)
def test_both_may_ask_the_clusters_dns_and_nothing_else_in_its_namespace(one: dict[str, str]) -> None:
    assert speaks(one, DNS, 53, "UDP", "kube-system")
    assert speaks(one, DNS, 53, "TCP", "kube-system")
    assert not speaks(one, DNS, 53, "UDP", "elsewhere")
    assert not speaks(one, OTHER, 443, "TCP", "kube-system")


def test_names_ports_and_labels_meet() -> None:
    services = {name: each["spec"] for name, each in of("Service").items()}
    labels, ports = pod()["metadata"]["labels"], {each["name"]: each["containerPort"] for each in container()["ports"]}
    assert ports == {"http": 8080, "callback": 8082, "admin": 8083}
    assert of("Deployment")["pictrs-filter"]["spec"]["selector"]["matchLabels"] == labels
    found = {
        name: (
            spec["selector"],
            {each["port"]: ports.get(each["targetPort"], each["targetPort"]) for each in spec["ports"]},
        )
        for name, spec in services.items()
    }
    assert found == {
        "pictrs": (labels, {8080: 8080}),  # the name that Lemmy asks for is the filter
        "pictrs-filter": (labels, {8080: 8080, 8082: 8082}),
        "pictrs-upstream": (PICTRS, {8080: 8080}),
    }
    told = {each["name"]: each["value"] for each in container()["env"]}
    assert told == {
        "PICTRS_FILTER_UPSTREAM": "http://pictrs-upstream:8080",
        "PICTRS_FILTER_CALLBACK_URL": "http://pictrs-filter:8082",
    }
    for spec in services.values():
        assert spec.get("type", "ClusterIP") == "ClusterIP"  # nothing is published


def test_the_pod_is_confined() -> None:
    spec = pod()["spec"]
    given = spec["securityContext"]
    assert (given["runAsNonRoot"], given["runAsUser"], given["runAsGroup"], given["fsGroup"]) == (True, *[10001] * 3)
    assert (given["fsGroupChangePolicy"], given["seccompProfile"]) == ("OnRootMismatch", {"type": "RuntimeDefault"})
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    mounts = {each["mountPath"]: each for each in container()["volumeMounts"]}
    assert set(mounts) == {"/etc/pictrs-filter", "/var/lib/pictrs-filter", "/var/cache/pictrs-filter", "/tmp"}
    assert {each["name"] for each in mounts.values()} == {each["name"] for each in spec["volumes"]}


def test_probes_ask_what_there_is_and_what_answers_while_the_model_is_loaded() -> None:
    app = (DOCKER.parent / "addons" / "page" / "app.py").read_text("utf-8")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container()[probe]["httpGet"]
        assert asked == {"path": "/healthz", "port": "admin"}
        assert f'Route("{asked["path"]}", views.alive)' in app


def test_the_configuration_is_sound_and_begins_in_shadow_mode(tmp_path: Path) -> None:
    (name, text), *others = of("ConfigMap")["pictrs-filter"]["data"].items()
    assert (name, others) == ("filter.yaml", [])
    path = tmp_path / name
    path.write_text(text)
    settings = load(path).settings
    assert settings.mode == "shadow"
    assert settings.deadline_seconds + 2 * FLUSH_SECONDS < pod()["spec"]["terminationGracePeriodSeconds"]


def test_the_pages_line_names_the_image(tmp_path: Path) -> None:
    *_, line = commands(PAGE, "1. The image")[0].splitlines()
    copy = tmp_path / "docker" / "kubernetes" / "pictrs-filter.yaml"
    copy.parent.mkdir(parents=True)
    copy.write_text((FOLDER / copy.name).read_text("utf-8"))
    assert line.startswith("sed -i ")
    subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True)
    (only,) = re.findall(r"(?m)^ +image: (\S+)", copy.read_text())
    assert f"docker push {only}\n" in PAGE.read_text("utf-8")


def test_the_way_back_takes_back_what_was_set() -> None:
    """Above all that pict-rs may ask local addresses, which is safe behind the filter only."""
    text = PAGE.read_text("utf-8")
    (back,) = commands(PAGE, "The way back")
    set_before = re.findall(r"kubectl -n lemmy set env (\S+) (\w+)=", text)
    assert [name for _, name in set_before] == ["PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS"]
    assert re.findall(r"kubectl -n lemmy set env (\S+) (\w+)-$", back, re.MULTILINE) == set_before
    deleted = re.findall(r"delete -f docker/kubernetes/(\S+)", back)
    assert {*deleted, "pictrs.yaml"} == {path.name for path in FOLDER.glob("*.yaml")}  # that one is patched


def test_what_the_page_says_fits_the_files() -> None:
    text = PAGE.read_text("utf-8")
    assert f"Kubernetes {VERSIONS[0]} to {VERSIONS[-1]}" in text
    for name in re.findall(r"docker/kubernetes/([\w.-]+)", text):
        assert (FOLDER / name).is_file(), name
    (back,) = commands(PAGE, "The way back")
    (patch,) = [shlex.split(line)[-1] for line in back.splitlines() if " patch " in line]
    (service,) = manifests("pictrs.yaml")
    for change in json.loads(patch):
        where: Any = service
        *way, last = change["path"].strip("/").split("/")
        for step in way:
            where = where[int(step) if step.isdigit() else step]
        assert last in where
        where[last] = change["value"]
    upstream = of("Service")["pictrs-upstream"]["spec"]
    assert (service["spec"]["selector"], service["spec"]["ports"]) == (upstream["selector"], upstream["ports"])
