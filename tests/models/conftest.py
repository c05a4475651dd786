import pytest


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """A store of the test's own."""
    monkeypatch.setenv("FACEVID_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
