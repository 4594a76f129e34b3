"""A real PostgreSQL server for a test: started in a temporary folder on a free port, and ended after it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_USER = "ward"


def _programs() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``, on the path or where Debian puts them."""
    found = shutil.which("pg_ctl")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


def _as_whom() -> list[str] | None:
    """How to run a program as a user whom the server does not refuse; None if there is no way."""
    if os.geteuid():
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = next((name for name in ("postgres", "nobody") if name in names), None)
    return ["runuser", "-u", user, "--"] if user and shutil.which("runuser") else None


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def server() -> Iterator[str]:
    """Run a server; gives the address of its database. Skips the test where there is none."""
    programs, whom = _programs(), _as_whom()
    if programs is None or whom is None:
        pytest.skip("there is no PostgreSQL server here (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="cytowatch-pg-", dir="/tmp"))  # a socket's path must be short
    port = _free_port()
    secret = folder / "secret"
    secret.write_text("not-to-be-shown")
    if whom:
        entry = pwd.getpwnam(whom[2])
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        os.chown(secret, entry.pw_uid, entry.pw_gid)

    def run(*command: str) -> None:
        done = subprocess.run([*whom, *command], capture_output=True, text=True, timeout=120, check=False, cwd=folder)
        assert not done.returncode, f"{command[0]}: {done.stdout}{done.stderr}"

    data = str(folder / "data")
    try:
        run(str(programs / "initdb"), "-D", data, "-U", _USER, "-A", "scram-sha-256", "-E", "UTF8", "--no-sync",
            "--no-locale", f"--pwfile={secret}")  # fmt: skip
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        run(str(programs / "pg_ctl"), "-D", data, "-w", "-t", "60", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://{_USER}:not-to-be-shown@127.0.0.1:{port}/postgres"
        finally:
            run(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
