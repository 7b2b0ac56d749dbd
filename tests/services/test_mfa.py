"""A code works once over its whole window, also at the same moment; secrets are sealed to their owner's key."""

from __future__ import annotations

import threading

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from pytest_django import Settings

from complaints.domain.errors import SealError
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.records import KEY_SIZES, Context, seal_record
from complaints.services import mfa
from complaints.services.audit import verify
from tests.security.traces import hits, tables
from tests.world import Cast

NOW = 1_795_000_000.0 // 30 * 30


def code_at(secret: str, now: float) -> str:
    return mfa._code(secret, int(now) // mfa.PERIOD)


def use(cast: Cast, code: str, now: float, before: str | None = None, keys: KeySet | None = None) -> bool:
    opened = keys or cast.ring("vera").keys
    return mfa.use_code(staff=cast["vera"], keys=opened, code=code, now=now, code_before=before) is not None


def app(cast: Cast, name: str = "vera") -> str:
    """Enrol an app; return its secret."""
    return mfa.enrol_totp(staff=cast[name], keys=cast.ring(name).keys)


def test_a_code_works_once_over_its_whole_window(cast: Cast) -> None:
    code = code_at(app(cast), NOW)
    assert use(cast, code, NOW)
    assert [use(cast, code, NOW + later) for later in (0, 29, 31, 59)] == [False] * 4


def test_a_code_of_before_does_not_work_after_a_later_one(cast: Cast) -> None:
    secret = app(cast)
    assert use(cast, code_at(secret, NOW + 30), NOW)
    assert not use(cast, code_at(secret, NOW), NOW)
    assert use(cast, code_at(secret, NOW + 60), NOW + 60)


def test_codes_outside_of_the_tolerance_do_not_work(cast: Cast) -> None:
    secret = app(cast)
    assert not use(cast, code_at(secret, NOW - 60), NOW)
    assert not use(cast, code_at(secret, NOW + 60), NOW)
    assert use(cast, code_at(secret, NOW - 30), NOW)


def recovery_codes(cast: Cast, seed: str) -> list[str]:
    keys = cast.ring("vera").keys
    data = {"seed": mfa.seal_secret(keys, cast["vera"].pk, seed), "used_mask": 0}
    row = Authenticator.objects.create(user=cast["vera"], type=mfa.CODES, data=data)
    return mfa.PersonalCodes(row, keys).generate_codes()


def test_a_recovery_code_works_once(cast: Cast) -> None:
    app(cast)
    codes = recovery_codes(cast, "ab" * 40)
    assert len(set(codes)) == 10
    assert use(cast, codes[3], NOW)
    assert not use(cast, codes[3], NOW)
    assert use(cast, codes[4], NOW)


def test_a_used_code_whose_mark_somebody_cleared_works_no_second_time(cast: Cast) -> None:
    app(cast)
    codes, rows = recovery_codes(cast, "ab" * 40), Authenticator.objects.filter(type=mfa.CODES)
    assert use(cast, codes[3], NOW) and use(cast, codes[5], NOW)
    known = set(verify.verify_chain().faults)  # the codes were made without their entry
    assert "factor.mark" not in {fault.code for fault in known}
    rows.update(data={**rows.get().data, "used_mask": 1 << 5})
    (fault,) = set(verify.verify_chain().faults) - known
    assert (fault.code, fault.state) == ("factor.mark", str(1 << 5))
    assert not use(cast, codes[3], NOW) and use(cast, codes[4], NOW)
    rows.update(data={**rows.get().data, "seed": mfa.seal_secret(cast.ring("vera").keys, cast["vera"].pk, "cd" * 40)})
    assert "factor.mark" not in {fault.code for fault in verify.verify_chain().faults}, "new codes"


def test_another_persons_row_opens_nothing(cast: Cast) -> None:
    secret = app(cast, "vino")
    Authenticator.objects.update(user=cast["vera"])
    with pytest.raises(SealError):
        use(cast, code_at(secret, NOW), NOW)


def test_what_somebody_else_sealed_to_a_persons_key_opens_nothing(cast: Cast) -> None:
    """Whoever writes to the database knows the public key, but cannot sign as the person."""
    vera, secret = cast["vera"], "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    context = Context("factor-totp", str(vera.pk), str(vera.pk))
    forged = seal_record(bytes(vera.public_key or b""), context, secret, KeySet.new().sign, sizes=KEY_SIZES)
    Authenticator.objects.create(user=vera, type=mfa.TOTP, data={"secret": forged.hex(), "step": -1})
    with pytest.raises(SealError):
        use(cast, code_at(secret, NOW), NOW)


def test_database_and_environment_open_no_secret(cast: Cast, settings: Settings) -> None:
    """A thief of both has every secret but the password; the public half of the key is in the row."""
    secret, codes = app(cast), recovery_codes(cast, "ab" * 40)
    assert settings.PASSWORD_PEPPER and settings.SECRET_KEY and settings.SERVER_SIGNING_KEY
    for row in Authenticator.objects.all():
        with pytest.raises(mfa.NoKey):
            mfa.open_secret(None, row.user_id, row.data[mfa.SECRETS[row.type]], row.type)
    assert mfa.use_code(staff=cast["vera"], keys=None, code=code_at(secret, NOW), now=NOW) is None
    assert mfa.use_code(staff=cast["vera"], keys=None, code=codes[0], now=NOW) is None
    seeds = [settings.PASSWORD_PEPPER, settings.SERVER_SIGNING_KEY, settings.WORKER_PRIVATE_KEY]
    for seed in seeds:
        with pytest.raises(SealError):
            use(cast, code_at(secret, NOW), NOW, keys=KeySet.from_bytes(bytes.fromhex(seed) * 2))


# --- Two codes


def test_two_successive_codes_count_together(cast: Cast) -> None:
    secret = app(cast)
    first, second, third = (code_at(secret, NOW + later) for later in (0, 30, 60))
    assert not use(cast, second, NOW + 30, before="000000")
    assert not use(cast, "000000", NOW + 30, before=first)
    assert not use(cast, third, NOW + 60, before=first), "one step is missing"
    assert not use(cast, first, NOW + 30, before=second), "the other way round"
    assert not use(cast, first, NOW, before=first)
    assert use(cast, second, NOW + 30, before=first)
    assert not use(cast, second, NOW + 30, before=first)
    assert not use(cast, third, NOW + 60, before=second), "the first of them is used"
    assert use(cast, third, NOW + 60)


def test_a_malformed_code_is_wrong_and_no_error(cast: Cast) -> None:
    app(cast)
    for text in ("", "x", "12345", "1" * 200, "٣٤٥٦٧٨"):
        assert not use(cast, text, NOW)
        assert not use(cast, "000000", NOW, before=text)
        assert not use(cast, text, NOW, before="000000")


def test_two_recovery_codes_count_together(cast: Cast) -> None:
    app(cast)
    codes = recovery_codes(cast, "ab" * 40)
    assert not use(cast, codes[0], NOW, before=codes[0])
    assert not use(cast, codes[0], NOW, before="00000000")
    assert use(cast, codes[1], NOW, before=codes[0]), "neither was used by the wrong pairs"
    assert not use(cast, codes[1], NOW) and not use(cast, codes[0], NOW)


def test_the_database_holds_no_secret_and_no_code(cast: Cast) -> None:
    secret = app(cast)
    seed = "cd" * 40
    codes = recovery_codes(cast, seed)
    assert use(cast, code_at(secret, NOW), NOW)
    assert use(cast, codes[0], NOW)
    for marker in (secret, seed, *codes):
        assert hits(marker, tables()) == [], marker


@pytest.mark.parametrize("kind", ["totp", "recovery"])
def test_of_two_posts_at_once_one_succeeds(live_cast: Cast, kind: str) -> None:
    secret = app(live_cast)
    recovery = recovery_codes(live_cast, "ef" * 40)
    code = code_at(secret, NOW) if kind == "totp" else recovery[0]
    ready, accepted, keys = threading.Barrier(4), [], live_cast.ring("vera").keys

    def post() -> None:
        try:
            staff = live_cast["vera"]
            ready.wait()
            accepted.append(mfa.use_code(staff=staff, keys=keys, code=code, now=NOW) is not None)
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(accepted) == [False, False, False, True]
