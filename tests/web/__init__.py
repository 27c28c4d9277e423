"""Tests in a browser; a package, so that it ends with the last of them: its event loop would be in others' way."""
