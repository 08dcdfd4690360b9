"""What stands around every route: hosts, other sites, headers, errors, the OpenAPI document; and URLs to fetch."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Iterator

import httpx
import pytest

from omnipipe.online.settings import ServeSettings
from tests.online.documents import text_pdf
from tests.online.live import Live, live
from tests.online.raw_http import ask_raw
from tests.online.web_kit import TEXT_LAYER, client_of, code_of, pdf_file, spooled

DOCUMENT = text_pdf(2, word="fetched")


class Files(http.server.BaseHTTPRequestHandler):
    """A server of documents, and of ways out of the list."""

    def do_GET(self) -> None:
        place = {
            "/docs/around": "/docs/paper%20one.pdf",
            "/docs/out": "/private/paper.pdf",
            "/docs/loop": "/docs/loop",
        }.get(self.path)
        if place is not None:
            self.send_response(302)
            self.send_header("Location", place)
            self.end_headers()
        elif self.path in ("/docs/paper%20one.pdf", "/private/paper.pdf"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(DOCUMENT)
        elif self.path == "/docs/huge":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(100):
                    self.wfile.write(bytes(1 << 20))
            except OSError:
                return
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, files: str) -> Iterator[Live]:
    settings = ServeSettings(
        data_dir=tmp_path_factory.mktemp("web") / "data",
        max_bytes=2 << 20,
        allowed_hosts=("texts.example",),
        url_allow=(f"{files}/docs",),
    )
    with live(TEXT_LAYER, settings) as server:
        yield server


@pytest.fixture
def client(server: Live) -> Iterator[httpx.Client]:
    with client_of(server) as client:
        yield client


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:99", "[::1]:8000", "texts.example", "TEXTS.example.:443"])
def test_own_names_are_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/v1/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.7", "[", ""]
)
def test_a_name_that_is_not_ours_is_refused(client: httpx.Client, host: str) -> None:
    answers = [client.get(path, headers={"Host": host}) for path in ("/", "/v1/jobs", "/metrics", "/openapi.json")]

    assert {(answer.status_code, code_of(answer)) for answer in answers} == {(400, "unknown_host")}


def test_probes_may_come_by_any_address(client: httpx.Client) -> None:
    answers = [client.get(path, headers={"Host": "10.0.0.7:8000"}) for path in ("/healthz", "/readyz")]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "http://texts.example", "Host": "texts.example"}, 202),
        ({"Sec-Fetch-Site": "cross-site", "X-API-Key": "any"}, 202),
    ],
)
def test_another_site_cannot_write_without_a_key(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    assert client.post("/v1/documents", files=pdf_file(text_pdf(1)), headers=headers).status_code == status


def test_every_answer_has_careful_headers(client: httpx.Client) -> None:
    answers = [client.get(path) for path in ("/v1/jobs", "/v1/nothing", "/metrics", "/healthz", "/")]

    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
        assert not re.search(r"\d", answer.headers.get("server", ""))
    assert [answer.headers["cache-control"] for answer in answers[:4]] == ["no-store"] * 4


def test_a_request_keeps_its_own_id_unless_it_is_odd(client: httpx.Client) -> None:
    kept = client.get("/healthz", headers={"X-Request-ID": "trace-1.a_B"})
    odd = client.get("/healthz", headers={"X-Request-ID": "a b"})

    assert kept.headers["x-request-id"] == "trace-1.a_B"
    assert odd.headers["x-request-id"] != "a b"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("PUT", "/v1/documents", 405, "method_not_allowed"),
        ("GET", "/v1/documents", 405, "method_not_allowed"),
        ("GET", "/v1/jobs?limit=0", 422, "invalid"),
        ("GET", "/v1/jobs?limit=many", 422, "invalid"),
        ("GET", "/assets/../../secret", 404, "not_found"),
    ],
)
def test_every_error_has_one_shape(client: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    answer = client.request(method, path)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert isinstance(error["message"], str)
    assert set(answer.json()) == {"error"}


def test_a_fault_of_ours_tells_nothing_but_an_id(server: Live, client: httpx.Client) -> None:
    segments = server.data / "segments"
    assert segments.is_dir()
    right = server.online.store

    server.online.store = None  # type: ignore[assignment]
    try:
        answer = client.get("/v1/jobs")
    finally:
        server.online.store = right

    assert (answer.status_code, code_of(answer)) == (500, "internal")
    assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
    assert not re.search(r"NoneType|Traceback|\.py|/home|/usr", answer.text)


def test_the_openapi_document_states_every_bound_and_error(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()

    assert "open to everybody" in document["info"]["description"]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", []):
                options = parameter["schema"].get("anyOf", [parameter["schema"]])
                assert all(_is_bounded(option) for option in options if parameter["in"] == "query"), (path, parameter)
            for status, response in operation["responses"].items():
                if int(status) >= 400 and (path, status) != ("/readyz", "503"):
                    schema = response["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorBody"}, (path, method, status)


def _is_bounded(schema: dict[str, object]) -> bool:
    wanted = {"integer": "minimum", "number": "maximum", "string": "maxLength"}.get(str(schema.get("type")))
    return wanted is None or "enum" in schema or wanted in schema or "exclusiveMinimum" in schema


@pytest.mark.parametrize("path", ["/docs/paper%20one.pdf", "/docs/around"])
def test_a_listed_url_is_fetched_and_read(client: httpx.Client, files: str, path: str) -> None:
    answer = client.post("/v1/documents?wait=30", json={"url": files + path, "pages": "2"})

    job = answer.json()
    assert (answer.status_code, job["file_name"], job["size"]) == (200, "paper one.pdf", len(DOCUMENT))
    assert [page["page_number"] for page in job["pages"]] == [2]


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("{files}/private/paper.pdf", 403, "url_not_allowed"),
        ("{files}/docs/out", 403, "url_not_allowed"),
        ("{files}/docs/../private/paper.pdf", 403, "url_not_allowed"),
        ("{files}/docs/%2e%2e/private/paper.pdf", 403, "url_not_allowed"),
        ("{files}/docs/..%2fprivate/paper.pdf", 403, "url_not_allowed"),
        ("{files}/docsecret", 403, "url_not_allowed"),
        ("{userinfo}/docs/paper%20one.pdf", 403, "url_not_allowed"),
        ("http://127.0.0.1:1/docs/x", 403, "url_not_allowed"),
        ("file:///etc/passwd", 403, "url_not_allowed"),
        ("docs/paper.pdf", 403, "url_not_allowed"),
        ("http://[", 403, "url_not_allowed"),
        ("http://\x00/docs", 422, "invalid"),
        ("{files}/docs/missing", 502, "fetch_failed"),
        ("{files}/docs/loop", 502, "fetch_failed"),
        ("{files}/docs/huge", 413, "too_large"),
    ],
)
def test_no_url_leads_out_of_the_list(
    client: httpx.Client, server: Live, files: str, url: str, status: int, code: str
) -> None:
    before = spooled(server)
    place = url.format(files=files, userinfo=files.replace("http://", "http://me@"))

    answer = client.post("/v1/documents", json={"url": place})

    assert (answer.status_code, code_of(answer)) == (status, code)
    assert spooled(server) == before
    if code == "url_not_allowed":
        assert "url_allow" in answer.text


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "\ud800"},
        {"password": ["a", "b\0"]},
        {"password": 3},
        {"pages": "\ud800"},
        {"file_name": "\ud800\0.pdf"},
        {"pipeline": {"a": "\ud800"}},
        {"max_pages": 10**30},
        {"wait": "Infinity"},
        {"\ud800": 1},
    ],
)
def test_odd_values_in_json_are_no_fault_of_ours(client: httpx.Client, files: str, fields: dict[str, object]) -> None:
    sent = json.dumps({"url": f"{files}/docs/paper%20one.pdf", **fields})

    answer = client.post("/v1/documents", content=sent, headers={"Content-Type": "application/json"})

    assert answer.status_code in (202, 422)


def test_a_request_without_a_host_is_refused(server: Live) -> None:
    answer = ask_raw(server.port, [b"GET /v1/jobs HTTP/1.0\r\n\r\n"])

    assert answer.status == 400


def test_pipelines_say_what_is_served(client: httpx.Client) -> None:
    (pipeline,) = client.get("/v1/pipelines").json()["pipelines"]

    assert (pipeline["name"], pipeline["config_hash"]) == ("text_layer", TEXT_LAYER.config_hash)
    assert pipeline["stages"] == ["Read"]
    assert "pdf" in pipeline["formats"]
    assert json.dumps(pipeline["engines"]) == "[]"
