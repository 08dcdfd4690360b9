"""The page's files as they are served, without a browser."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from omnipipe.online.web import static
from omnipipe.online.web.errors import install_errors

VENDOR = static.PAGE_FOLDER / "assets" / "vendor"
OWN = sorted(
    path
    for path in static.PAGE_FOLDER.rglob("*")
    if path.suffix in static.MEDIA_TYPES and not path.is_relative_to(VENDOR)
)


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI(docs_url=None, redoc_url=None)
    install_errors(app)
    # The page is the same for everybody: its router looks at nothing of the server.
    app.include_router(static.router(None))  # type: ignore[arg-type]
    return TestClient(app)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_our_own_files_are_short_and_name_no_other_place(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    foreign = [found for found in re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", source) if "www.w3.org" not in found]
    assert source.count("\n") <= 400
    assert foreign == []


@pytest.mark.parametrize("name", ["index.html", "docs.html"])
def test_pages_have_no_script_or_style_within(name: str) -> None:
    source = (static.PAGE_FOLDER / name).read_text(encoding="utf-8")

    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", source) == []


def test_every_file_that_a_page_names_is_there() -> None:
    missing = []
    for path in OWN:
        source = path.read_text(encoding="utf-8")
        for name in re.findall(r'(?:src|href)="(assets/[^"]+)"', source):
            missing += [] if (static.PAGE_FOLDER / name).is_file() else [f"{path.name}: {name}"]
        for name in re.findall(r'^import .* from "(\./[^"]+)"', source, flags=re.MULTILINE):
            missing += [] if (path.parent / name).is_file() else [f"{path.name}: {name}"]

    assert missing == []


def test_libraries_of_others_are_unchanged_and_licensed() -> None:
    table = (VENDOR / "README.md").read_text(encoding="utf-8")
    listed = {name: digest for digest, name in re.findall(r"^([0-9a-f]{64})  (\S+)$", table, flags=re.MULTILINE)}

    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.suffix in static.MEDIA_TYPES
    }

    assert found == listed
    assert all((VENDOR / name).parent.joinpath("LICENSE").is_file() for name in listed)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_run_only_our_own_scripts(client: TestClient, path: str) -> None:
    answer = client.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert (policy["connect-src"], policy["frame-ancestors"], policy["form-action"]) == ("'self'", "'none'", "'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_every_file_is_served_with_its_type(client: TestClient, path: Path) -> None:
    name = path.relative_to(static.PAGE_FOLDER).as_posix()
    answer = client.get({"index.html": "/", "docs.html": "/docs"}.get(name, f"/{name}"))

    assert answer.content == path.read_bytes()
    assert answer.headers["content-type"] == static.MEDIA_TYPES[path.suffix]


def test_a_file_that_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/assets/main.js")

    again = client.get("/assets/main.js", headers={"if-none-match": first.headers["etag"]})
    other = client.get("/assets/main.js", headers={"if-none-match": '"other"'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert other.status_code == 200


def test_large_files_are_sent_packed_to_those_who_can(client: TestClient) -> None:
    path = "/assets/vendor/swagger-ui/swagger-ui-bundle.js"

    with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    plain = client.get(path, headers={"accept-encoding": "identity"})

    assert gzip.decompress(packed) == plain.content
    assert len(packed) < len(plain.content) / 2
    assert answer.headers["etag"] != plain.headers["etag"]


def test_head_has_the_headers_of_get(client: TestClient) -> None:
    assert client.head("/").headers["content-length"] == client.get("/").headers["content-length"]


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../static.py",
        "/assets/%2e%2e/%2e%2e/static.py",
        "/assets//etc/passwd",
        "/assets/vendor/README.md",
        "/assets/vendor/marked/LICENSE",
        "/assets/",
        "/assets/none.js",
    ],
)
def test_nothing_but_the_pages_files_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert "omnipipe/" not in answer.text
