"""The wheel: it holds what it must, and works in a clean environment away from the checkout.

`make fresh` lets pip, pipx and uv find what it requires.
"""

import subprocess
import sys
import venv
import zipfile
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from prusc_tui.version import commit_of
from release import completion

HOUSE = Path(__file__).parent.parent
COMPLETE = 'COMP_WORDS=(prusc dat); COMP_CWORD=1; _prusc_completion prusc; echo "${COMPREPLY[@]}"'
"""What bash does when someone types `prusc dat` and the tab key."""
HEAVY = ("torch", "torchvision", "scikit-learn", "pandas", "nvidia-ml-py")
"""What listing and showing must do without."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    to = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(to)]
    subprocess.run(command, cwd=HOUSE, check=True, capture_output=True)
    (path,) = to.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def metadata(wheel, names):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def test_the_wheel_holds_the_digits_with_their_licence_presets_studies_and_types(names):
    for kept in (
        *(f"experiments/bundled/{part}-idx{n}-ubyte.gz" for part, n in [("train-images", 3), ("train-labels", 1)]),
        *(f"experiments/bundled/{part}-idx{n}-ubyte.gz" for part, n in [("t10k-images", 3), ("t10k-labels", 1)]),
        "experiments/bundled/LICENSE",
        "experiments/bundled/SHA256SUMS",
        "prusc_tui/html/style.css",
        *(str(path.relative_to(HOUSE)) for path in (HOUSE / "experiments/presets").glob("*.toml")),
        *(str(path.relative_to(HOUSE)) for path in (HOUSE / "experiments/studies").glob("*.toml")),
        *(f"{package}/py.typed" for package in ("core", "experiments", "prusc_tui")),
    ):
        assert kept in names
    licences = [name for name in names if ".dist-info/licenses/" in name]
    assert sorted(name.partition("/licenses/")[2] for name in licences) == ["LICENSE", "experiments/bundled/LICENSE"]


def test_the_wheel_holds_every_module_and_nothing_but_the_three_packages(names):
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {"core", "experiments", "prusc_tui"}
    assert not [name for name in names if "test" in Path(name).name or "__pycache__" in name]
    for package in ("core", "experiments", "prusc_tui"):
        modules = {str(path.relative_to(HOUSE)) for path in (HOUSE / package).rglob("*.py")}
        assert modules <= set(names)


def test_the_wheel_holds_manual_pages_and_completion(wheel, names):
    shared = {name.partition(".data/data/")[2]: name for name in names if ".data/data/" in name}
    assert set(shared) == {"share/man/man1/prusc.1", "share/man/man1/prusc-tui.1", *completion.PLACES.values()}
    with zipfile.ZipFile(wheel) as archive:
        assert "prusc data init" in archive.read(shared["share/man/man1/prusc.1"]).decode()


def put(required, folder):
    """Link the packages that are required, and what they require, from this environment into another one."""
    waiting, known = [Requirement(text) for text in required], set()
    while waiting:
        one = waiting.pop()
        if str(one) in known:
            continue
        known.add(str(one))
        found = distribution(one.name)
        for name in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
            if not (folder / name).exists():
                (folder / name).symlink_to(found.locate_file(name))
        for marks in ({"extra": extra} for extra in ("", *one.extras)):
            more = map(Requirement, found.requires or ())
            waiting += [each for each in more if each.marker is None or each.marker.evaluate(marks)]


def test_the_wheel_runs_in_a_clean_environment_without_torch(wheel, metadata, tmp_path):
    required = [text for text in metadata.get_all("Requires-Dist") if "extra ==" not in text]
    light = [text for text in required if not text.startswith(HEAVY)]
    assert len(required) - len(light) == len(HEAVY)
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    (packages,) = (tmp_path / "env").glob("lib/python*/site-packages")
    put(light, packages)
    subprocess.run([*pip, "--no-compile", "--no-deps", str(wheel)], check=True, capture_output=True, cwd=tmp_path)

    def prusc(*words):
        command = [str(python.with_name("prusc")), *words]
        environment = {"PRUSC_HOME": str(tmp_path / "home"), "PATH": ""}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def bash(script):
        environment = {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
        return subprocess.check_output(["bash", "-c", script], env=environment, text=True)

    commit = commit_of(HOUSE)
    assert prusc("--version") == f"prusc-tui {metadata['Version']}" + f" ({commit})" * bool(commit) + "\n"
    recipes = prusc("recipes")
    assert "prusc-no-contrast" in recipes
    assert "colored-mnist" in recipes
    assert "no runs yet" in prusc("ls")
    data = prusc("data", "show", "demo", "--set", "data.train_size=400")
    assert "0–4" in data
    assert bash(f"source {python.parent.parent / completion.PLACES['bash']}; {COMPLETE}").split() == ["data"]
