"""A small private file keeps who may read it when it is written anew, and never lets others read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from complaints.adapters import private_file


@pytest.mark.parametrize(("before", "after"), [(0o600, 0o600), (0o640, 0o640), (0o660, 0o640), (0o644, 0o600)])
def test_a_file_written_anew_keeps_its_groups_reading_and_nothing_more(tmp_path: Path, before: int, after: int) -> None:
    path = tmp_path / "portal.env"
    path.write_text("OTHER=1\n")
    path.chmod(before)
    private_file.put(path, "NAME", "value")
    assert path.stat().st_mode & 0o777 == after
    assert path.read_text() == "OTHER=1\nNAME=value\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_leaves_a_services_file_to_the_service(tmp_path: Path) -> None:
    path = tmp_path / "portal.env"
    path.touch()
    os.chown(path, 65534, 65534)
    private_file.put(path, "NAME", "value")
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    private_file.put(tmp_path / "portal.env", "NAME", "value")
    assert (tmp_path / "portal.env").stat().st_mode & 0o777 == 0o600
