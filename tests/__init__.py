"""The tests. A package of its own, because a library used in them installs another of the same name."""
