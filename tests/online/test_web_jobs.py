"""/v1/jobs: what is told of jobs, pictures of their pages, whose they are, how much a key may ask."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from omnipipe.errors import ConfigError
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.auth import KEYS_VARIABLE, Keys, digest_of, new_key
from tests.online.documents import SAMPLES, encrypted_pdf, text_pdf
from tests.online.live import Live
from tests.online.web_kit import client_of, code_of, keyed, pdf_file, spooled


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, list[str]]]:
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("web") / "data")
    with keyed(settings, "", "", "jobs=1", "pages_per_minute=6") as served:
        yield served


@pytest.fixture
def server(served: tuple[Live, list[str]]) -> Live:
    return served[0]


@pytest.fixture
def mine(served: tuple[Live, list[str]]) -> Iterator[httpx.Client]:
    with client_of(served[0], served[1][0]) as client:
        yield client


@pytest.fixture
def other(served: tuple[Live, list[str]]) -> Iterator[httpx.Client]:
    with client_of(served[0], served[1][1]) as client:
        yield client


def read(client: httpx.Client, content: bytes, name: str = "paper.pdf") -> str:
    answer = client.post("/v1/documents?wait=30", files=pdf_file(content, name))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_jobs_are_listed_newest_first_and_without_text(mine: httpx.Client) -> None:
    ids = [read(mine, text_pdf(1, word=word)) for word in ("one", "two", "three")]

    jobs = mine.get("/v1/jobs", params={"limit": 3}).json()["jobs"]

    assert [job["id"] for job in jobs] == ids[::-1]
    assert all("pages" not in job for job in jobs)


def test_a_job_of_another_key_is_as_if_it_were_not(mine: httpx.Client, other: httpx.Client) -> None:
    job_id = read(mine, text_pdf(1))

    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/pages/1/image")]:
        theirs = other.request(method, f"/v1/jobs/{job_id}{path}")
        nobodys = other.request(method, f"/v1/jobs/{'0' * 32}{path}")
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)
    assert other.get("/v1/jobs").json()["jobs"] == []
    assert mine.get(f"/v1/jobs/{job_id}").status_code == 200


@pytest.mark.parametrize("job_id", ["x", "..%2f..%2fetc", "0" * 31, "A" * 32, "%00" * 4])
def test_what_is_no_id_is_no_job(mine: httpx.Client, job_id: str) -> None:
    assert mine.get(f"/v1/jobs/{job_id}").status_code == 404


def test_a_deleted_job_is_gone_with_its_bytes(mine: httpx.Client, server: Live) -> None:
    job_id = read(mine, text_pdf(2, word="secret"))
    assert job_id in spooled(server)

    first = mine.delete(f"/v1/jobs/{job_id}")
    again = mine.delete(f"/v1/jobs/{job_id}")

    assert (first.status_code, first.content, again.status_code) == (204, b"", 404)
    assert job_id not in spooled(server)


@pytest.mark.parametrize("name", ["tables.pdf", "fax.tiff"])
@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_a_page_has_a_picture(mine: httpx.Client, name: str, form: str) -> None:
    job_id = read(mine, (SAMPLES / name).read_bytes(), name)

    answer = mine.get(
        f"/v1/jobs/{job_id}/pages/1/image", params={"longest_side": 500}, headers={"Accept": f"image/{form}"}
    )

    image = Image.open(io.BytesIO(answer.content))
    assert answer.headers["content-type"] == f"image/{form}"
    assert image.format == form.upper()
    assert max(image.size) == 500


def test_a_picture_of_an_encrypted_page_needs_its_password(mine: httpx.Client) -> None:
    document = encrypted_pdf("sesame")
    job_id = mine.post("/v1/documents?wait=30", files=pdf_file(document), data={"password": "sesame"}).json()["id"]

    without = mine.get(f"/v1/jobs/{job_id}/pages/1/image")
    with_it = mine.get(f"/v1/jobs/{job_id}/pages/1/image", headers={"X-Document-Password": "sesame"})

    assert (without.status_code, code_of(without)) == (422, "cannot_draw")
    assert with_it.status_code == 200


@pytest.mark.parametrize("number", ["0", "3", "-1", "x", "1" * 30])
def test_there_is_no_picture_of_a_page_that_is_not_there(mine: httpx.Client, number: str) -> None:
    job_id = read(mine, text_pdf(2))

    answer = mine.get(f"/v1/jobs/{job_id}/pages/{number}/image")

    assert (answer.status_code, code_of(answer)) == (404, "no_such_page")


def test_a_picture_without_its_upload_is_gone(mine: httpx.Client, server: Live) -> None:
    job_id = read(mine, text_pdf(2, word="gone"))
    server.online.store.uploads.remove(job_id)

    answer = mine.get(f"/v1/jobs/{job_id}/pages/1/image")

    assert (answer.status_code, code_of(answer)) == (410, "upload_gone")
    assert mine.get(f"/v1/jobs/{job_id}").json()["num_rows"] == 2


def test_a_broken_document_has_no_picture_and_tells_no_path(mine: httpx.Client, server: Live) -> None:
    job_id = read(mine, b"%PDF-1.7\nbroken")

    answer = mine.get(f"/v1/jobs/{job_id}/pages/1/image")

    assert (answer.status_code, code_of(answer)) == (422, "cannot_draw")
    assert str(server.data) not in answer.text


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer op_wrong"}, {"Authorization": "Basic eDp5"}])
def test_without_a_right_key_nothing_is_told(server: Live, headers: dict[str, str]) -> None:
    with client_of(server) as client:
        client.headers.update(headers)
        answers = [
            client.post("/v1/documents", files=pdf_file(text_pdf(1))),
            client.get("/v1/jobs"),
            client.get(f"/v1/jobs/{'0' * 32}"),
            client.get("/v1/pipelines"),
            client.get("/metrics"),
        ]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
    assert {code_of(answer) for answer in answers} <= {"no_key", "wrong_key"}


def test_what_is_open_is_open_without_a_key(server: Live) -> None:
    with client_of(server) as client:
        opened = [client.get(path) for path in ("/", "/docs", "/openapi.json", "/healthz", "/readyz")]

    assert [answer.status_code for answer in opened] == [200] * 5
    assert [answer.json() for answer in opened[3:]] == [{"status": "ok"}] * 2


def test_a_key_comes_in_either_header(served: tuple[Live, list[str]]) -> None:
    server, keys = served
    with client_of(server) as client:
        assert client.get("/v1/jobs", headers={"X-API-Key": keys[0]}).status_code == 200
        assert client.get("/v1/jobs", headers={"Authorization": f"bearer {keys[0]}"}).status_code == 200


def test_a_key_has_only_so_many_jobs_in_work(served: tuple[Live, list[str]]) -> None:
    server, keys = served
    with client_of(server, keys[2]) as client:
        first = client.post("/v1/documents", files=pdf_file(text_pdf(2_000)))
        second = client.post("/v1/documents", files=pdf_file(text_pdf(1)))
        client.delete(first.headers["location"])
        third = client.post("/v1/documents?wait=30", files=pdf_file(text_pdf(1)))

    assert (second.status_code, code_of(second)) == (429, "quota_jobs")
    assert int(second.headers["retry-after"]) >= 1
    assert third.status_code == 200


def test_a_key_has_only_so_many_pages_a_minute_and_deleting_gives_none_back(served: tuple[Live, list[str]]) -> None:
    server, keys = served
    with client_of(server, keys[3]) as client:
        first = client.post("/v1/documents?wait=30", files=pdf_file(text_pdf(4)))
        client.delete(f"/v1/jobs/{first.json()['id']}")
        second = client.post("/v1/documents?wait=30", files=pdf_file(text_pdf(60)))
        third = client.post("/v1/documents?wait=30", files=pdf_file(text_pdf(1)))

    assert [first.status_code, second.status_code, third.status_code] == [200, 200, 429]
    assert code_of(third) == "quota_pages"
    # 58 pages too many, one goes in ten seconds.
    assert 300 <= int(third.headers["retry-after"]) <= 592


def test_keys_come_from_a_file_and_from_the_environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one, line), (two, other_line) = new_key("one"), new_key("two")
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.write_text(f"# ours\n\n{line} pages_per_minute=5 jobs=2 priority=-3  # first\r\n", "utf-8")
    monkeypatch.setenv(KEYS_VARIABLE, f"{other_line} priority=7,")

    keys = Keys.load(ServeSettings(api_keys=path))

    first, second = keys.find(one), keys.find(two)
    assert first is not None
    assert second is not None
    assert (first.name, first.pages_per_minute, first.jobs, first.priority) == ("one", 5, 2, -3)
    assert (second.name, second.pages_per_minute, second.priority) == ("two", None, 7)
    assert keys.find("three") is None


HEX = digest_of("x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("op_a_key_in_clear name", "line 1: it does not begin with sha256:"),
        (f"\nsha256:{HEX}", "line 2: '' is no name"),
        (f"sha256:{HEX} a b=1", "line 1: 'b=1' is no quota"),
        (f"sha256:{HEX} a jobs=1 jobs=2", "line 1: 'jobs=2' is no quota"),
        (f"sha256:{HEX} a jobs=0", "line 1: 'jobs=0' is not a whole number from 1"),
        (f"sha256:{HEX} a jobs=many", "line 1: 'jobs=many' is not a whole number"),
        (f"sha256:{HEX} a\nsha256:{HEX} b", "is there twice"),
        ("# nothing\n", "has no API key"),
    ],
)
def test_a_mistake_in_the_keys_is_named_with_its_line(
    tmp_path_factory: pytest.TempPathFactory, text: str, said: str
) -> None:
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.write_text(text, "utf-8")

    with pytest.raises(ConfigError, match=said) as caught:
        Keys.load(ServeSettings(api_keys=path))

    assert "op_a_key_in_clear" not in str(caught.value)


def test_a_missing_file_of_keys_is_no_open_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Keys.load(ServeSettings(api_keys=tmp_path_factory.mktemp("keys") / "missing"))
