"""A code works once over its whole window, also at the same moment; secrets are sealed and bound to their owner."""

from __future__ import annotations

import threading

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.db import connection

from complaints.domain.errors import SealError
from complaints.services import mfa
from tests.security.traces import hits, tables
from tests.world import Cast

NOW = 1_795_000_000.0 // 30 * 30


def code_at(secret: str, now: float) -> str:
    return mfa._code(secret, int(now) // mfa.PERIOD)


def use(cast: Cast, code: str, now: float) -> bool:
    return mfa.use_code(staff=cast["vera"], code=code, now=now) is not None


def test_a_code_works_once_over_its_whole_window(cast: Cast) -> None:
    code = code_at(mfa.enrol_totp(staff=cast["vera"]), NOW)
    assert use(cast, code, NOW)
    assert [use(cast, code, NOW + later) for later in (0, 29, 31, 59)] == [False] * 4


def test_a_code_of_before_does_not_work_after_a_later_one(cast: Cast) -> None:
    secret = mfa.enrol_totp(staff=cast["vera"])
    assert use(cast, code_at(secret, NOW + 30), NOW)
    assert not use(cast, code_at(secret, NOW), NOW)
    assert use(cast, code_at(secret, NOW + 60), NOW + 60)


def test_codes_outside_of_the_tolerance_do_not_work(cast: Cast) -> None:
    secret = mfa.enrol_totp(staff=cast["vera"])
    assert not use(cast, code_at(secret, NOW - 60), NOW)
    assert not use(cast, code_at(secret, NOW + 60), NOW)
    assert use(cast, code_at(secret, NOW - 30), NOW)


def recovery_codes(cast: Cast, sealed: str) -> list[str]:
    data = {"seed": sealed, "used_mask": 0}
    row = Authenticator.objects.create(user=cast["vera"], type=mfa.CODES, data=data)
    return list(RecoveryCodes(row).generate_codes())


def test_a_recovery_code_works_once(cast: Cast) -> None:
    mfa.enrol_totp(staff=cast["vera"])
    codes = recovery_codes(cast, mfa.seal_secret(cast["vera"].pk, "ab" * 40))
    assert len(set(codes)) == 10
    assert use(cast, codes[3], NOW)
    assert not use(cast, codes[3], NOW)
    assert use(cast, codes[4], NOW)


def test_another_persons_row_opens_nothing(cast: Cast) -> None:
    secret = mfa.enrol_totp(staff=cast["vino"])
    Authenticator.objects.update(user=cast["vera"])
    with pytest.raises(SealError):
        use(cast, code_at(secret, NOW), NOW)


def test_a_renamed_owner_opens_nothing(cast: Cast) -> None:
    secret = mfa.enrol_totp(staff=cast["vino"])
    row = Authenticator.objects.get()
    row.user, row.data["secret"] = cast["vera"], row.data["secret"].replace(str(cast["vino"].pk), str(cast["vera"].pk))
    row.save()
    with pytest.raises(SealError):
        use(cast, code_at(secret, NOW), NOW)


def test_the_database_holds_no_secret_and_no_code(cast: Cast) -> None:
    secret = mfa.enrol_totp(staff=cast["vera"])
    seed = "cd" * 40
    codes = recovery_codes(cast, mfa.seal_secret(cast["vera"].pk, seed))
    assert use(cast, code_at(secret, NOW), NOW)
    assert use(cast, codes[0], NOW)
    for marker in (secret, seed, *codes):
        assert hits(marker, tables()) == [], marker


@pytest.mark.parametrize("kind", ["totp", "recovery"])
def test_of_two_posts_at_once_one_succeeds(live_cast: Cast, kind: str) -> None:
    secret = mfa.enrol_totp(staff=live_cast["vera"])
    recovery = recovery_codes(live_cast, mfa.seal_secret(live_cast["vera"].pk, "ef" * 40))
    code = code_at(secret, NOW) if kind == "totp" else recovery[0]
    ready, accepted = threading.Barrier(4), []

    def post() -> None:
        try:
            staff = live_cast["vera"]
            ready.wait()
            accepted.append(mfa.use_code(staff=staff, code=code, now=NOW) is not None)
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(accepted) == [False, False, False, True]
