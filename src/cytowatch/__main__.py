"""``python -m cytowatch`` is the command ``cytowatch``."""

from __future__ import annotations

from cytowatch.cli import main

if __name__ == "__main__":
    main()
