"""The wheel holds all that an edit needs, and declares what it needs from others.

A clean environment with PyTorch and all other dependencies takes minutes and 2 GB. So the wheel is installed into a new
environment that sees the dependencies, but not the source tree, of the one that runs the tests.
"""

import ast
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import Distribution, PackageNotFoundError, packages_distributions, version
from pathlib import Path

import av
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples/astronaut.mp4"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, and return a virtual environment that it is installed in."""
    folder = tmp_path_factory.mktemp("package")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "*.egg-info", "demo-output", "samples", "tests"))
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run([*pip, *build], check=True, capture_output=True)
    shutil.rmtree(source)
    venv.create(folder / "environment")
    site_packages = next((folder / "environment/lib").glob("python*/site-packages"))
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (wheel,) = folder.glob("facevid-*.whl")
    python = str(folder / "environment/bin/python")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", str(wheel)], check=True, capture_output=True)
    return folder / "environment"


def test_installed_command_edits_the_sample(environment: Path, tmp_path: Path) -> None:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    where = [str(environment / "bin/python"), "-c", "import facevid; print(facevid.__file__)"]
    place = subprocess.check_output(where, cwd=tmp_path, env=variables, text=True)
    assert Path(place.strip()).is_relative_to(environment)
    command = [str(environment / "bin/facevid"), "edit", str(SAMPLE), "out.mp4", "--frames", "0-3", "--attr", "smile=1"]
    subprocess.run(command, check=True, cwd=tmp_path, env=variables, capture_output=True)
    with av.open(str(tmp_path / "out.mp4")) as result, av.open(str(SAMPLE)) as source:
        assert result.streams.video[0].frames == source.streams.video[0].frames


@pytest.fixture(scope="module")
def requirements(environment: Path) -> list[Requirement]:
    """Return the requirements in the metadata of the installed wheel, except those for development."""
    (metadata,) = environment.glob("lib/python*/site-packages/facevid-*.dist-info")
    declared = [Requirement(line) for line in Distribution.at(metadata).requires or []]
    return [each for each in declared if each.marker is None or not each.marker.evaluate({"extra": "dev"})]


def test_declared_requirements_are_those_installed(requirements: list[Requirement]) -> None:
    for each in requirements:
        if each.marker is None:
            assert each.specifier.contains(version(installed_name(each.name))), each


def test_every_imported_package_is_declared(requirements: list[Requirement]) -> None:
    trees = [ast.parse(path.read_text()) for path in (ROOT / "facevid").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    packages = {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names) - {"facevid"}
    declared = {canonicalize_name(installed_name(each.name)) for each in requirements if each.marker is None}
    optional = {canonicalize_name(each.name) for each in requirements if each.marker is not None}
    providers = {**packages_distributions(), "dlib": ["dlib-bin"]}  # its wheel does not list its module
    undeclared = {
        package
        for package in packages
        if canonicalize_name(package) not in optional
        and not declared & {canonicalize_name(name) for name in providers[package]}
    }
    assert len(packages) > 15
    assert undeclared == set()


def installed_name(name: str) -> str:
    """Return the name under which a requirement is installed: bin/setup replaces OpenCV where libGL is missing."""
    try:
        version(name)
    except PackageNotFoundError:
        assert name == "opencv-python"
        return "opencv-python-headless"
    return name
