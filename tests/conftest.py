from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded images of the tests go nowhere near those of whoever runs them."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PRUSC_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()
