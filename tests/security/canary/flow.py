"""A report's whole life through the real pages, with a marker of its own typed into every field."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from complaints.adapters import sample_files
from complaints.domain import checklists
from complaints.domain.risk import RiskAnswer, RiskQuestion
from complaints.domain.workflow import Action
from complaints.models.case import Case
from complaints.models.complaint import Complaint
from complaints.models.evidence import EvidenceObject
from complaints.models.oversight import DecisionCopy, Release, ReleasedFile
from complaints.models.question import ReleaseQuestion
from complaints.models.team import Role, Staff, TeamMembership
from complaints.queue import JOBS
from complaints.services import mfa
from complaints.services.keyring import keys_from
from tests.cases import chosen
from tests.images import photo
from tests.views.walk import code_on, token_of, version
from tests.world import PASSWORD, app_code, sign_in


class Browser(Client):
    """A client that keeps every address and cookie that went over the wire."""

    def __init__(self, wire: list[str]) -> None:
        super().__init__(raise_request_exception=False)
        self.wire = wire

    def request(self, **request: Any) -> HttpResponse:
        self.wire.append(f"{request['PATH_INFO']}?{request.get('QUERY_STRING', '')}")
        answer = super().request(**request)
        self.wire.append(answer.headers.get("Location", ""))
        self.wire += [cookie.OutputString() for cookie in answer.cookies.values()]
        return answer


@dataclass
class MarkedProcedure:
    """Who does what, and what was typed: markers by the name of the field."""

    markers: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    wire: list[str] = field(default_factory=list)

    def mark(self, name: str) -> str:
        """A word that stands nowhere else in the world."""
        return self.markers.setdefault(name, f"Kenari{name.title().replace('_', '')}{secrets.token_hex(6)}")

    def number(self, name: str) -> str:
        """A number that can be a NIP: born in the seventies or eighties, appointed in the years after 2010."""
        born = (
            f"19{secrets.choice('78')}{secrets.randbelow(10)}{1 + secrets.randbelow(12):02}{10 + secrets.randbelow(19)}"
        )
        appointed = f"201{secrets.randbelow(10)}{1 + secrets.randbelow(12):02}"
        return self.markers.setdefault(name, f"{born}{appointed}{secrets.choice('12')}{1 + secrets.randbelow(999):03}")

    def browser(self) -> Browser:
        return Browser(self.wire)

    # --- The reporter

    def report(self) -> Browser:
        client = self.browser()
        client.post("/lapor/ditekan/", {"accused_kind": "superior", "category": "A2"})
        client.post("/lapor/siapa/", self._who() | {"go": "stay", "event_from": self.mark("wrong_date")})
        client.post("/lapor/siapa/", self._who() | version(client, "/lapor/siapa/"))
        # An older window of that page, whose words are shown beside the newer ones and kept nowhere.
        assert client.post("/lapor/siapa/", self._who() | {"agency": self.mark("older_window")}).status_code == 200
        story_page = {"story": f"Saya menulis {self.mark('story')} dan masih banyak lagi supaya cukup panjang."}
        story_page["links"] = f"https://contoh.invalid/p/{self.mark('link')}"
        client.post("/lapor/cerita/", story_page | {"evidence": self._files("draft")})
        named = {
            "identity": "confidential",
            "name": self.mark("name"),
            "contact": self.mark("contact"),
            "recipient": "bkn",
        }
        token = token_of(client.get("/lapor/periksa/"))
        sent = client.post("/lapor/periksa/", named | {"token": token})
        assert sent.headers["Location"] == "/lapor/kode/", sent.content.decode()
        page = client.get("/lapor/kode/")
        self.keep_code(code_on(page))
        client.post("/lapor/kode/unduh/")
        self.secrets["reporter cookie"] = client.cookies["lapor"].value
        return client

    def keep_code(self, code: str) -> None:
        self.secrets["code"] = code
        self.secrets["grouped code"] = "-".join(code[n : n + 5] for n in range(0, 30, 5))

    def _who(self) -> dict[str, str]:
        names = ("accused_name", "accused_position", "agency", "regency")
        who = {name: self.mark(name) for name in names} | {"accused_nip": self.number("nip")}
        return who | {"agency_kind": "regency", "province": "33", "event_from": "2026-11-02"}

    def _files(self, when: str) -> list[SimpleUploadedFile]:
        text = f"Isi berkas {self.mark(when + '_content')} ".encode() * 300
        image = photo(self.mark(when + "_maker"), size=(640, 480))
        return [
            SimpleUploadedFile(f"{self.mark(when + '_name')}.txt", text, "text/plain"),
            SimpleUploadedFile(f"{self.mark(when + '_picture')}.jpg", image, "image/jpeg"),
            SimpleUploadedFile(f"{self.mark(when + '_refused')}.exe", b"MZ" + text, "application/x-dosexec"),
        ]

    def come_back(self) -> Browser:
        client = self.browser()
        client.post("/cek/", {"code": self.mark("wrong_code")})
        client.post("/cek/", {"code": self.secrets["grouped code"]})
        assert client.post("/cek/laporan/jawab/", {"text": self.mark("message")}).status_code == 302
        told = {"kind": "moved", "happened_on": "2026-11-02", "text": self.mark("retaliation")}
        assert client.post("/cek/laporan/terjadi/", told).status_code == 302
        client.post("/cek/laporan/jawab/", {"go": "files", "evidence": self._files("later")})
        # They tell where they come from, so the reporter is told so and sends them once more.
        client.post("/cek/laporan/jawab/", {"go": "files"})
        self.secrets["ticket cookie"] = client.cookies["lapor"].value
        return client

    def withdraw_another(self) -> None:
        client = self.browser()
        client.post("/lapor/ditekan/", {"accused_kind": "superior", "category": "A2"})
        client.post("/lapor/siapa/", self._who())
        client.post("/lapor/cerita/", {"story": f"Cerita lain {self.mark('second_story')} yang ditarik kembali nanti."})
        token = token_of(client.get("/lapor/periksa/"))
        client.post("/lapor/periksa/", {"identity": "anonymous", "token": token})
        client.post("/cek/", {"code": code_on(client.get("/lapor/kode/"))})
        client.post("/cek/laporan/cabut/", {"reason": self.mark("withdraw_reason")})

    def ask_first(self) -> None:
        """A question before a report, its answer, a message after it, and the words that a report begins with."""
        client = self.browser()
        client.post("/tanya/", {"asked": f"Bolehkah {self.mark('asked')} seperti itu menurut aturan?"})
        token = token_of(client.get("/tanya/periksa/"))
        assert client.post("/tanya/periksa/", {"token": token}).headers["Location"] == "/lapor/kode/"
        code = code_on(client.get("/lapor/kode/"))
        self.secrets["code of the question"] = code
        client.post("/cek/", {"code": code})
        assert client.post("/cek/jawaban/tulis/", {"text": self.mark("asked_on")}).status_code == 302
        case, vera = Case.objects.get(kind="inquiry"), self.staff("vera")
        page = vera.get(reverse("admin:inquiry", args=[case.pk])).content.decode()
        assert self.markers["asked"] in page and self.markers["asked_on"] in page
        seen = re.search(r'name="seen" value="([^"]+)"', page)
        assert seen
        form = {"text": self.mark("inquiry_answer"), "seen": seen[1], "category": "A1", "day": "2026-11-02"}
        assert vera.post(reverse("admin:inquiry", args=[case.pk]), form).status_code == 302
        assert self.markers["inquiry_answer"] in client.get("/cek/jawaban/").content.decode()
        client.post("/cek/jawaban/lapor/", {"story": self.mark("story_after_asking")})

    def leave_a_draft(self) -> None:
        client = self.browser()
        client.post("/lapor/ditekan/", {"accused_kind": "superior", "category": "A2"})
        client.post("/lapor/siapa/", {"accused_name": self.mark("draft_accused")})
        page_3 = {"story": self.mark("draft_story"), "evidence": self._files("left"), "go": "park"}
        assert client.post("/lapor/cerita/", page_3).headers["Location"] == "/lapor/nanti/"
        self.secrets["code of a draft"] = code_on(client.get("/lapor/nanti/"))
        self.secrets["secret of a draft"] = client.cookies["lapor"].value

    # --- The staff

    def staff(self, name: str) -> Browser:
        client = self.browser()
        sign_in(client, name)
        self.secrets[f"cookie of {name}"] = client.cookies["kantor"].value
        return client

    def wrong_login(self) -> None:
        form = {"login": self.mark("login"), "password": self.mark("password")}
        self.browser().post(reverse("account_login"), form)

    def triage(self) -> None:
        case, complaint = Case.objects.get(status="received"), Complaint.objects.get(case__status="received")
        vera = self.staff("vera")
        vera.get(reverse("admin:complaints_case_changelist"))
        self.step(vera, case, "start_review")
        page = vera.get(reverse("admin:complaints_case_change", args=[case.pk]))
        for name in ("story", "accused_name", "nip", "message", "retaliation", "draft_name", "later_picture"):
            assert self.markers[name] in page.content.decode(), name
        for what in ("reply", "note"):
            address = reverse(f"admin:complaints_case_{what}", args=[case.pk, complaint.pk])
            assert vera.post(address, {"text": self.mark(what)}).status_code == 302
        acted = reverse("admin:complaints_case_retaliation", args=[case.pk, complaint.pk])
        assert vera.post(acted, {"act": "lpsk", "words": self.mark("act"), "tells": "on"}).status_code == 302
        self.search(vera)
        self.write_in_spite_of_warnings(vera, case, complaint)
        self.step(
            vera, case, "propose_ineligible", reason=self.mark("inner_reason"), **self.checklist("propose_ineligible")
        )
        self.step(self.staff("vino"), case, "reject_ineligible", reason=self.mark("second_reason"))
        self.step(vera, case, "ask_reporter", reason=self.mark("question"))
        self.answer(self.mark("answer"))
        for stored in EvidenceObject.objects.filter(evidence__complaint=complaint):
            address = reverse("admin:complaints_case_file", args=[case.pk, stored.pk])
            opened = vera.post(address, {"reason": self.mark("opening_reason")})
            assert b"".join(opened.streaming_content)  # type: ignore[attr-defined]
        self.grade(vera, case, complaint)
        self.share(vera, case)
        self.step(vera, case, "verify", **self.checklist("verify"))

    def search(self, client: Client) -> None:
        queue = reverse("admin:complaints_case_changelist")
        typed = {"name": self.mark("searched_name"), "agency": self.mark("searched_agency")}
        for form in (
            typed,
            {"words": self.number("searched_nip")},
            {"words": f"https://x.com/{self.mark('searched_post')}"},
        ):
            assert client.post(f"{queue}cari/", form).status_code == 302
            client.get(queue)
        client.post(f"{queue}saringan/", {"name": self.mark("saved_filter"), "shared": "on", "back": "due=late"})
        client.post(f"{queue}cari/hapus/")

    def write_in_spite_of_warnings(self, client: Client, case: Case, complaint: Complaint) -> None:
        """A text that is only looked at, then one that names the accused and is sent for a reason; and an export."""
        address = reverse("admin:complaints_case_reply", args=[case.pk, complaint.pk])
        looked = client.post(address, {"text": self.mark("only_looked_at"), "do": "preview"}).content.decode()
        assert self.markers["only_looked_at"] in looked
        words = {"text": f"{self.mark('warned_of')} {self.markers['accused_name']}"}
        refused = client.post(address, words)
        assert refused.status_code == 400 and self.markers["accused_name"] in refused.content.decode()
        assert client.post(address, words | {"override": self.mark("override")}).status_code == 302
        columns = {"columns": ["reference", "officer"], "form": "xlsx", "reason": "data_check"}
        assert client.post(reverse("admin:complaints_case_export"), columns).status_code == 200

    def share(self, vera: Client, case: Case) -> None:
        """Give the case to a colleague, who declines it and declares a conflict that a forwarder lifts."""
        vino, fitri = (Staff.objects.get(username=name) for name in ("vino", "fitri"))
        give = {"assignee": str(vino.pk), "words": self.mark("giving")}
        acts: list[tuple[Client, str, list[Any], dict[str, str]]] = [
            (vera, "case_assign", [case.pk], give),
            (self.staff("vino"), "case_decline", [case.pk], {"reason": self.mark("declining")}),
            (vera, "case_claim", [case.pk], {"seen": ""}),
            (
                vera,
                "absence_hand_over",
                [],
                {"case": str(case.pk), "to": str(fitri.pk), "words": self.mark("handing_over")},
            ),
            (self.staff("vino"), "case_conflict", [case.pk], {"reason": self.mark("conflict")}),
            (self.staff("fitri"), "conflict_lift", [case.pk, vino.pk], {"reason": self.mark("lifting")}),
        ]
        for client, name, address, form in acts:
            answer = client.post(reverse(f"admin:complaints_{name}", args=address), form)
            assert answer.status_code == 302, (name, answer.content.decode())

    def grade(self, client: Client, case: Case, complaint: Complaint) -> None:
        address = reverse("admin:complaints_case_risk", args=[case.pk, complaint.pk])
        answers = dict.fromkeys(RiskQuestion, RiskAnswer.UNKNOWN.value)
        answer = client.post(address, {**answers, "grade": "high", "why": self.mark("risk")})
        assert answer.status_code == 302, answer.content.decode()
        assert self.markers["risk"] in client.get(address).content.decode()

    def checklist(self, action: str) -> dict[str, str]:
        """A checklist: what has to be ticked ticked, everything else explained."""
        asked = checklists.items(Action(action))
        fields = {f"check-{item.code}": "yes" for item in asked if item.required}
        return fields | {f"why-{item.code}": self.mark(f"check_{item.code}") for item in asked if not item.required}

    def answer(self, text: str) -> None:
        client = self.browser()
        client.post("/cek/", {"code": self.secrets["code"]})
        assert client.post("/cek/laporan/jawab/", {"text": text}).status_code == 302

    def forward(self) -> None:
        case, fitri = Case.objects.get(status="verified"), self.staff("fitri")
        address = reverse("admin:complaints_case_forward", args=[case.pk])
        page = fitri.get(address)
        objects = re.findall(r'name="objects"\s+value="([0-9a-f-]+)"', page.content.decode())
        assert len(objects) > 4
        form: dict[str, Any] = {"seen": "verified", "body": "bkn", **chosen(page), "objects": objects}
        form |= self.checklist("forward") | {"cover": self.mark("cover"), "reply": self.mark("reply_of_forwarding")}
        answer = fitri.post(address, form)
        assert answer.status_code == 302, answer.content.decode()

    def examine(self) -> None:
        release, kirana = Release.objects.get(), self.staff("kirana")
        page = kirana.get(reverse("admin:complaints_release_change", args=[release.pk]))
        assert self.markers["cover"] in page.content.decode()
        for file in ReleasedFile.objects.all():
            kirana.post(reverse("admin:complaints_release_file", args=[release.pk, file.pk]))
        answer = kirana.post(reverse("admin:complaints_release_download", args=[release.pk]), {"knowing": "yes"})
        assert self.markers["cover"].encode() in b"".join(answer.streaming_content)  # type: ignore[attr-defined]
        self.names(kirana, release)
        self.step(kirana, release, "take_up")
        self.asked(kirana, release)
        self.desk_of_body(kirana, release)
        self.answer(self.mark("body_answer"))
        form = {"text": self.mark("finding")}
        form |= {"reply": f"{self.mark('finding_reply')} {self.markers['nip']}", "override": self.mark("body_override")}
        self.finding(kirana, release, form)
        letter = {name: self.mark(f"letter_{name}") for name in ("to", "number", "words")}
        address = reverse("admin:complaints_release_letter", args=[release.pk, "remind"])
        assert kirana.post(address, letter | {"day": timezone.localdate().isoformat()}).content.startswith(b"%PDF")
        today = timezone.localdate().isoformat()
        sent = {"addressee": self.mark("reminder_to"), "number": self.mark("reminder_number"), "decided_on": today}
        self.step(kirana, release, "remind", text=self.mark("reminder"), **sent)
        decision = {
            "kind": "moral_open",
            "accused_status": "pns",
            "rule": self.mark("agency_rule"),
            "basis": self.mark("decision_basis"),
            "number": f"800/{self.mark('decision')}",
            "reply": self.mark("sanction_reply"),
        }
        copy = sample_files.document([self.mark("decision_copy")])
        file = SimpleUploadedFile(f"{self.mark('decision_copy_name')}.pdf", copy)
        self.step(kirana, release, "sanction", decided_on=today, copy=file, **decision)
        stored = DecisionCopy.objects.get(variant="original")
        address = reverse("admin:complaints_release_decision_file", args=[release.pk, stored.pk])
        assert b"".join(kirana.post(address).streaming_content) == copy  # type: ignore[attr-defined]
        gone = {"why": "set_aside", "number": self.mark("set_aside"), "reply": self.mark("set_aside_reply")}
        self.step(kirana, release, "no_sanction", decided_on=timezone.localdate().isoformat(), **gone)
        self.step(kirana, release, "correct", decided_on=timezone.localdate().isoformat(), **decision)
        assert Case.objects.get(pk=release.case_id).status == "sanctioned"

    def desk_of_body(self, kirana: Client, release: Release) -> None:
        """A liaison notes, gives the release to a colleague with words, and searches."""
        kresna = str(Staff.objects.get(username="kresna").pk)
        for name, form in (
            ("note", {"text": self.mark("body_note")}),
            ("assign", {"to": kresna, "words": self.mark("body_giving")}),
        ):
            address = reverse(f"admin:complaints_release_{name}", args=[release.pk])
            assert kirana.post(address, form).status_code == 302
        page = kirana.get(reverse("admin:complaints_release_change", args=[release.pk])).content.decode()
        assert self.markers["body_note"] in page and self.markers["body_giving"] in page
        address = reverse("admin:complaints_release_search")
        for words in (self.mark("body_search"), self.markers["story"]):
            assert kirana.post(address, {"words": words}).status_code == 302
            kirana.get(address)

    def asked(self, kirana: Client, release: Release) -> None:
        """The body asks the office, and the reporter through the office."""
        office = {"text": self.mark("question_to_office")}
        assert kirana.post(reverse("admin:complaints_release_ask_office", args=[release.pk]), office).status_code == 302
        vera, question = self.staff("vera"), ReleaseQuestion.objects.get()
        address = [release.case_id, question.pk]
        answer = {"text": self.mark("answer_of_office")}
        assert vera.post(reverse("admin:complaints_case_question_answer", args=address), answer).status_code == 302
        readers = {"readers": [str(row.complaint_id) for row in release.reports.all()]}
        form = readers | {"text": self.mark("body_question")}
        for reason in (self.mark("why_given_back"), ""):
            proposed = kirana.post(reverse("admin:complaints_release_ask_reporter", args=[release.pk]), form)
            assert proposed.status_code == 302, proposed.content.decode()
            address = [release.case_id, ReleaseQuestion.objects.latest("at").pk]
            if reason:
                back = reverse("admin:complaints_case_question_back", args=address)
                assert vera.post(back, {"reason": reason}).status_code == 302
            else:
                assert vera.post(reverse("admin:complaints_case_question", args=address), {}).status_code == 302

    def finding(self, kirana: Client, release: Release, form: dict[str, str]) -> None:
        """Hear the accused, propose, send back, propose anew and confirm by two people, and recommend."""
        today, kresna = timezone.localdate().isoformat(), self.staff("kresna")
        self.step(kirana, release, "postpone_hearing", text=self.mark("postponed"))
        heard = {"kind": "absent", "decided_on": today, "number": self.mark("summons"), "text": self.mark("hearing")}
        self.step(kirana, release, "hear_accused", **heard)
        address = reverse("admin:complaints_release_finding", args=[release.pk])
        page = reverse("admin:complaints_release_change", args=[release.pk])
        sent_back, confirmed = {"do": "return", "reason": self.mark("sent_back")}, {"do": "confirm"}
        for answer in (sent_back, confirmed | {"finding": "substantiate"}):
            self.step(kirana, release, "substantiate", **form)
            shown = kresna.get(page).context
            assert kresna.post(address, answer | {"seen": shown["seen"], "newest": shown["newest"]}).status_code == 302
        advice = {"accused_status": "pns", "kinds": "moral_open", "decided_on": today}
        advice |= {"reply": self.mark("advice_reply")}
        advice |= {name: self.mark(f"advice_{name}") for name in ("addressee", "number")}
        self.step(kirana, release, "await_agency", text=self.mark("recommendation"), **advice)

    def names(self, kirana: Client, release: Release) -> None:
        """Ask for the name with a reason, have another one typed and taken back, give it again, and open it."""
        complaint = Complaint.objects.get(case=release.case)
        address = [release.pk, complaint.pk]
        ask = reverse("admin:complaints_release_name_ask", args=address)
        assert kirana.post(ask, {"reason": self.mark("name_reason")}).status_code == 302
        reporter = self.browser()
        reporter.post("/cek/", {"code": self.secrets["code"]})
        assert self.markers["name_reason"] in reporter.get("/cek/laporan/").content.decode()
        for do in ("give", "take", "give"):
            typed = {"name": self.mark("other_name"), "contact": self.mark("other_contact"), "recipient": "BKN"}
            assert reporter.post("/cek/laporan/nama/", typed | {"do": do}).status_code == 302
        wrong = {"name": self.mark("refused_name"), "recipient": "KASN", "do": "give"}
        assert reporter.post("/cek/laporan/nama/", wrong).status_code == 409
        shown = kirana.post(reverse("admin:complaints_release_name", args=address)).content.decode()
        assert self.markers["other_name"] in shown and self.markers["other_contact"] in shown

    @staticmethod
    def step(client: Client, row: Model, action: str, **words: Any) -> None:
        kind = type(row).__name__.lower()
        case = row if isinstance(row, Case) else row.case  # type: ignore[attr-defined]
        seen = Case.objects.get(pk=case.pk).status
        address = reverse(f"admin:complaints_{kind}_step", args=[row.pk, action])
        client.get(address)
        answer = client.post(address, {"seen": seen, **words})
        assert answer.status_code == 302, answer.content.decode()

    def findings(self) -> None:
        """What staff enter themselves, wrongly at first; a table; and reports linked and unlinked."""
        vera, address = self.staff("vera"), reverse("admin:complaints_case_finding")
        names = ("accused_name", "accused_position", "agency", "regency", "story")
        form: dict[str, Any] = {name: self.mark(f"found_{name}") for name in names} | {
            "accused_nip": self.markers["nip"]
        }
        form |= {"url": f"https://contoh.invalid/p/{self.mark('found_link')}", "accused_kind": "colleague"}
        wrong = form | {"event_from": self.mark("found_day"), "evidence": self._files("found_wrong")}
        assert vera.post(address, wrong).status_code == 400
        form |= {"category": "C1", "evidence": self._files("found")[:2]}
        assert vera.post(address, form).status_code == 302
        many = reverse("admin:complaints_case_finding_table")
        head = "tautan,nama_atau_akun,terlapor,kategori,uraian,tanggal\n"
        rows = [f"https://contoh.invalid/p/{self.mark('row_link')}{n},{self.mark('row_name')}" for n in (1, 2)]
        for day in (self.mark("row_day"), "2026-11-02"):
            text = head + "\n".join(f"{row},colleague,C1,{self.mark('row_story')},{day}" for row in rows)
            page = vera.post(many, {"table": SimpleUploadedFile(f"{self.mark('table_name')}.csv", text.encode())})
        sealed = re.findall(r'name="sealed" value="([^"]+)"', page.content.decode())
        assert vera.post(many, {"sealed": sealed[0]}).status_code == 302
        first, second = Case.objects.filter(complaints__channel="import").order_by("pk")
        link = reverse("admin:complaints_case_link", args=[first.pk])
        typed = {"references": f"{second.reference} {self.mark('link_reference')}", "reason": self.mark("link_reason")}
        assert second.reference in vera.post(link, typed).content.decode()
        ticked = {"cases": f"{second.pk}:received", "seen": "received", "reason": self.markers["link_reason"]}
        assert vera.post(link, ticked).status_code == 302
        complaint = Complaint.objects.filter(case=first).latest("moves__number")
        unlink = reverse("admin:complaints_case_unlink", args=[first.pk, complaint.pk])
        assert vera.post(unlink, {"seen": "received", "reason": self.mark("unlink_reason")}).status_code == 302

    def key_change(self) -> None:
        gone = TeamMembership.objects.get(staff__username="fitri")
        address = reverse("admin:complaints_team_remove", args=[gone.team_id, gone.pk])
        asked = self.staff("vera").post(address, {"reason": self.mark("removal_reason")}).headers["Location"]
        assert self.staff("vino").post(asked, {"act": "confirm"}).status_code == 302
        assert not TeamMembership.objects.get(pk=gone.pk).sealed_key

    def factors(self) -> None:
        """What is typed wrongly at the second factor, and the secrets that the door makes and shows."""
        adi, half = self.staff("adi"), self.browser()
        half.post(reverse("account_login"), {"login": "adi", "password": PASSWORD})
        assert half.post(reverse("mfa_authenticate"), {"code": self.mark("factor_code")}).status_code == 200
        wrong = {"password": self.mark("confirm_password"), "code": self.mark("confirm_code")}
        assert adi.post(reverse("account_reauthenticate"), wrong).status_code in {200, 400}
        app = reverse("mfa_activate_totp")
        page = adi.get(app).content.decode()
        secret = self.secrets["app secret"] = adi.session[SECRET_SESSION_KEY]
        assert secret[:4] in page and adi.get(reverse("mfa_picture")).status_code == 200
        assert adi.post(app, {"code": self.mark("app_code")}).status_code == 200
        assert adi.post(app, {"code": app_code(secret)}).status_code == 302
        assert adi.post(reverse("mfa_generate_recovery_codes")).status_code == 302
        codes = Authenticator.objects.get(user__username="adi", type=Authenticator.Type.RECOVERY_CODES)
        self.secrets["seed of recovery codes"] = mfa.open_secret(
            keys_from(adi.session["staff_key"]), codes.user_id, codes.data["seed"]
        )
        form = {"username": "petugas-baru", "role": Role.VERIFIER, "language": "id", "is_active": "on"}
        made = adi.post(reverse("admin:complaints_staff_add"), form, follow=True).content.decode()
        self.secrets["initial password"] = re.findall(r"[0-9A-Z]{5}(?:-[0-9A-Z]{5}){4}", made)[0]

    # --- What goes wrong, and the jobs

    def faults(self) -> None:
        client = self.browser()
        client.get(f"/tidak-ada/{self.mark('unknown_path')}/")
        client.get("/kantor/tidak-ada/", headers={"referer": f"http://testserver/{self.mark('referer')}"})
        client.post("/cek/laporan/jawab/", {"text": self.mark("without_ticket")})
        client.post("/lapor/cerita/", {"story": "x", "evidence": self._files("without_draft")})
        client.generic("PUT", "/cek/", self.mark("put_body"), content_type="application/json")
        client.post("/cek/", self.mark("broken_body"), content_type="multipart/form-data; boundary=x")
        strict = Client(enforce_csrf_checks=True)
        strict.post("/cek/laporan/jawab/", {"text": self.mark("without_token")})

    @staticmethod
    def jobs() -> None:
        for job in JOBS:
            import_string(job.path)()


def run_all(flow: MarkedProcedure) -> date:
    """Take every step, in the order of a real case; return the day of the last one."""
    flow.faults()
    flow.report()
    flow.come_back()
    flow.jobs()
    flow.wrong_login()
    flow.triage()
    flow.forward()
    flow.examine()
    flow.withdraw_another()
    flow.ask_first()
    flow.findings()
    flow.key_change()
    flow.factors()
    flow.leave_a_draft()
    flow.jobs()
    return timezone.localdate()
