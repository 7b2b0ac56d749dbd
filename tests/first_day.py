"""The people of the first day on a machine that deploy/install has prepared: .ci/first-day runs it, as root.

    python -m tests.first_day teams         accounts, recovery keys, teams, pins
    python -m tests.first_day report FILE   a report through nginx, verified, forwarded, and read by a body; its code
    python -m tests.first_day opens FILE    on a restored machine: the code opens, and the body reads the report

They type at a terminal and press buttons of pages, as docs/operations.md says under "The first day".
"""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from hashlib import sha1
from hmac import digest
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from bench.client import Browser, Page
from bench.intake import report
from complaints.adapters import malware

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = Path("/srv/kanal-netral/var/portal.env")
NAME = "lapor.example.go.id"
PASSWORD = "kalimat panjang buatan sendiri"
BODY = "bkn"
# Of each team two, with their roles.
TEAMS = {
    "triage": {"vera": "verifier", "fitri": "forwarder"},
    "separate": {"sari": "verifier", "seno": "forwarder"},
    f"body-{BODY}": {"kirana": "overseer", "kresna": "overseer"},
}
# .ci/first-day gives clamd a signature of its own.
SIGNED = b"tanda-uji-pemindai"
MIB = 1024 * 1024
STORY_WORDS = "mendukung pasangan calon nomor dua"


