"""`omnipipe serve` as a command: its settings, what it refuses, its files, and serving without Ray."""

from __future__ import annotations

import importlib.util
import json
import signal
import socket
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from omnipipe.cli.main import run_command
from omnipipe.cli.serve_option import SettingOptions
from omnipipe.config import settings_hash
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.auth import Keys
from omnipipe.pipeline import Pipeline, load_pipeline
from omnipipe.pipeline_file import shipped_pipelines
from omnipipe.runners.serve_args import ServeArgs
from omnipipe.runners.serve_plan import ServePlan
from tests.online.serving import serving
from tests.pdfs import pdf_of_texts

SLOW = str(Path(__file__).with_name("slow_reader.py"))


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_command(["serve", *arguments]) == 2
    return capsys.readouterr().err


def test_every_setting_has_an_option() -> None:
    options = {field.name for field in fields(SettingOptions)}

    assert options == {*ServeSettings.model_fields, "settings"}


def test_options_win_over_the_file_and_that_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("max_jobs: 7\nmax_pages: 8\nallowed_hosts: [a.example]\n")

    settings = SettingOptions(settings=file, max_pages=9).build()

    assert (settings.max_jobs, settings.max_pages, settings.max_wait) == (7, 9, 300.0)
    assert settings.allowed_hosts == ("a.example",)
    assert settings.data_dir.is_absolute()


needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="the pytorch extra is not installed"
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "nothing"], "unknown pipeline 'nothing'"),
        (["--host", "0.0.0.0"], "--no-auth"),
        (["--host", "not a host"], "--host not a host"),
        (["--max-jobs", "0"], "max_jobs is '0': Input should be greater than 0."),
        (["--settings", "nowhere.yaml"], "--settings nowhere.yaml: No such file or directory."),
        (["--api-keys", "/nowhere"], "API keys cannot be read from /nowhere"),
        (["--replicas", "4:2"], "--replicas '4:2' is not MIN:MAX"),
        (["--address", "auto"], "--address=auto may join any cluster"),
        pytest.param(["-p", "pytorch", "--model", "/nowhere"], "/nowhere", marks=needs_transformers),
        (["--new-key", "two words"], "'two words' is no name of an API key."),
        (["-p", "default", "--model", "x", "--runner", "local"], "no model is named"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    said = refusal(capsys, *arguments)

    assert message in said
    assert "Traceback" not in said


@pytest.mark.parametrize("runner", ["ray", "local"])
def test_a_port_in_use_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path, runner: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refusal(
            capsys, "-p", "text_layer", "--runner", runner, "--port", port, "--data-dir", str(tmp_path / "data")
        )

    assert said == f"omnipipe: port {port} of 127.0.0.1 is in use. Choose another with --port.\n"


def test_a_new_key_opens_a_server_that_has_its_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_command(["serve", "--new-key", "alice"]) == 0
    shown = capsys.readouterr()
    (tmp_path / "keys").write_text(shown.out)

    keys = Keys.load(ServeSettings(api_keys=tmp_path / "keys"))

    found = keys.find(shown.err.split()[-1])
    assert found is not None
    assert found.name == "alice"
    assert shown.err.split()[-1] not in shown.out


@pytest.mark.parametrize("name", shipped_pipelines())
def test_the_file_for_a_cluster_means_the_same_pipeline(name: str) -> None:
    pipeline = load_pipeline(name)
    if any(type(stage).__module__.startswith("pipeline_file") for stage in pipeline.stages):
        pytest.skip("a stage of a file cannot be in it")

    args = ServeArgs.of(ServePlan(pipeline=pipeline, settings=ServeSettings()))
    back = ServeArgs.model_validate(json.loads(args.model_dump_json())).plan()

    assert back.pipeline.config_hash == pipeline.config_hash
    assert back.name == f"omnipipe-{name}"


def test_the_file_for_a_cluster_has_host_timeout_and_widths(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["-p", "vlm", "--build", "--host", "0.0.0.0", "--replicas", "2:6", "--concurrency", "1:2"]

    assert run_command(["serve", *options]) == 0

    file = yaml.safe_load(capsys.readouterr().out)
    assert file["http_options"] == {"host": "0.0.0.0", "port": 8000, "request_timeout_s": None}
    (application,) = file["applications"]
    deployments = {deployment["name"]: deployment for deployment in application["deployments"]}
    assert list(deployments) == ["Ingress", "Pages", "Engine-0"]
    assert deployments["Pages"]["autoscaling_config"]["max_replicas"] == 6
    assert deployments["Engine-0"]["autoscaling_config"]["max_replicas"] == 2
    assert "ray_actor_options" not in deployments["Engine-0"]


def test_a_stage_of_this_machine_cannot_go_into_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(capsys, "-p", SLOW, "--build")

    assert "stage Slow is in a file of this machine" in said


def test_workers_elsewhere_know_the_hash_of_a_pipeline_from_here() -> None:
    pipeline = load_pipeline(SLOW)

    sent = ServePlan(pipeline=pipeline, settings=ServeSettings()).for_workers([1]).pipeline

    assert sent.config_hash == pipeline.config_hash
    assert isinstance(sent, Pipeline)
    assert settings_hash(sent.settings) == pipeline.config_hash


def test_without_ray_it_ends_what_is_in_work(tmp_path: Path) -> None:
    script = tmp_path / "slow.yaml"
    script.write_text(f"name: slow\nstages:\n  - read\n  - {SLOW}:Slow: {{seconds: 0.1}}\n")
    pdf = pdf_of_texts([f"slow {number}. A page of text that a reader understands." for number in range(10)])

    with serving(tmp_path, "-p", str(script), "--runner", "local") as server:
        with server.client() as client:
            job_id = client.post("/v1/documents", files={"file": ("a.pdf", pdf)}).json()["id"]
        started = time.monotonic()
        code = server.stop()
        seconds = time.monotonic() - started
    with serving(tmp_path, "-p", str(script), "--runner", "local") as again, again.client() as client:
        job = client.get(f"/v1/jobs/{job_id}").json()

    assert code == 0
    assert seconds < 20
    assert [page["status"] for page in job["pages"]] == ["ok"] * 10


def test_without_ray_it_ends_though_a_stage_never_comes_back(tmp_path: Path) -> None:
    (tmp_path / "hangs.py").write_text(
        "import threading\nfrom omnipipe import Stage\n\n\nclass Hangs(Stage):\n    def wants(self, page):\n"
        "        return True\n\n    def process(self, pages):\n        threading.Event().wait()\n"
    )
    (tmp_path / "p.yaml").write_text("name: p\nstages:\n  - read\n  - hangs.py:Hangs\n")
    with serving(tmp_path, "--runner", "local", "-p", str(tmp_path / "p.yaml")) as server:
        with server.client() as client:
            client.post("/v1/documents", files={"file": ("a.pdf", pdf_of_texts(["words"]))}).raise_for_status()
            time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1)

        code = server.stop()

    assert code == 0
    assert "a stage did not come back; its job goes on after the next start" in server.output.read_text()


def test_help_loads_no_server() -> None:
    code = "import sys; from omnipipe.cli.main import run_command; run_command(['serve', '--help']); "
    code += "print([name for name in ('fastapi', 'ray', 'uvicorn', 'numpy', 'pyarrow') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stdout.splitlines()[-1] == "[]"
