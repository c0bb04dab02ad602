"""HTTP as it goes wrong: who is asked twice, who never, and what the person reads."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sandbox import net
from tests.unit.cli.serving import HANG_UP, TENANT, Asked, Cli, Said, problem, serving

Answer = Callable[[Asked], Said]


class Scripted:
    """Replies in order, the last one for ever; remembers what was asked."""

    def __init__(self, *replies: Said) -> None:
        self.replies = list(replies)
        self.asked: list[Asked] = []

    def __call__(self, asked: Asked) -> Said:
        self.asked.append(asked)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


BUSY = Said(503, {"title": "service is unavailable", "detail": "try again"}, {"Retry-After": "0"})


def test_a_busy_service_is_asked_again() -> None:
    server = Scripted(BUSY, BUSY, Said(200, [{"id": "a"}]))
    with serving(server) as url:
        assert Cli(url).json("definitions", "list") == [{"id": "a"}]
    assert len(server.asked) == 3


def test_but_not_for_ever() -> None:
    server = Scripted(BUSY)
    with serving(server) as url:
        done = Cli(url)("definitions", "list")
    assert (done.exit_code, done.stderr) == (3, "sedo: service is unavailable: try again\n")
    assert len(server.asked) == 4


@pytest.mark.parametrize("words", [("execute", "a"), ("definitions", "delete", "a")])
def test_what_may_have_been_done_is_not_sent_twice(words: tuple[str, ...]) -> None:
    server = Scripted(BUSY)
    with serving(server) as url:
        assert Cli(url)(*words).exit_code == 3
    assert len(server.asked) == 1


def test_without_a_time_to_come_again_nobody_does() -> None:
    server = Scripted(problem(503, "execution cannot be read", "written by a newer version"))
    with serving(server) as url:
        assert "newer version" in Cli(url)("executions", "get", "a").stderr
    assert len(server.asked) == 1


def test_the_token_is_a_bearer_token() -> None:
    server = Scripted(Said(200, []))
    with serving(server) as url:
        Cli(url)("definitions", "list", SEDO_TOKEN="from-environment")
        Cli(url)("definitions", "list", "--token", "given", SEDO_TOKEN="from-environment")
        Cli(url)("definitions", "list")
    found = [asked.headers.get("Authorization") for asked in server.asked]
    assert found == ["Bearer from-environment", "Bearer given", None]


def test_the_actor_is_named() -> None:
    server = Scripted(Said(200, []))
    with serving(server) as url:
        Cli(url)("tasks", "list", SEDO_ACTOR="anna")
        Cli(url)("tasks", "list", "--as", "bob", SEDO_ACTOR="anna")
        Cli(url)("tasks", "list")
    assert [asked.headers.get("X-Sedo-Actor") for asked in server.asked] == ["anna", "bob", None]


def test_names_are_escaped_and_stages_kept() -> None:
    server = Scripted(Said(200, {}))
    with serving(server) as url:
        Cli(url + "/api/")("executions", "get", "123:a/b?c", "--json")
    assert server.asked[0].path == f"/api{TENANT}/executions/123%3Aa%2Fb%3Fc"


def test_a_next_page_is_followed_wherever_it_is_relative_to() -> None:
    server = Scripted(Said(200, [{"id": "a"}], {"Link": '<?limit=50&cursor=x>; rel="next"'}), Said(200, [{"id": "b"}]))
    with serving(server) as url:
        assert len(Cli(url).json("definitions", "list")) == 2
    assert server.asked[1].path == f"{TENANT}/definitions?limit=50&cursor=x"


def test_a_next_page_on_another_server_does_not_get_the_token() -> None:
    server = Scripted(Said(200, [{"id": "a"}], {"Link": '<http://elsewhere.example/x>; rel="next"'}))
    with serving(server) as url:
        done = Cli(url)("definitions", "list", SEDO_TOKEN="secret")
    assert done.exit_code == 3
    assert "another server" in done.stderr


@pytest.mark.parametrize(
    ("reply", "code", "said"),
    [
        (
            Said(403, {"message": "Missing Authentication Token"}),
            1,
            "HTTP 403, Missing Authentication Token: not allowed",
        ),
        (Said(401, {"message": "Unauthorized"}), 1, "HTTP 401, Unauthorized: who are you? Set SEDO_TOKEN"),
        (Said(429, "slow down"), 1, "HTTP 429: too many requests: try again later"),
        (Said(418, "<html>"), 1, "HTTP 418: no reason was given"),
        (Said(504, {"message": "Endpoint request timed out"}), 3, "HTTP 504, Endpoint request timed out"),
        (Said(302, "", {"Location": "https://other.example/"}), 3, "redirects to https://other.example/"),
        (Said(200, "<html>hello</html>"), 3, "not in JSON: is there a sedo at this address?"),
        (problem(500, "internal error", "a fault", requestId="r-1"), 3, "internal error: a fault (request r-1)"),
        (problem(400, "bad", "one\ntwo"), 1, "sedo: bad\n  one\n  two\n"),
        (problem(400, "bad", "x", errors=[{"path": "/a", "message": "m"}]), 1, "sedo: bad\n  /a: m\n"),
        (problem(400, "bad", "\x1b[31mred\u202e"), 1, "sedo: bad: ?[31mred?\n"),
    ],
)
def test_refusals_are_sentences(reply: Said, code: int, said: str) -> None:
    with serving(lambda _: reply) as url:
        done = Cli(url)("definitions", "list")
    assert done.exit_code == code
    assert said in done.stderr
    assert done.stdout == ""


def test_json_refusals_are_documents_on_standard_error() -> None:
    with serving(lambda _: problem(404, "not found", "definition a is unknown")) as url:
        done = Cli(url)("--json", "definitions", "get", "a")
    assert json.loads(done.stderr)["detail"] == "definition a is unknown"
    assert (done.exit_code, done.stdout) == (1, "")


def test_nobody_at_home_is_exit_code_3() -> None:
    url = f"http://127.0.0.1:{net.free_port()}"
    done = Cli(url)("definitions", "list")
    assert (done.exit_code, done.stderr) == (3, f"sedo: no answer from {url}: Connection refused\n")


def test_a_connection_that_breaks_is_exit_code_3() -> None:
    with serving(lambda _: HANG_UP) as url:
        done = Cli(url)("definitions", "list")
    assert done.exit_code == 3
    assert f"no answer from {url}: " in done.stderr


@pytest.mark.parametrize("url", ["ftp://a", "sedo.example", "http://", "http://[::1", "http://a b/", "http://a:99999"])
def test_a_url_that_is_none_is_exit_code_2(url: str) -> None:
    done = Cli(url)("definitions", "list")
    assert done.exit_code == 2, done.stderr
    assert "SEDO_URL" in done.stderr
