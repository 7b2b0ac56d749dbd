"""Which role of the database a process signs in as; its command tells. See docs/adr/0030."""

from collections.abc import Mapping, Sequence

OWNER, JOBS, WEB, BACKUP = "DATABASE_OWNER_URL", "DATABASE_JOBS_URL", "DATABASE_URL", "DATABASE_BACKUP_URL"
ERASE = "DATABASE_ERASE_URL"
# Makes roles and hands over what belongs to another role, and fills an empty database; set for one run of
# database_roles or restore, and kept nowhere.
ADMIN = "DATABASE_ADMIN_URL"
# Commands that change tables, make teams or accounts with every right: an operator runs them, and no service does.
OWNER_COMMANDS = ("migrate", "setup_keys", "recover_team", "createsuperuser")
JOB_COMMANDS = ("work",)


def variable(arguments: Sequence[str], urls: Mapping[str, str]) -> str:
    """Return the name of the variable in ``urls`` whose URL a process with these arguments (``sys.argv``) uses.

    The first that is set; DATABASE_URL where none is. A node of one kind may name its only role by DATABASE_URL.
    """
    command = arguments[1] if len(arguments) > 1 else ""
    names: tuple[str, ...] = (WEB, JOBS)
    if command == "database_roles":
        names = (ADMIN, OWNER, WEB)
    elif command == "restore":
        names = (ADMIN, WEB)
    elif command == "backup":
        names = (BACKUP, WEB)
    elif command == "erase":
        names = (ERASE, WEB)
    elif command in OWNER_COMMANDS:
        names = (OWNER, WEB)
    elif command in JOB_COMMANDS:
        names = (JOBS, WEB)
    return next((name for name in names if urls.get(name)), WEB)


def options(arguments: Sequence[str]) -> dict[str, str]:
    """Return what a process with these arguments asks of its connection beside the URL.

    A migration that waits for a table keeps everybody waiting who comes after it: rather it fails, and is run again.
    """
    return {"options": "-c lock_timeout=5s"} if "migrate" in arguments[1:2] else {}
