"""Every published layout on disk: decoded once or whenever it is needed, the run is the same."""

import photo_lab as lab
import pytest
import torch
from driver import PHOTOS, said
from safetensors.torch import load_file

WEIGHTS = "artifacts/erm/model.safetensors"
LAYOUTS = {
    "waterbirds": ("waterbirds", lambda folder: lab.waterbirds(folder, n=60), []),
    "celeba, torchvision": ("celeba", lambda folder: lab.celeba(folder, n=60), []),
    "celeba, kaggle": ("celeba", lambda folder: lab.celeba(folder, "kaggle", n=60), []),
    "isic": ("isic", lambda folder: lab.isic(folder, n=60), ["--set", "data.images=images"]),
    "folder": ("folder", lambda folder: lab.plain(folder, n=60, attributes=()), ["--set", "data.split_column=split"]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_numbers_through_cache_and_stream(prusc, tmp_path, layout):
    name, make, more = LAYOUTS[layout]
    where = ["--data", name, "--data-root", make(tmp_path / "data"), *more]
    words = ["run", "erm", *where, *PHOTOS, "--set", "model.name=mlp", "--json"]
    cached = said(prusc(*words))
    streamed = said(prusc(*words, "--no-cache", "--fresh"))
    assert (cached["config"]["data"]["cache"], streamed["config"]["data"]["cache"]) == (True, False)
    ours, theirs = (record["stages"][0] for record in (cached, streamed))
    assert theirs["reused"] is None
    assert theirs["evaluations"] == ours["evaluations"]
    assert ours["evaluations"]["test"]["n"] == 12
    weights = [
        load_file(prusc.home / "runs" / record["id"] / "artifacts/erm/model.safetensors")
        for record in (cached, streamed)
    ]
    assert all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())


@pytest.mark.parametrize("way", [(), ("--no-cache",)], ids=["all at first", "on demand"])
def test_an_image_that_cannot_be_decoded_is_bad_input_and_the_run_goes_on_once_it_is_mended(prusc, tmp_path, way):
    root = lab.plain(tmp_path / "data", n=60, attributes=())
    path = (root / "metadata.csv").read_text().splitlines()[3].split(",")[0]
    image = root / path
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    words = ["run", "erm", "--data", "folder", "--data-root", root, "--set", "data.split_column=split", *PHOTOS]
    result = prusc(*words, "--set", "model.name=mlp", *way)
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith(f"error: {root}/metadata.csv, line 4: image '{path}' cannot be d")
    image.write_bytes(whole)
    assert prusc("resume", "last").code == 0
