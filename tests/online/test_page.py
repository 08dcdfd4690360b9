"""The page for people, in a real browser over the real server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Route, expect

from omnipipe.online.settings import ServeSettings
from omnipipe.pipeline import load_pipeline
from tests.online.chromium import SECRET, Sites, Visit, chromium, sites
from tests.online.documents import encrypted_pdf, text_pdf
from tests.online.web_kit import until
from tests.pdfs import image_of_lines, pdf_of_lines


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """After `browser`: without one no server is started."""
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("data"))
    with sites(load_pipeline("default"), settings) as served:
        yield served


def fax(line: str, num_pages: int) -> bytes:
    """A TIFF of equal pages, each of which takes OCR a while."""
    page = Image.open(BytesIO(image_of_lines([line], size=(700, 160))))
    out = BytesIO()
    page.save(out, "TIFF", save_all=True, append_images=[page] * (num_pages - 1))
    return out.getvalue()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    visit = Visit(browser)
    yield visit
    visit.close()


def test_a_document_streams_in_and_is_shown_beside_its_picture(visit: Visit, site: Sites) -> None:
    page = visit.upload(site.open, text_pdf(500), "long.pdf")

    expect(page.locator("#text")).to_contain_text("line 3 on page 1 make a sentence")
    expect(page.locator(".frame img")).to_be_visible()
    expect(page.locator("#job-state")).to_have_text(re.compile(r"^Done: 500 pages"))
    expect(page.locator("#facts")).to_contain_text("Read from the text layer")
    expect(page.locator("#live")).to_have_text("Done: 500 pages")
    # Only the rows in sight are in the document.
    assert page.locator(".rail-row").count() < 60
    assert any("format=ndjson" in address for address in visit.requests)
    assert visit.problems == []


def test_an_earlier_job_opens_by_its_address_at_a_page(visit: Visit, site: Sites) -> None:
    page = visit.upload(site.open, text_pdf(12, word="sheet"))
    expect(page.locator("#job-state")).to_have_text(re.compile("^Done"))
    address = page.url

    page.goto("about:blank")
    page.goto(f"{address}/7")

    expect(page.locator("#text")).to_contain_text("on sheet 7 make")
    expect(page.locator("#number")).to_have_value("7")


def test_everything_works_from_the_keyboard(visit: Visit, site: Sites) -> None:
    page = visit.page
    page.goto(f"{site.open}/")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "file":
            break
    expect(page.locator("#file")).to_be_focused()
    visit.opened_by_space().set_files({"name": "keys.pdf", "mimeType": "application/pdf", "buffer": text_pdf(5)})
    expect(page.locator("#job-state")).to_have_text(re.compile("^Done"))
    # The job may be done before its rows are here.
    expect(page.locator("#text")).to_contain_text("on page 1 make")

    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#text")).to_contain_text("on page 3 make")
    page.locator("#rail").focus()
    page.keyboard.press("End")
    expect(page.locator("#text")).to_contain_text("on page 5 make")
    expect(page.locator("#rail")).to_have_attribute("aria-activedescendant", "page-4")
    page.locator(".frame").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("rect.block.on")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("rect.on")).to_have_count(0)
    page.locator("#tab-text").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-source")).to_be_focused()
    expect(page.locator("#number")).to_have_value("5")


def test_focus_is_always_visible(visit: Visit, site: Sites) -> None:
    page = visit.upload(site.open, text_pdf(3))

    seen = []
    for _ in range(18):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                """() => {
                    const at = document.activeElement;
                    const shown = at.id === "file" ? at.closest(".drop").querySelector(".button") : at;
                    return [at.id || at.className || at.tagName, getComputedStyle(shown).outlineStyle];
                }"""
            )
        )

    assert {"rail", "previous", "next", "show-boxes", "tab-text", "copy"} - {name for name, _ in seen} == {"previous"}
    assert [name for name, style in seen if style == "none" and name != "BODY"] == []


def test_pointing_at_text_marks_its_box_and_at_a_box_its_text(visit: Visit, site: Sites) -> None:
    lines = [(72.0, 720.0, 24.0, "Harbour news"), (72.0, 500.0, 11.0, "The harbour was closed in winter.")]
    page = visit.upload(site.open, pdf_of_lines([lines]))
    expect(page.locator("rect.block")).to_have_count(2)

    page.locator("#text").get_by_text("The harbour was closed").hover()
    marked = page.locator("rect.block.on")
    expect(marked).to_have_count(1)
    y_of_marked = float(marked.get_attribute("y") or 0)
    frame = page.locator(".frame").bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + frame["width"] * 100 / 612, frame["y"] + frame["height"] * (792 - 726) / 792)

    assert y_of_marked == pytest.approx((792 - 510) / 792, abs=0.02)
    expect(page.locator(".part.on")).to_have_text(re.compile(r"^\s*Harbour news\s*$"))
    page.mouse.move(5, 5)
    expect(page.locator(".on")).to_have_count(0)


def test_a_scan_on_its_side_is_turned_and_has_boxes_of_its_lines(visit: Visit, site: Sites) -> None:
    lines = ["The harbour was closed in the winter of 1911", "because the ice was thick and the ships"]
    page = visit.upload(site.open, image_of_lines(lines, size=(1400, 700), angle=90), "scan.png")

    expect(page.locator("#facts")).to_contain_text("Read by OCR")
    expect(page.locator("rect.line")).to_have_count(2)
    expect(page.locator(".frame img.turned")).to_be_visible()
    frame = page.locator(".frame").bounding_box()
    assert frame is not None
    assert frame["width"] / frame["height"] == pytest.approx(2, abs=0.05)
    page.check("#show-boxes")
    assert page.locator("rect.line").first.evaluate("box => getComputedStyle(box).stroke") != "rgba(0, 0, 0, 0)"


HOSTILE = [
    '<img src="x" onerror="window.hacked=1">',
    "<script>window.hacked=2</script>",
    "[a](javascript:window.hacked=3) [b](JaVaScRiPt&colon;window.hacked=3)",
    '<a href="javascript:window.hacked=4">link</a> <svg onload="window.hacked=5"><a href="javascript:1">x</a></svg>',
    '<iframe src="javascript:window.hacked=6"></iframe> <form action="https://example.com"><button>Go</button></form>',
    "![remote](https://example.com/pixel.png) <video src='https://example.com/v'></video>",
    '<style>body { display: none }</style> <p id="key" class="primary" style="position:fixed">over</p>',
    "<math><mtext><table><mglyph><style><img src=x onerror=window.hacked=7></style></table></mtext></math>",
]


def test_the_text_of_a_hostile_document_never_runs(visit: Visit, site: Sites) -> None:
    lines = [(40.0, 740.0 - 60 * i, 7.0, text) for i, text in enumerate(HOSTILE)]
    page = visit.upload(site.open, pdf_of_lines([lines]), "<img src=x onerror=window.hacked=8>.pdf")
    expect(page.locator("#text")).to_contain_text("over")
    for link in page.locator("#text a").all():
        link.click(force=True)
    for tab in ("tab-source", "tab-row", "tab-text"):
        page.click(f"#{tab}")

    assert page.evaluate("() => window.hacked") is None
    assert (
        page.locator("#text").locator("script, img, svg, iframe, form, button, style, video, [style], [id]").count()
        == 0
    )
    assert page.locator("#text a[href^=javascript i]").count() == 0
    assert [address for address in visit.requests if not address.startswith((site.open, f"blob:{site.open}"))] == []
    expect(page.locator("#job-title")).to_have_text("<img src=x onerror=window.hacked=8>.pdf")


def test_a_broken_file_says_what_is_wrong(visit: Visit, site: Sites) -> None:
    page = visit.upload(site.open, b"<html>not a document</html>", "broken.pdf")

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The document could not be read: unsupported")
    expect(alert).to_contain_text("PNG, JPEG")
    expect(page.locator(".frame")).to_have_count(0)


def test_a_locked_document_opens_with_the_password_that_is_asked_for(visit: Visit, site: Sites) -> None:
    page = visit.upload(site.open, encrypted_pdf("sésame"), "locked.pdf")
    expect(page.get_by_role("alert")).to_contain_text("The document is locked")
    page.fill("#retry-password", "sésame")
    page.keyboard.press("Enter")

    expect(page.locator("#text")).to_contain_text("The words behind the password")
    expect(page.locator(".frame img")).to_be_visible()
    assert page.evaluate("() => JSON.stringify([{...sessionStorage}, {...localStorage}])") == "[{},{}]"


def test_only_the_pages_that_are_asked_for_are_listed(visit: Visit, site: Sites) -> None:
    page = visit.page
    page.goto(f"{site.open}/")
    page.fill("#range", "2,5-6")
    visit.choose(text_pdf(9, word="leaf"))

    expect(page.locator("#job-state")).to_have_text(re.compile("^Done: 3 pages"))
    assert page.locator(".rail-number").all_inner_texts() == ["2", "5", "6"]
    page.keyboard.press("ArrowRight")
    expect(page.locator("#text")).to_contain_text("on leaf 5 make")


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_document_can_be_dropped_or_pasted(visit: Visit, site: Sites, way: str) -> None:
    visit.page.goto(f"{site.open}/")

    visit.page.evaluate(
        """([way, bytes]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], `${way}.pdf`, { type: "application/pdf" }));
            const options = { bubbles: true, cancelable: true };
            if (way === "drop") window.dispatchEvent(new DragEvent("drop", { ...options, dataTransfer: carried }));
            else document.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: carried }));
        }""",
        [way, list(text_pdf(2, word=way))],
    )

    expect(visit.page.locator("#job-title")).to_have_text(f"{way}.pdf")
    expect(visit.page.locator("#text")).to_contain_text(f"on {way} 1 make")


def test_a_stream_that_breaks_goes_on_where_it_was(visit: Visit, site: Sites) -> None:
    broken: list[str] = []

    def break_once(route: Route) -> None:
        if broken:
            route.continue_()
        else:
            broken.append(route.request.url)
            route.abort("connectionreset")

    visit.page.route("**/v1/jobs/*format=ndjson*", break_once)
    page = visit.upload(site.open, text_pdf(20, word="again"))

    expect(page.locator("#job-state")).to_have_text(re.compile("^Done: 20 pages"))
    expect(page.locator("#job-notice")).to_be_empty()
    assert broken


def test_a_wrong_page_range_is_refused_in_words(visit: Visit, site: Sites) -> None:
    visit.page.goto(f"{site.open}/")
    visit.page.fill("#range", "seven")
    visit.choose(text_pdf(2))

    expect(visit.page.get_by_role("alert")).to_contain_text("The document was not taken")
    expect(visit.page.get_by_role("alert")).to_contain_text("seven")


def test_a_key_is_asked_for_kept_in_the_tab_and_sent_along(visit: Visit, site: Sites) -> None:
    page = visit.page
    page.goto(f"{site.locked}/")
    expect(page.locator("#start-notice")).to_contain_text("This needs an API key")
    visit.choose(text_pdf(2))
    expect(page.locator("#key")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_contain_text("This needs an API key")
    page.get_by_role("button", name="Try again").click()
    page.fill("#key-value", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key-why")).to_contain_text("not one of this server's")
    page.fill("#key-value", SECRET)
    page.keyboard.press("Enter")

    expect(page.locator("#job-state")).to_have_text(re.compile("^Done: 2 pages"))
    expect(page.locator(".frame img")).to_be_visible()
    assert page.evaluate("() => JSON.stringify({...sessionStorage})") == json.dumps(
        {"omnipipe.key": SECRET}, separators=(",", ":")
    )
    assert SECRET not in "".join(visit.requests)


def test_a_full_server_is_asked_again_when_it_says(visit: Visit, site: Sites) -> None:
    page = visit.page
    page.goto(f"{site.full}/")
    visit.choose(text_pdf(2))

    expect(page.locator("#start-notice")).to_contain_text("The server is busy")
    expect(page.locator("#start-notice")).to_contain_text(re.compile(r"Trying again in \d s"))
    before = sum(address.endswith("/v1/documents") for address in visit.requests)
    with page.expect_request("**/v1/documents"):
        page.get_by_role("button", name="Try now").click()
    expect(page.locator("#start-notice")).to_contain_text("The server is busy")
    page.get_by_role("button", name="Stop").click()

    expect(page.locator("#start-notice")).to_be_empty()
    assert before == 1


@pytest.mark.parametrize("form", ["markdown", "json", "ndjson"])
def test_what_was_read_is_saved_as_it_came(visit: Visit, site: Sites, form: str, tmp_path: Path) -> None:
    page = visit.upload(site.open, text_pdf(3, word="part"), "report.pdf")
    expect(page.locator("#job-state")).to_have_text(re.compile("^Done"))
    job = page.url.partition("#")[2]

    with page.expect_download() as download:
        page.locator(f"button[data-form={form}]").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")

    served = page.request.get(f"{site.open}/v1/jobs/{job}?format={form}").text()
    assert download.value.suggested_filename == {"markdown": "report.md"}.get(form, f"report.{form}")
    if form == "markdown":
        assert text.strip() == served.strip()
    elif form == "json":
        assert json.loads(text) == json.loads(served)
    else:
        assert [json.loads(line) for line in text.splitlines()] == [json.loads(line) for line in served.splitlines()]


def test_cancelling_removes_the_document_and_keeps_what_was_read(visit: Visit, site: Sites) -> None:
    page = visit.upload(site.open, fax("Harbour news of today", num_pages=150), "fax.tiff")
    job = page.url.partition("#")[2].partition("/")[0]
    page.click("#cancel")

    expect(page.locator("#job-state")).to_have_text(re.compile("^Cancelled"))
    expect(page.locator("#text")).to_contain_text("Harbour news")
    # The page is told that its job has ended, and it is gone a moment later.
    assert until(lambda: page.request.get(f"{site.open}/v1/jobs/{job}").status == 404)


def test_a_finished_document_is_deleted_when_confirmed(visit: Visit, site: Sites) -> None:
    page = visit.upload(site.open, text_pdf(1, word="gone"))
    job = page.url.partition("#")[2]
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#delete")

    expect(page.locator("#start")).to_be_visible()
    assert page.request.get(f"{site.open}/v1/jobs/{job}").status == 404


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_dark_mode_is_followed(browser: Browser, site: Sites, path: str) -> None:
    shades = []
    for dark in (False, True):
        visit = Visit(browser, dark=dark)
        visit.page.goto(site.open + path)
        visit.page.locator("h1, h2").first.wait_for()
        shades.append(
            visit.page.evaluate(
                """() => ["backgroundColor", "color"].map((name) =>
                    Number(getComputedStyle(name === "color" ? document.querySelector("h1, h2") : document.body)[name]
                        .match(/\\d+/)[0]))"""
            )
        )
        visit.close()

    (paper, ink), (dark_paper, dark_ink) = shades
    assert paper - ink > 120
    assert dark_ink - dark_paper > 120


def test_a_phone_scrolls_in_one_direction_only(browser: Browser, site: Sites) -> None:
    visit = Visit(browser, width=360, height=740)
    page = visit.upload(site.open, text_pdf(3))
    page.locator(".frame img").wait_for()

    widths = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    visit.close()

    assert widths[0] <= widths[1]


def test_the_api_is_documented_without_any_network(visit: Visit, site: Sites) -> None:
    visit.page.goto(f"{site.open}/docs")

    expect(visit.page.locator(".opblock").first).to_be_visible()
    visit.page.get_by_text("/v1/documents").first.click()
    expect(visit.page.locator(".opblock.is-open")).to_have_count(1)
    assert [address for address in visit.requests if not address.startswith((site.open, "data:"))] == []
    assert visit.problems == []
