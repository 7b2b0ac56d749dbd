"""Django's password hash with a pepper from the environment, so that a stolen database alone allows no guessing."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

from complaints.services import password_hashing
from complaints.services.keyring import peppered


class PepperedArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id over a keyed digest of the password, at no lower cost than the wrapping of the person's key.

    Both methods raise password_hashing.Busy.
    """

    algorithm = "peppered_argon2"
    time_cost = 2
    memory_cost = 102400
    parallelism = 8

    def encode(self, password: str, salt: str) -> str:
        with password_hashing.place():
            return super().encode(peppered(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        with password_hashing.place():
            return super().verify(peppered(password), encoded)

    def params(self):  # type: ignore[no-untyped-def]
        """Return the parameters; PASSWORD_HASH_MEMORY_KIB, in KiB, lowers them for tests."""
        parameters = super().params()
        cost = getattr(settings, "PASSWORD_HASH_MEMORY_KIB", None)
        if cost is None:
            return parameters
        parameters.memory_cost, parameters.time_cost, parameters.parallelism = cost, 1, 1
        return parameters