def say(text: str) -> None:
    """Tell at once how far it got."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def manage(*words: str) -> str:
    """Run a command of the portal without a terminal; return what it printed."""
    done = subprocess.run([str(ROOT / "deploy" / "manage"), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


def at_terminal(*words: str, answer: str) -> str:
    """Run a command at a terminal, and type the same line at each prompt for a password; return what was shown."""
    child, terminal = pty.fork()
    if not child:
        os.execv(str(ROOT / "deploy" / "manage"), ["manage", *words])  # noqa: S606 - this repository's own program
    shown, answered = b"", 0
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # how a terminal tells its end
            break
        shown += piece
        prompts = len(re.findall(rb"(?:Password(?: \(again\))?|Once more): ", shown))
        if prompts > answered:
            # getpass throws away what was typed before it asks.
            time.sleep(0.3)
            os.write(terminal, answer.encode() + b"\n")
            answered = prompts
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    text = shown.decode(errors="replace")
    if status:
        raise SystemExit(f"{words}: {text}")
    return text


def recovery_keys(number: int) -> list[str]:
    """Make keys as keepers do, by the tool of the offline bundle; return the public halves."""
    with tempfile.TemporaryDirectory() as name:
        manage("--owner", "recover_team", "--bundle", f"{name}/keeper.tar.gz")
        subprocess.run(["tar", "xzf", f"{name}/keeper.tar.gz", "-C", name], check=True)
        command = ["/usr/bin/python3", f"{name}/keeper/keeper.py", "new-key"]
        pairs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(number)]
    return [pair.split()[1] for pair in pairs]


def teams() -> None:
    """Accounts before teams, teams before pins."""
    at_terminal("--owner", "createsuperuser", "--username", "induk", "--email", "", answer=PASSWORD)
    for members in TEAMS.values():
        for username, role in members.items():
            body = ["--body", BODY] if role == "overseer" else []
            manage("create_account", username, "--role", role, *body)
    keys = iter(recovery_keys(2 * len(TEAMS)))
    words = ["--owner", "setup_keys", "--body", BODY]
    for slug, members in TEAMS.items():
        words += [word for username in members for word in ("--member", f"{slug}:{username}")]
        words += ["--recovery", f"{slug}:{next(keys)}:{next(keys)}"]
    shown = at_terminal(*words, answer=PASSWORD)
    pins = re.search(r"^TEAM_KEY_PINS=\S+", shown, re.M)
    assert pins, shown
    with ENVIRONMENT.open("a", encoding="ascii") as file:
        file.write(f"{pins[0]}\n")
    say(f"teams: {pins[0]}")


@dataclass
class Form:
    """A form of a page: where it leads, and what would be sent."""

    action: str = ""
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[dict[str, str]] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    undone: list[str] = field(default_factory=list)
    radios: set[str] = field(default_factory=set)


class Forms(HTMLParser):
    """Reads the forms of a page and its links."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[dict[str, str]] = []
        self._select = self._text = ""
        self.feed(page.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        name = found.get("name", "")
        if tag == "form":
            self.forms.append(Form(found.get("action", "")))
        elif tag == "a":
            self.links.append(found)
        elif self.forms and tag == "button":
            self.forms[-1].buttons.append(found)
        elif self.forms:
            self._field(tag, found, name)

    def _field(self, tag: str, found: dict[str, str], name: str) -> None:
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            self.forms[-1].choices.setdefault(self._select, []).append(found.get("value", ""))
            if "selected" in found:
                self.forms[-1].values[self._select] = found.get("value", "")
        elif tag == "textarea":
            self._text = name
            self.forms[-1].values[name] = ""
        elif tag == "input" and name:
            self._input(found, name)

    def _input(self, found: dict[str, str], name: str) -> None:
        form, kind = self.forms[-1], found.get("type", "text")
        if kind in ("checkbox", "radio"):
            form.choices.setdefault(name, []).append(found.get("value", "on"))
            if kind == "radio":
                form.radios.add(name)
            # What a checklist asks was done, where it can be ticked; else it is said why not.
            if "checked" in found or (name.startswith("check-") and "disabled" not in found):
                form.values[name] = found.get("value", "on")
            elif name.startswith("check-"):
                form.undone.append(name.replace("check-", "why-"))
        elif kind != "submit":
            form.values[name] = found.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._text:
            self.forms[-1].values[self._text] += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._text = ""
        elif tag == "select":
            self._select = ""

    def with_button(self, **attributes: str) -> Form:
        """Return the form that has a button with these attributes, each a part of the whole."""
        for form in self.forms:
            for button in form.buttons:
                if all(value in button.get(name, "") for name, value in attributes.items()):
                    return form
        raise SystemExit(f"no button {attributes}: {[form.buttons for form in self.forms]}")


class Officer:
    """Somebody of the staff in a browser, through nginx."""

    def __init__(self, username: str, secret: str = "") -> None:
        """Sign in; ``secret`` is that of the app, where one was set up."""
        self.browser, self.username, self.secret = Browser(NAME, 443, tls=True, has_assets=True), username, secret
        self.page = self.browser.open("/kantor/masuk/")
        self.submits(self._main(), login=username, password=PASSWORD)
        if self.page.path == "/kantor/faktor/":
            self._sets_up_an_app()
        elif secret:
            self.submits(self._main(), code=one_time_code(secret))
        assert self.page.path == "/kantor/", self.page.path

    def _main(self) -> Form:
        return Forms(self.page).with_button(**{"class": "btn-primary"})

    def _sets_up_an_app(self) -> None:
        self.goes(next(link["href"] for link in Forms(self.page).links if "btn-primary" in link.get("class", "")))
        block = re.search(r'id="secret".*?</', self.page.text, re.S)
        assert block
        shown = self.page.text[block.start() :].split("</p>")[0].split("</code>")[0]
        self.secret = "".join(re.findall(r"<span>([A-Z2-7]+)</span>", shown))
        self.submits(self._main(), code=one_time_code(self.secret))
        assert 'id="recovery-codes"' in self.page.text, self.page.text
        self.goes("/kantor/")

    def goes(self, path: str) -> None:
        """Open a page, through its redirects."""
        answer = self.browser.request("GET", path)
        while answer.status in (301, 302):
            answer = self.browser.request("GET", urlsplit(answer.location).path)
        assert answer.status == 200, (path, answer.status)
        self.page = answer

    def submits(self, form: Form, **values: str) -> None:
        """Send a form of the page, and follow."""
        path = urlsplit(form.action).path or self.page.path
        answer = self.browser.post_to(path, form.values | values)
        assert answer.status == 302, (path, answer.status, refusals(answer.text))
        self.goes(answer.location.removeprefix(f"https://{NAME}"))

    def opens(self, kind: str) -> str:
        """Open the only case or release of the list; return its address."""
        self.goes(f"/kantor/complaints/{kind}/")
        found = re.search(rf'href="(/kantor/complaints/{kind}/[0-9a-f-]{{36}}/change/)[^"]*"', self.page.text)
        assert found, refusals(self.page.text)
        self.goes(found[1])
        return found[1]

    def steps(self, action: str, **values: str) -> None:
        """Take a step of the open case or release."""
        links = [link["href"] for link in Forms(self.page).links if f"/langkah/{action}/" in link.get("href", "")]
        assert links, (action, refusals(self.page.text))
        self.goes(links[0])
        form = Forms(self.page).with_button(**{"class": "main"})
        if "body" in form.choices:
            values["body"] = next(value for value in form.choices["body"] if value)
        # What is asked of the danger is answered; the grade follows from the answers.
        asked = {name for name in form.radios - form.values.keys() if not name.endswith("grade")}
        answers = {name: form.choices[name][-1] for name in asked}
        self.submits(form, **dict.fromkeys(form.undone, "-"), **answers, **values)


def refusals(text: str) -> str:
    """What a page says, for a message of a failure."""
    return re.sub(r"\s+", " ", re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", text, flags=re.S))[:1500]


def one_time_code(secret: str) -> str:
    """RFC 6238 with its defaults, as an app works it out."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    value = digest(key, struct.pack(">Q", int(time.time()) // 30), sha1)
    place = value[-1] & 15
    return f"{(struct.unpack('>I', value[place : place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def reports(kept: Path) -> None:
    """Send a report, see to it that a body reads it, and keep its code and the app of the body's liaison in a file."""
    browser = Browser(NAME, 443, tls=True)
    code = report(browser).code
    say(f"report: sent, code {len(code)} characters")
    vera = Officer("vera")
    vera.opens("case")
    vera.steps("verify")
    say("report: verified")
    fitri = Officer("fitri")
    fitri.opens("case")
    fitri.steps("forward", cover="Mohon ditindaklanjuti.")
    say("report: forwarded")
    kirana = Officer("kirana")
    kirana.opens("release")
    assert STORY_WORDS in kirana.page.text, refusals(kirana.page.text)
    say("report: read by the body")
    kept.write_text(json.dumps({"code": code, "secret": kirana.secret}), encoding="ascii")
    assert malware.scan([SIGNED], socket_path="/run/clamav/clamd.ctl").state == "infected"
    assert malware.scan([bytes(30 * MIB)], socket_path="/run/clamav/clamd.ctl").state == "clean"
    say("report: clamd takes more than Debian's 25 MB, and knows its signature")


def opens(kept: Path) -> None:
    """Open the report by its code, and read it as the body does, who signs in with the password and the app."""
    before = json.loads(kept.read_text(encoding="ascii"))
    browser = Browser(NAME, 443, tls=True)
    page = browser.send(browser.open("/cek/"), {"code": before["code"]})
    assert page.path == "/cek/laporan/", refusals(page.text)
    say("restored: the code opens")
    kirana = Officer("kirana", before["secret"])
    kirana.opens("release")
    assert STORY_WORDS in kirana.page.text, refusals(kirana.page.text)
    say("restored: read by the body")
    assert malware.scan([SIGNED], socket_path="/run/clamav/clamd.ctl").state == "infected"


if __name__ == "__main__":
    if sys.argv[1] == "teams":
        teams()
    else:
        {"report": reports, "opens": opens}[sys.argv[1]](Path(sys.argv[2]))
