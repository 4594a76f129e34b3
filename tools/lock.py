"""Pin all dependencies, with hashes, into requirements.lock and requirements-dev.lock.

The files hold names, versions and hashes only: no index, no address, so that they work behind any mirror.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FORM = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-annotate")


def compile_lock(target: str, *options: str) -> None:
    """Resolve pyproject.toml into one lock file; CalledProcessError if uv cannot."""
    command = [sys.executable, "-m", "uv", "pip", "compile", *FORM, *options]
    command += ["--custom-compile-command", "make lock", "--quiet", "-o", target, "pyproject.toml"]
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - every word stands above


def main() -> None:
    """Write both files; the second is held to the versions of the first."""
    compile_lock("requirements.lock")
    compile_lock("requirements-dev.lock", "--group", "dev", "--constraints", "requirements.lock")


if __name__ == "__main__":
    main()
