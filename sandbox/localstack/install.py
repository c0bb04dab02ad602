"""Installs LocalStack from PyPI and its DynamoDB from Maven Central into .sandbox/localstack. Standard library only.

.sandbox/localstack/
  venv/                                         Python 3.13 with what requirements.txt locks
  root/var/lib/localstack/lib/                  where LocalStack looks for what it would else download
    dynamodb-local/2/DynamoDBLocal.jar            names the jars of ↓ in its manifest
    dynamodb-local/2/DynamoDBLocal_lib/           DynamoDB Local and all it needs
    dynamodb-local/2/ddb-local-loader-0.1.jar     a Java agent; LocalStack starts DynamoDB with one of this name
    java/21/                                      the Java found on this machine
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sandbox import bootstrap

HOME = bootstrap.STATE / "localstack"
ROOT = HOME / "root"
VENV = HOME / "venv"
LIB = ROOT / "var" / "lib" / "localstack" / "lib"
DYNAMODB = LIB / "dynamodb-local" / "2"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PYTHON_VARIABLE = "SEDO_PYTHON313"

DYNAMODB_LOCAL = "software.amazon.dynamodb:DynamoDBLocal:3.1.0"
AGENT = "net.bytebuddy:byte-buddy-agent:1.17.5"
MAIN_CLASS = "software.amazon.dynamodb.services.local.main.ServerRunner"
JAVA_OLDEST = 17
MANIFEST_LINE_BYTES = 72

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>sedo</groupId><artifactId>dynamodb</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>{0}</groupId><artifactId>{1}</artifactId><version>{2}</version>
  </dependency></dependencies>
</project>
"""


def missing() -> str | None:
    """Why LocalStack can not be installed here, in one sentence, or None."""
    if not shutil.which("mvn"):
        return "LocalStack without Docker needs Maven (mvn), to get its DynamoDB"
    try:
        java_home()
    except bootstrap.BootstrapError as error:
        return str(error)
    return None


def ensure() -> None:
    """Installs what is missing or was made from an older lock; needs no network when all is there."""
    stamp = bootstrap.digest(REQUIREMENTS, Path(__file__))
    if bootstrap.is_made(VENV, stamp):
        return
    reason = missing()
    if reason:
        raise bootstrap.BootstrapError(reason)
    with bootstrap.one_at_a_time():
        bootstrap.say("installing LocalStack (.sandbox/localstack)")
        shutil.rmtree(HOME, ignore_errors=True)
        make_environment()
        make_dynamodb()
        link_java()
        (VENV / bootstrap.STAMP).write_text(stamp)


def make_environment() -> None:
    """LocalStack's requirements want exactly Python 3.13: one that is here, else one that uv brings."""
    what = f"LocalStack's environment (set {PYTHON_VARIABLE} to a Python 3.13 if uv finds none)"
    bootstrap.uv(["venv", "--quiet", "--no-project", "--clear", "--python", python313(), str(VENV)], what)
    pip = ["pip", "install", "--quiet", "--require-hashes", "--python", str(bootstrap.python_of(VENV))]
    bootstrap.uv([*pip, "--requirement", str(REQUIREMENTS)], what)


def python313() -> str:
    """A Python 3.13 that runs (a version manager's stub on PATH may not), else what uv is to look for."""
    named = os.environ.get(PYTHON_VARIABLE)
    if named:
        return named
    managed = sorted(Path.home().glob(".pyenv/versions/3.13.*/bin/python"), reverse=True)
    for python in (shutil.which("python3.13"), *map(str, managed)):
        if python and subprocess.run([python, "--version"], capture_output=True).returncode == 0:
            return python
    return "3.13"


def make_dynamodb() -> None:
    """Lays DynamoDB Local out as LocalStack would have unpacked it."""
    libraries = DYNAMODB / "DynamoDBLocal_lib"
    libraries.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "pom.xml").write_text(POM.format(*DYNAMODB_LOCAL.split(":")))
        maven(work, "dependency:copy-dependencies", f"-DoutputDirectory={libraries}")
        maven(work, "dependency:copy", f"-Dartifact={AGENT}", f"-DoutputDirectory={work}")
        _, artifact, version = AGENT.split(":")
        shutil.copy(Path(work) / f"{artifact}-{version}.jar", DYNAMODB / "ddb-local-loader-0.1.jar")
    for native in libraries.glob("*sqlite4java-*-*"):
        # The loader looks for the name without the version.
        unversioned = re.sub(r"-\d[\d.]*(?=\.(so|dylib)$)", "", native.name)
        if unversioned != native.name:
            shutil.copy(native, libraries / unversioned)
    with zipfile.ZipFile(DYNAMODB / "DynamoDBLocal.jar", "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", manifest([jar.name for jar in sorted(libraries.glob("*.jar"))]))


def manifest(jars: Sequence[str]) -> str:
    """One that starts DynamoDB Local with these jars beside it; long lines are folded as the format wants."""
    line = "Class-Path: " + " ".join(f"DynamoDBLocal_lib/{jar}" for jar in jars)
    step = MANIFEST_LINE_BYTES - 1
    folded = [line[:MANIFEST_LINE_BYTES]]
    folded += [" " + line[i : i + step] for i in range(MANIFEST_LINE_BYTES, len(line), step)]
    return "\r\n".join(["Manifest-Version: 1.0", f"Main-Class: {MAIN_CLASS}", *folded, "", ""])


def maven(folder: str, *arguments: str) -> None:
    """Runs Maven quietly; what it says is shown when it fails."""
    done = subprocess.run(["mvn", "-B", "-q", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise bootstrap.BootstrapError(f"DynamoDB Local could not be fetched. Maven said:\n{done.stdout[-1500:]}")


def link_java() -> None:
    """Shows LocalStack the Java of this machine where it would have put its own."""
    home = LIB / "java" / "21"
    if sys.platform == "darwin":
        home = home / "Contents" / "Home"
    home.parent.mkdir(parents=True, exist_ok=True)
    home.symlink_to(java_home())


def java_home() -> Path:
    """The home of the Java on PATH, if it is new enough for DynamoDB Local."""
    try:
        done = subprocess.run(["java", "-XshowSettings:properties", "-version"], capture_output=True, text=True)
    except OSError:
        raise bootstrap.BootstrapError(f"LocalStack without Docker needs Java {JAVA_OLDEST} or newer") from None
    home = re.search(r"java\.home = (.+)", done.stderr)
    version = re.search(r"java\.specification\.version = (\d+)", done.stderr)
    if not home or not version or int(version[1]) < JAVA_OLDEST:
        raise bootstrap.BootstrapError(f"LocalStack without Docker needs Java {JAVA_OLDEST} or newer")
    return Path(home[1].strip())
