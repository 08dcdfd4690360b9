"""docs/deploy as far as it can be checked without root, Docker and Kubernetes: each file against what will read it."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import omnipipe
from tests.conftest import ROOT

DEPLOY = ROOT / "docs" / "deploy"
_INSTRUCTIONS = {
    "ARG",
    "FROM",
    "RUN",
    "COPY",
    "USER",
    "WORKDIR",
    "ENV",
    "EXPOSE",
    "VOLUME",
    "STOPSIGNAL",
    "ENTRYPOINT",
    "CMD",
}


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def serve_options() -> set[str]:
    """All options of `omnipipe serve`, from its own help."""
    done = subprocess.run(
        [sys.executable, "-m", "omnipipe.cli.main", "serve", "--help"], capture_output=True, text=True, check=True
    )
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", done.stdout))


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=True, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text("omnipipe.service"))
    return parser


def problems_of_unit(content: str, folder: Path) -> list[str]:
    """What systemd says of the unit, with the program of this test in the place of the one that is installed."""
    path = folder / "omnipipe.service"
    path.write_text(re.sub(r"ExecStart=\S+", f"ExecStart={sys.executable}", content), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    return [line for line in done.stderr.splitlines() if "omnipipe.service" in line]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    content = text("omnipipe.service")

    assert problems_of_unit(content, tmp_path) == []
    assert "KillMood" in " ".join(problems_of_unit(content.replace("KillMode", "KillMood"), tmp_path))


def test_the_unit_drains_is_confined_and_keeps_its_keys_to_itself() -> None:
    service = unit()["Service"]

    command = shlex.split(service["ExecStart"])
    assert command[1] == "serve"
    assert {word for word in command if word.startswith("--")} <= serve_options()
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) >= 60
    assert service["OOMPolicy"] == "continue"
    assert (service["IPAddressDeny"], service["IPAddressAllow"]) == ("any", "localhost")
    assert (service["DynamicUser"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("yes", "yes", "strict")
    assert service["CapabilityBoundingSet"] == ""
    name, _, source = service["LoadCredential"].partition(":")
    assert f"%d/{name}" in command
    assert source.startswith("/etc/")
    assert "MemoryDenyWriteExecute" not in service


def instructions() -> list[tuple[str, str]]:
    lines = re.sub(r"\\\n\s*", "", text("Dockerfile")).splitlines()
    found = [line.partition(" ") for line in lines if line.strip() and not line.startswith("#")]
    return [(name, rest) for name, _, rest in found]


def test_the_image_is_built_from_what_the_package_needs() -> None:
    sources = {word for name, rest in instructions() if name == "COPY" for word in rest.split()[:-1]}

    assert {name for name, _ in instructions()} <= _INSTRUCTIONS
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert {"pyproject.toml", "README.md", "LICENSE", "pipelines", "omnipipe"} == sources


def test_the_image_runs_as_nobody_special_from_a_named_base() -> None:
    said = dict(instructions())

    assert re.fullmatch(r"python:3\.1[1-9]-slim-\w+", said["FROM"])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", said["USER"])
    assert json.loads(said["ENTRYPOINT"]) == ["omnipipe"]
    assert json.loads(said["CMD"])[0] == "serve"
    # omnipipe makes a token for its own Ray where this is not set, and KubeRay sets it for its clusters.
    assert "RAY_AUTH_MODE" not in said["ENV"]
    assert f"omnipipe:{omnipipe.__version__}" in text("Dockerfile")


def test_compose_serves_one_port_of_this_machine_and_drains() -> None:
    whole = yaml.safe_load(text("compose.yaml"))
    service = whole["services"]["omnipipe"]
    user = dict(instructions())["USER"].split(":")[0]

    assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    assert service["image"] == f"omnipipe:{omnipipe.__version__}"
    assert service["command"][0] == "serve"
    assert {word.partition("=")[0] for word in service["command"][1:]} <= serve_options()
    assert [port.split(":")[0] for port in service["ports"]] == ["127.0.0.1"]
    assert {volume.split(":")[0] for volume in service["volumes"]} == set(whole["volumes"])
    assert set(service["secrets"]) == set(whole["secrets"])
    assert f"--api-keys=/run/secrets/{service['secrets'][0]}" in service["command"]
    assert int(service["stop_grace_period"].removesuffix("s")) >= 60
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert any(f"uid={user}" in mount for mount in service["tmpfs"])
    assert service["healthcheck"]["test"][-1].endswith("/readyz")


def documents() -> dict[str, dict[str, Any]]:
    return {document["kind"]: document for document in yaml.safe_load_all(text("rayservice.yaml"))}


def ray_service() -> dict[str, Any]:
    # As a cluster sees it: without YAML's references.
    loaded: dict[str, Any] = json.loads(json.dumps(documents()["RayService"]))
    return loaded


def crd() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / "rayservice.schema.json").read_text(encoding="utf-8"))
    return loaded


def test_the_manifest_follows_kuberays_own_schema() -> None:
    jsonschema.Draft7Validator.check_schema(crd())
    jsonschema.validate(ray_service(), crd())


def test_the_schema_would_notice_a_wrong_member() -> None:
    wrong = ray_service()
    wrong["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]["imagee"] = "x"

    with pytest.raises(jsonschema.ValidationError, match="imagee"):
        jsonschema.validate(wrong, crd())


def test_the_manifest_has_what_the_builder_prints() -> None:
    written = text("rayservice.yaml").split("\napiVersion")[0].replace("\\\n#", "")
    command = next(line for line in written.splitlines() if "--build" in line).removeprefix("#").split()
    assert command[:2] == ["omnipipe", "serve"]

    done = subprocess.run(
        [sys.executable, "-m", "omnipipe.cli.main", *command[1:]],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert yaml.safe_load(ray_service()["spec"]["serveConfigV2"]) == yaml.safe_load(done.stdout)


def test_ray_takes_the_manifests_serve_config() -> None:
    """In a process of its own: Ray's schema warns of pydantic's changes while it is imported."""
    check = "import sys, yaml; from ray.serve.schema import ServeDeploySchema as S; S(**yaml.safe_load(sys.stdin))"

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", check],
        input=ray_service()["spec"]["serveConfigV2"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr


def test_the_pods_have_what_the_application_is_told() -> None:
    spec = ray_service()["spec"]
    settings = yaml.safe_load(spec["serveConfigV2"])["applications"][0]["args"]["settings"]
    cluster = spec["rayClusterConfig"]
    templates = [cluster["headGroupSpec"]["template"], *(group["template"] for group in cluster["workerGroupSpecs"])]

    for template in templates:
        (container,) = template["spec"]["containers"]
        mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        assert settings["data_dir"] in mounted
        assert str(Path(settings["api_keys"]).parent) in mounted
        assert set(mounted.values()) == set(volumes)
        claim = volumes[mounted[settings["data_dir"]]]["persistentVolumeClaim"]["claimName"]
        assert claim == documents()["PersistentVolumeClaim"]["metadata"]["name"]
        assert container["image"] == f"omnipipe:{omnipipe.__version__}"
        assert template["spec"]["terminationGracePeriodSeconds"] >= 60
        assert template["spec"]["securityContext"]["runAsNonRoot"] is True
    assert documents()["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteMany"]
    assert cluster["rayVersion"] == version("ray")
    assert cluster["authOptions"] == {"mode": "token"}


def test_only_the_http_port_is_open_to_other_pods() -> None:
    policy = documents()["NetworkPolicy"]["spec"]
    cluster = ray_service()["spec"]["rayClusterConfig"]
    labels = policy["podSelector"]["matchLabels"]
    opened = [rule for rule in policy["ingress"] if "ports" in rule]
    others = [rule["from"][0] for rule in policy["ingress"] if "ports" not in rule]

    assert cluster["headGroupSpec"]["template"]["metadata"]["labels"] == labels
    assert [group["template"]["metadata"]["labels"] for group in cluster["workerGroupSpecs"]] == [labels]
    assert policy["policyTypes"] == ["Ingress"]
    assert [[port["port"] for port in rule["ports"]] for rule in opened] == [[8000]]
    assert {"podSelector": policy["podSelector"]} in others
    assert len(others) == 2


def test_the_proxy_passes_streams_and_uploads_through() -> None:
    said = dict(re.findall(r"^\s*(\w+) ([^;{]+);$", text("nginx.conf"), flags=re.MULTILINE))

    assert (said["proxy_buffering"], said["proxy_request_buffering"]) == ("off", "off")
    assert said["proxy_pass"] == "http://127.0.0.1:8000"
    assert int(said["client_max_body_size"].removesuffix("m")) << 20 > 256 << 20
    assert int(said["proxy_read_timeout"].removesuffix("s")) > 300
    assert text("nginx.conf").count("{") == text("nginx.conf").count("}")
