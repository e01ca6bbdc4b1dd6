"""What the internal port answers, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from addons.audit.reader import Reader
from addons.page.access import COOKIE
from addons.page.history import PAGE
from addons.page.sources import Reloaded
from config.load import load
from tests.addons.page.desk import HOST, NOW, OWN, REFUSED, SHA, TOKEN, Notebook, asked, filled, row, sources, write

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
REFUSED_REF = f"{500:08x}"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return write(tmp_path_factory.mktemp("log") / "log.db", filled())


def word(client: TestClient) -> str:
    """Log in, and give the word of the session's forms."""
    answer = client.post("/login", data={"token": TOKEN}, headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    found = re.search(r'name="word" value="([^"]+)"', client.get("/").text)
    assert found
    return found[1]


def test_health(log: Reader) -> None:
    with asked(sources(log, unready=lambda: ["the model is not loaded yet"])) as client:
        assert client.get("/healthz").status_code == 200
        assert (client.get("/readyz").status_code, client.get("/readyz").text) == (503, "the model is not loaded yet\n")
        assert "the model is not loaded yet" in client.get("/").text
    with asked(sources(log)) as client:
        assert (client.get("/readyz").status_code, client.get("/readyz").text) == (200, "ready\n")


def test_metrics_are_those_that_are_given(log: Reader) -> None:
    with asked(sources(log, exposition=lambda: b"some 1\n")) as client:
        answer = client.get("/metrics")
        assert (answer.text, answer.headers["content-type"]) == ("some 1\n", "text/plain; version=0.0.4; charset=utf-8")


@pytest.mark.parametrize("path", ["/", "/verdicts", f"/verdicts/{REFUSED_REF}", "/login", "/none", "/static/page.js"])
def test_every_answer_keeps_browsers_strict(log: Reader, path: str) -> None:
    with asked(sources(log)) as client:
        answer = client.get(path)
        assert answer.status_code == (404 if path == "/none" else 200)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert (
            re.findall(r"<script[^>]*>[^<]|style=|<img|\son\w+=|https?://(?!www\.w3\.org/2000/svg)", answer.text) == []
        )


def test_page_has_the_numbers_of_the_log(log: Reader) -> None:
    with asked(sources(log)) as client:
        text = client.get("/").text
    hour = [each for each in filled() if each.at >= NOW // 60 * 60 - 59 * 60]
    judged = sum(each.cause is None for each in hour)
    assert f"<strong>{judged}</strong> scanned" in text
    assert f"<strong>{sum(each.outcome != 'pass' for each in hour)}</strong> refused" in text
    assert "<strong>1</strong> unscanned" in text
    assert '<strong class="number">7</strong> of 317 files' in text  # at 0.85: six refused, one in shadow mode
    assert "explicit: at least 0.85, reject" in text
    assert re.search(r">explicit</a></th><td>7</td>", text)
    assert re.search(r"p50</th><td>0.40</td>", text)
    assert "friends</th><td>12345</td><td>as of yesterday" in text


def test_what_if_without_javascript(log: Reader) -> None:
    with asked(sources(log)) as client:
        for threshold, count in (("0.60", 17), ("0.5", 17), ("0.7", 12), ("1", 0), ("0", 317)):
            text = client.get("/", params={"signal": "nsfw", "threshold": threshold}).text
            assert f'<strong class="number">{count}</strong>' in text, threshold
        assert client.get("/", params={"signal": "no such", "threshold": "0.5"}).status_code == 200


def test_reload_that_failed_is_told(log: Reader) -> None:
    failed = Reloaded(good=False, at=NOW, message="filter.yaml:3: mode: must be <enforce>")
    with asked(sources(log, reloaded=lambda: failed)) as client:
        text = client.get("/").text
    assert "not reloaded" in text
    assert "mode: must be &lt;enforce&gt;" in text


def test_settings_that_wait_for_a_restart_are_told(log: Reader) -> None:
    with asked(
        sources(log, reloaded=lambda: Reloaded(good=True, at=NOW, waiting=("listen", "fetch.<ports>")))
    ) as client:
        text = client.get("/").text
    assert "reloaded <time>" in text
    assert "Not in force before the next start: <code>listen</code>, <code>fetch.&lt;ports&gt;</code>." in text
    with asked(sources(log, reloaded=lambda: Reloaded(good=True, at=NOW))) as client:
        assert "Not in force" not in client.get("/").text


def test_what_if_is_about_where_looking_ends_with_a_refusal(log: Reader) -> None:
    for mode, about in (("enforce", True), ("shadow", False)):
        with asked(sources(log, config=load(None, {"PICTRS_FILTER_MODE": mode}))) as client:
            text = client.get("/").text
        assert ('">about <strong class="number">' in text) is about, mode
        assert ("looking ends with a refusal" in text) is about, mode
        assert "fewer than this" not in text


def test_log_that_is_not_there_leaves_the_rest(tmp_path: Path) -> None:
    with asked(sources(Reader(tmp_path / "none.db"))) as client:
        answer = client.get("/")
        assert (answer.status_code, "there is no log at" in answer.text, "open-nsfw" in answer.text) == (
            200,
            True,
            True,
        )
        assert "there is no log at" in client.get("/verdicts").text
        assert client.get("/verdicts/00000001").status_code == 503
    with asked(sources(None)) as client:
        assert "The log of verdicts is off" in client.get("/").text
        assert "The log of verdicts is off" in client.get("/verdicts").text


def test_history_filters_and_pages(log: Reader) -> None:
    with asked(sources(log)) as client:
        assert set(refs(client.get("/verdicts?outcome=reject").text)) == {
            f"{500 + index:08x}" for index in range(6)
        } | {f"{601:08x}"}
        assert refs(client.get("/verdicts?source=proxy").text) == [f"{603:08x}"]
        assert refs(client.get("/verdicts?outcome=would-reject").text) == [f"{600:08x}"]
        assert len(refs(client.get("/verdicts?rule=borderline").text)) == 10
        assert refs(client.get(f"/verdicts?ref={REFUSED_REF}").text) == [REFUSED_REF]
        seen: list[str] = []
        path: str | None = "/verdicts?rule="
        while path:
            text = client.get(path).text
            seen += refs(text)
            assert len(refs(text)) <= PAGE
            older = re.search(r'rel="next" href="([^"]+)"', text)
            path = older[1].replace("&amp;", "&") if older else None
        assert sorted(seen) == sorted(each.ref for each in filled())


def test_history_keeps_its_filter_on_the_next_page(log: Reader) -> None:
    with asked(sources(log)) as client:
        assert re.search(r'href="/verdicts\?outcome=pass&amp;before=\d+"', client.get("/verdicts?outcome=pass").text)


@pytest.mark.parametrize(
    "query", ["rule=<script>", "outcome=x", "source=x", "ref=xyz", "before=-1", "before=" + "9" * 30]
)
def test_filter_that_is_none_is_told(log: Reader, query: str) -> None:
    with asked(sources(log)) as client:
        answer = client.get(f"/verdicts?{query}")
        assert (answer.status_code, "filter is left out" in answer.text, "<script>" in answer.text) == (
            200,
            True,
            False,
        )


def test_texts_of_the_log_are_escaped(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    log = write(
        tmp_path / "log.db", [row(1, rule="explicit", detail=hostile, note=hostile, type=hostile, host=hostile)]
    )
    with asked(sources(log)) as client:
        for path in ("/", "/verdicts", "/verdicts/00000001"):
            assert "<script>a" not in client.get(path).text
            assert "&lt;script&gt;a" in client.get(path).text


@pytest.mark.parametrize("ref", ["zzzzzzzz", "ffffffff", "1", "%3Cscript%3E"])
def test_verdict_that_is_not_there(log: Reader, ref: str) -> None:
    with asked(sources(log)) as client:
        answer = client.get(f"/verdicts/{ref}")
        assert (answer.status_code, "<script>" in answer.text) == (404, False)


@pytest.mark.parametrize("kind", ["allow", "deny"])
def test_file_is_put_on_a_list_from_the_page(log: Reader, kind: str) -> None:
    book = Notebook()
    with asked(sources(log, book)) as client:
        form = {"ref": REFUSED_REF, "note": "  my\n cat ", "word": word(client)}
        answer = client.post(f"/{kind}", data=form, headers=OWN)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/verdicts/{REFUSED_REF}?listed={kind}")
        assert "It is on the list." in client.get(answer.headers["location"]).text
    assert book.entries == [(kind, SHA, "my cat")]


def test_script_puts_a_file_on_a_list(log: Reader) -> None:
    book = Notebook()
    with asked(sources(log, book)) as client:
        answer = client.post("/deny", data={"ref": REFUSED_REF}, headers=BEARER)
        assert (answer.status_code, answer.json()) == (
            200,
            {"list": "deny", "ref": REFUSED_REF, "sha256": SHA, "on": ["deny"]},
        )
        answer = client.post("/allow", data={"ref": REFUSED_REF}, headers=BEARER)
        assert answer.json()["on"] == ["allow", "deny"]
        answer = client.post("/allow/remove", data={"ref": REFUSED_REF}, headers=BEARER)
        assert answer.json() == {"list": "allow", "ref": REFUSED_REF, "sha256": SHA, "on": ["deny"]}
    assert book.entries == [("deny", SHA, f"ref {REFUSED_REF}, from the status page")]


def test_allow_does_not_promise_what_deny_forbids(log: Reader) -> None:
    book = Notebook()
    book.add("deny", SHA, "theirs")
    with asked(sources(log, book)) as client:
        form = {"ref": REFUSED_REF, "word": word(client)}
        text = client.get(client.post("/allow", data=form, headers=OWN).headers["location"]).text
        assert "which wins: it is refused as before." in text
        assert "It will pass" not in text
        assert 'formaction="/deny/remove">Take off deny</button>' in text
        text = client.get(client.post("/deny/remove", data=form, headers=OWN).headers["location"]).text
        assert "It is off the list deny. It will pass from now on: it is on the list allow." in text
        assert "Take off deny" not in text
        assert 'formaction="/allow/remove">Take off allow</button>' in text
        text = client.get(client.post("/deny", data=form, headers=OWN).headers["location"]).text
        assert "It will be refused from now on. It is on the list allow, too: deny wins." in text
        client.cookies.clear()
        text = client.get(f"/verdicts/{REFUSED_REF}").text
        assert "Take off" not in text  # who is not logged in is not told what is on the lists
        assert client.post("/deny/remove", data=form, headers=OWN).status_code == 401
    assert [kind for kind, *_ in book.entries] == ["allow", "deny"]


def test_lists_that_cannot_be_read_leave_the_verdict(log: Reader) -> None:
    book = Notebook("deny.txt: cannot be read")
    with asked(sources(log, book)) as client:
        word(client)
        answer = client.get(f"/verdicts/{REFUSED_REF}?listed=allow")
        assert (answer.status_code, "deny.txt: cannot be read" in answer.text) == (200, True)
        assert "will pass" not in answer.text


@pytest.mark.parametrize(
    ("status", "headers", "with_cookie", "with_word"),
    [
        pytest.param(401, OWN, False, True, id="no cookie"),
        pytest.param(403, OWN, True, False, id="no word"),
        pytest.param(403, {}, True, True, id="neither Origin nor Sec-Fetch-Site"),
        pytest.param(403, {"Origin": "http://evil.example"}, True, True, id="a form of another site"),
        pytest.param(403, {**OWN, "Sec-Fetch-Site": "cross-site"}, True, True, id="another site, by Sec-Fetch-Site"),
        pytest.param(403, {"Origin": "null"}, True, True, id="a sandboxed frame"),
        pytest.param(421, {**OWN, "Host": "evil.example:8083"}, True, True, id="a name that was rebound"),
        pytest.param(401, {"Authorization": "Bearer wrong"}, False, False, id="a wrong token"),
        pytest.param(401, {"Authorization": "Bearer "}, True, True, id="an empty token"),
        pytest.param(403, {**BEARER, "Origin": "http://evil.example"}, False, False, id="a token from another site"),
        pytest.param(415, {**OWN, "Content-Type": "text/plain"}, True, True, id="a form as plain text"),
    ],
)
def test_changes_that_are_refused(
    log: Reader, status: int, headers: dict[str, str], with_cookie: bool, with_word: bool
) -> None:
    book = Notebook()
    with asked(sources(log, book)) as client:
        right = word(client)
        if not with_cookie:
            client.cookies.clear()
        body = f"ref={REFUSED_REF}&word={right if with_word else 'wrong'}"
        assert client.post("/allow", content=body, headers=FORM | headers).status_code == status
        assert client.get("/allow").status_code == 405
    assert book.entries == []


def test_nothing_can_be_changed_without_a_token_file(log: Reader) -> None:
    book = Notebook()
    with asked(sources(log, book), token=None) as client:
        assert client.post("/allow", data={"ref": REFUSED_REF}, headers=BEARER).status_code == 403
        assert client.post("/login", data={"token": ""}, headers=OWN).status_code == 403
        assert "Nobody can log in" in client.get("/login").text
        assert "admin.token_file" in client.get(f"/verdicts/{REFUSED_REF}").text
    assert book.entries == []


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"ref": "x"}, 400),
        ({"ref": "ffffffff"}, 404),
        ({"ref": f"{1:08x}"}, 409),
        ({"ref": REFUSED_REF, "note": "x" * 201}, 400),
        ({"ref": REFUSED_REF, "note": "a\x00b"}, 400),
        ({"ref": REFUSED_REF, "note": "x" * 9000}, 413),
    ],
)
def test_form_that_does_not_do(log: Reader, form: dict[str, str], status: int) -> None:
    book = Notebook()
    with asked(sources(log, book)) as client:
        answer = client.post("/allow", data=form, headers=BEARER)
        assert (answer.status_code, list(answer.json())) == (status, ["error"])
        twice = client.post("/allow", content="ref=1&ref=2", headers=FORM | BEARER)
        assert twice.status_code == 400
    assert book.entries == []


