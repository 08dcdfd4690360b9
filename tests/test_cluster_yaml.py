"""cluster.yaml against Ray's own schema and Ray's own checks, as `ray up` runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def cluster() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    import ray

    path = Path(ray.__file__).parent / "autoscaler" / "ray-schema.json"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def test_the_cluster_file_follows_rays_schema(cluster: dict[str, Any], schema: dict[str, Any]) -> None:
    jsonschema.validate(cluster, schema)


def test_the_schema_would_notice_a_wrong_key(cluster: dict[str, Any], schema: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**cluster, "max_wokers": 2}, schema)


def test_ray_up_accepts_the_cluster_file(cluster: dict[str, Any]) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(cluster)
    validate_config(prepared)

    assert prepared["head_node_type"] in prepared["available_node_types"]


def test_every_node_installs_this_omnipipe_and_shares_the_output(cluster: dict[str, Any]) -> None:
    import omnipipe

    commands = " ".join(cluster["setup_commands"])

    assert f"omnipipe=={omnipipe.__version__}" in commands
    assert any("/shared" in line for line in (ROOT / "cluster.yaml").read_text(encoding="utf-8").splitlines())
