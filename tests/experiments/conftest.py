import pytest

from tests.threads import one_thread  # noqa: F401  # for every test here

SETTINGS = (
    "data.train_size=600",
    "data.validation_size=80",
    "data.test_size=80",
    "erm.epochs=0.5",
    "erm.batch_size=32",
    "erm.keep_epochs=[0.25,0.5]",
    "find.by=clusters",
    "cluster.min_skew=0.5",
    "cluster.candidates=[2,3]",
    "balance.warn_below=0",
    "prune.steps=6",
    "prune.batch_size=32",
    "finetune.steps=4",
    "sparse.shares=[1,0.2]",
    "lff.epochs=0.5",
    "lff.batch_size=32",
    "afr.steps=20",
    "train.steps=6",
    "train.hidden=16",
    "train.restarts=2",
    "environments.eiil_steps=40",
    "select.looks=2",
)


@pytest.fixture
def tiny():
    """Overrides with which any recipe takes about a second."""
    return list(SETTINGS)
