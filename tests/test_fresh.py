"""The wheel as a user installs it: by pip, pipx and uv, with all requirements, for every Python that is here."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.fresh
HOUSE = Path(__file__).parent.parent
VERSIONS = ("3.11", "3.12", "3.13")
DEMO = (
    "data.train_size=400",
    "data.validation_size=80",
    "data.test_size=80",
    "erm.epochs=1",
    "prune.steps=2",
    "finetune.steps=2",
)


def interpreter(version):
    """Path of a Python of this version; pyenv has its own in a folder that is not searched."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}*/bin/python{version}"))]
    for path in filter(None, found):
        said = subprocess.run(
            [path, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=False
        )
        if said.returncode == 0 and said.stdout.startswith(f"{version}."):
            return str(path)
    return pytest.skip(f"there is no Python {version} here")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from the source distribution, in isolation, as by a front end that knows nothing but `pyproject.toml`."""
    to = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(to)], cwd=HOUSE, check=True)
    (source,) = to.glob("*.tar.gz")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(to), str(source)], check=True
    )
    (path,) = to.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """Folder with uv and pipx; the cache of uv is beside it, so that it downloads everything once."""
    environment = tmp_path_factory.mktemp("tools")
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    subprocess.run([str(environment / "bin/python"), "-m", "pip", "install", "--quiet", "uv", "pipx"], check=True)
    yield environment / "bin"
    shutil.rmtree(environment)


def pip(python, wheel, folder, _tools):
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    subprocess.run(
        [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--no-cache-dir", str(wheel)], check=True
    )
    return folder / "bin"


def pipx(python, wheel, folder, tools):
    places = {"PIPX_HOME": str(folder), "PIPX_BIN_DIR": str(folder / "bin"), "PIPX_MAN_DIR": str(folder / "man")}
    command = [str(tools / "pipx"), "install", "--quiet", "--python", python, "--pip-args=--no-cache-dir", str(wheel)]
    subprocess.run(command, check=True, env=os.environ | places)
    assert (folder / "man/man1/prusc.1").exists()
    return folder / "bin"


def uv(python, wheel, folder, tools):
    places = {
        "UV_TOOL_DIR": folder / "tools",
        "UV_TOOL_BIN_DIR": folder / "bin",
        "UV_CACHE_DIR": tools.parent / "cache",
    }
    command = [str(tools / "uv"), "tool", "install", "--quiet", "--python", python, str(wheel)]
    subprocess.run(command, check=True, env=os.environ | places)
    return folder / "bin"


def test_a_wheel_of_the_source_distribution_has_the_same_files(wheel, tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=HOUSE, check=True)
    with zipfile.ZipFile(wheel) as built, zipfile.ZipFile(tmp_path / wheel.name) as direct:
        assert sorted(built.namelist()) == sorted(direct.namelist())
        for name in (name for name in direct.namelist() if "/share/" in name or name.endswith("commit.txt")):
            assert built.read(name) == direct.read(name)


@pytest.mark.parametrize("install", [pip, pipx, uv], ids=lambda install: install.__name__)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_installed_wheel_runs(version, install, wheel, tools, tmp_path):
    python, folder = interpreter(version), tmp_path / "installed"
    try:
        programs = install(python, wheel, folder, tools)

        def run(*words):
            environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PRUSC_HOME": str(tmp_path / "home")}
            command = [str(programs / words[0]), *words[1:]]
            done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        assert run("prusc-tui", "--version") == run("prusc", "--version")
        facts = json.loads(run("prusc", "doctor", "--json"))
        assert facts["python"].startswith(f"{version}.")
        assert facts["missing"] == []
        assert facts["commit"] != "unknown"
        settings = [word for setting in DEMO for word in ("--set", setting)]
        assert json.loads(run("prusc", "run", "demo", "--json", *settings))["status"] == "finished"
        assert len(json.loads(run("prusc", "ls", "--json"))["runs"]) == 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # pytest would keep gigabytes of it