def test_a_ref_of_several_files_is_nobodys(tmp_path: Path) -> None:
    twice = [row(500, at, **REFUSED) for at in (NOW - 9, NOW - 5)]
    other = row(500, NOW - 1, **{**REFUSED, "sha256": "cd" * 32})
    for rows, status in ((twice, 200), ([*twice, other], 409)):
        book = Notebook()
        with asked(sources(write(tmp_path / f"{status}.db", rows), book)) as client:
            assert client.post("/allow", data={"ref": REFUSED_REF}, headers=BEARER).status_code == status
        assert len(book.entries) == (status == 200)


def test_list_that_cannot_be_changed_is_told(log: Reader) -> None:
    with asked(sources(log, Notebook("deny.txt: cannot be written: disk full"))) as client:
        answer = client.post("/deny", data={"ref": REFUSED_REF}, headers=BEARER)
        assert (answer.status_code, answer.json()) == (503, {"error": "deny.txt: cannot be written: disk full"})
    with asked(sources(log)) as client:
        assert client.post("/deny", data={"ref": REFUSED_REF}, headers=BEARER).status_code == 503


def test_session_cookie_is_kept_from_scripts_and_other_sites(log: Reader) -> None:
    with asked(sources(log)) as client:
        cookie = client.post("/login", data={"token": TOKEN}, headers=OWN).headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert TOKEN not in cookie
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_login_from_another_site_is_refused(log: Reader) -> None:
    with asked(sources(log)) as client:
        for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
            assert client.post("/login", data={"token": TOKEN}, headers=headers).status_code == 403


