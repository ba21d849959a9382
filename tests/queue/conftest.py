import pytest
from office import Office


@pytest.fixture
def office(tmp_path, monkeypatch):
    """Make an office: `office(gpus, at=NAME)`; all of one test share the leases of the machine."""
    monkeypatch.setenv("PRUSC_LEASES", str(tmp_path / "leases"))
    made = []

    def make(gpus=(), at="home"):
        made.append(Office(tmp_path / at, gpus))
        return made[-1]

    yield make
    for one in made:
        one.close()
