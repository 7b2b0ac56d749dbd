"""Recovery of a team's key by its two keepers: each opens one half offline and seals it to one person of the team.

The server learns neither the keepers' private keys nor a half: both are opened with the key of the person alone. What
goes to the keepers and back are the two files of this module.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Self

from complaints.domain.errors import SealError
from complaints.domain.sealing import keys as keysets
from complaints.domain.sealing.keys import KeySet
from complaints.domain.sealing.primitives import KEY_BYTES, BoxPair, seal, unseal
from complaints.domain.sealing.records import KEY_SIZES, Context, open_record

_PURPOSE: Final = b"recovery half 1"


@dataclass(frozen=True)
class RecoveryRequest:
    """What a keeper is given; nothing in it is secret. Keys and sealed halves are in hexadecimal.

    Attributes:
        team: its slug; ``team_id`` its id with hyphens, ``number`` that of its key.
        public, verify: the team's public keys.
        username: the person of the team who gets the halves; ``member_public`` and ``member_verify`` are their keys.
        halves: both sealed halves of the team's private key.
    """

    team: str
    team_id: str
    number: int
    public: str
    verify: str
    username: str
    member_public: str
    member_verify: str
    halves: tuple[str, str]

    @property
    def team_fingerprint(self) -> str:
        """What the keeper compares with the paper."""
        return keysets.fingerprint(bytes.fromhex(self.public), bytes.fromhex(self.verify))

    @property
    def member_fingerprint(self) -> str:
        """What the person reads out in person."""
        return keysets.fingerprint(bytes.fromhex(self.member_public), bytes.fromhex(self.member_verify))

    def to_json(self) -> str:
        """Return the text of the file."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the text of a file; raises SealError where it is none."""
        try:
            fields = json.loads(text)
            request = cls(**{**fields, "halves": tuple(fields["halves"])})
            keys = (request.public, request.verify, request.member_public, request.member_verify)
            is_sound = all(len(bytes.fromhex(key)) == KEY_BYTES for key in keys) and len(request.halves) == 2
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SealError("request") from error
        if not is_sound:
            raise SealError("request")
        return request


def open_half(request: RecoveryRequest, private: bytes) -> str:
    """Open the keeper's half with their private key (X25519, 32 bytes) and return the text of the answer's file.

    The answer is sealed to the person whom the request names. Raises SealError where neither half is the keeper's.
    """
    context = Context("recovery", request.team_id, request.team_id, request.number - 1)
    pair, signer = BoxPair.from_private(private), bytes.fromhex(request.verify)
    for place, sealed in enumerate(request.halves):
        try:
            half = bytes.fromhex(open_record(pair, bytes.fromhex(sealed), context, signer, sizes=KEY_SIZES))
        except (SealError, ValueError):
            continue
        sealed_half = seal(bytes.fromhex(request.member_public), _bound(request, place) + half)
        return json.dumps({"team": request.team, "half": place, "sealed": sealed_half.hex()})
    raise SealError("half")


def _bound(request: RecoveryRequest, place: int) -> bytes:
    return _PURPOSE + f" {request.team_id} {request.number} {place} ".encode()


def join_answers(request: RecoveryRequest, person: BoxPair, answers: Sequence[str]) -> KeySet:
    """Return the team's key set from the answers of both keepers, opened with the person's key; raises SealError."""
    halves: dict[int, bytes] = {}
    for text in answers:
        try:
            fields = json.loads(text)
            place, sealed = int(fields["half"]), bytes.fromhex(fields["sealed"])
        except (ValueError, TypeError, KeyError) as error:
            raise SealError("answer") from error
        content, bound = unseal(person, sealed), _bound(request, place)
        if not content.startswith(bound):
            raise SealError("answer")
        halves[place] = content[len(bound) :]
    if set(halves) != {0, 1}:
        raise SealError("halves")
    keys = KeySet.from_bytes(keysets.join(halves[0], halves[1]))
    if not keysets.same_fingerprint(keys.fingerprint, request.team_fingerprint):
        raise SealError("key")
    return keys