def test_logout_ends_the_session(log: Reader) -> None:
    book = Notebook()
    with asked(sources(log, book)) as client:
        right = word(client)
        kept = client.cookies[COOKIE]
        assert client.post("/logout", data={"word": "wrong"}, headers=OWN).status_code == 403
        assert client.post("/logout", data={"word": right}, headers=OWN).status_code == 303
        client.cookies.set(COOKIE, kept, domain=HOST)
        assert client.post("/allow", data={"ref": REFUSED_REF, "word": right}, headers=OWN).status_code == 401
    assert book.entries == []


def test_wrong_tokens_are_few(log: Reader) -> None:
    with asked(sources(log)) as client:
        got = [client.post("/login", data={"token": "wrong"}, headers=OWN).status_code for _ in range(6)]
        assert got == [401] * 5 + [429]
        assert client.post("/allow", data={"ref": REFUSED_REF}, headers=BEARER).status_code == 429


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/verdicts", "/static/page.css"])
def test_nothing_is_told_under_a_foreign_name(log: Reader, path: str) -> None:
    with asked(sources(log)) as client:
        answer = client.get(path, headers={"Host": "evil.example"})
        assert (answer.status_code, "admin.hosts" in answer.text) == (421, True)


def test_refused_row_has_its_forms_only_for_who_is_logged_in(log: Reader) -> None:
    with asked(sources(log)) as client:
        assert 'action="/allow"' not in client.get(f"/verdicts/{REFUSED_REF}").text
        word(client)
        assert 'action="/allow"' in client.get(f"/verdicts/{REFUSED_REF}").text
        text, kept = client.get("/verdicts").text, {each.ref for each in filled() if each.sha256}
        linked = re.findall(r'href="/verdicts/([0-9a-f]{8})#right"', text)
        assert linked == [ref for ref in refs(text) if ref in kept] != []
        assert 'action="/allow"' not in client.get(f"/verdicts/{1:08x}").text  # whose hash was not kept
    assert REFUSED["sha256"] == SHA


def refs(text: str) -> list[str]:
    """The refs of a history table, as they stand there."""
    return re.findall(r'href="/verdicts/([0-9a-f]{8})"', text)
