"""What is in deploy/: units that systemd takes and that give nothing away, a compose file without secrets, rules about real metrics."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from firedoor import metrics
from firedoor.settings import SECRETS

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
CONTAINS = [name for name in SECRETS if "sweep" not in name]
SECRET = re.compile(r"(?i)(token|password|secret|auth_string|api_key)\s*[:=]\s*[\"']?[A-Za-z0-9+/_-]{10,}")


def unit(path: Path) -> dict[str, list[str]]:
    """The lines of [Service], by name; one may come several times."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().partition("[Service]")[2].partition("[Install]")[0].splitlines():
        name, given, value = line.partition("=")
        if given and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here")
def test_systemd_takes_the_units_and_finds_them_closed(tmp_path: Path) -> None:
    made = []
    for path in UNITS:
        ConfigParser(strict=False, allow_no_value=True, interpolation=None).read_string(path.read_text())
        made.append(tmp_path / path.name)
        made[-1].write_text(re.sub(r"/opt/firedoor/\.venv/bin/\w+", "/bin/true", path.read_text()))
    checked = subprocess.run(["systemd-analyze", "verify", *made], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    for path in made:
        graded = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(path)]
        assert subprocess.run(graded, capture_output=True, check=False).returncode == 0, "an exposure of 2.0 at most"


def test_each_unit_has_a_user_of_its_own_and_its_secrets_in_a_file_of_its_own() -> None:
    units = {path.stem: unit(path) for path in UNITS}
    assert set(units) == {"firedoor-serve", "firedoor-exercises", "firedoor-worker", "prefect-server"}
    for name in ("User", "EnvironmentFile", "StateDirectory"):
        assert len({tuple(one[name]) for one in units.values()}) == 3, name
        assert units["firedoor-exercises"][name] == units["firedoor-serve"][name], "an exercise has the very journal and approval key"
    for one in units.values():
        assert (one["NoNewPrivileges"], one["ProtectSystem"], one["StateDirectoryMode"]) == (["yes"], ["strict"], ["0700"])
    assert "contain" not in units["firedoor-worker"]["ExecStart"][0]
    assert "127.0.0.1" in units["prefect-server"]["ExecStart"][0]


def test_what_people_type_has_the_user_the_settings_and_the_secrets_of_the_service() -> None:
    words = shlex.split((DEPLOY / "systemd" / "firedoor").read_text(), comments=True)
    serve = unit(DEPLOY / "systemd" / "firedoor-serve.service")
    given = dict(word.removeprefix("--").split("=", 1) for word in words if word.startswith("--") and "=" in word)
    assert {given["uid"], given["gid"]} == {*serve["User"], *serve["Group"]}
    assert f"--property=EnvironmentFile={serve['EnvironmentFile'][0]}" in words
    settings = [one for one in serve["Environment"][0].split() if "_LOG_" not in one]
    assert settings == [word.removeprefix("--setenv=") for word in words if word.startswith("--setenv=")]
    assert (serve["ExecStart"][0].split()[0], words[-1]) == (words[-2], "$@")


def test_no_secret_is_in_any_file() -> None:
    for path in [one for one in DEPLOY.rglob("*") if one.is_file()]:
        text = path.read_text()
        assert not SECRET.search(text), path
        assert not re.search(r"postgres(ql)?://\S+:\S+@", text), path


def test_everything_in_compose_listens_on_loopback_only_and_runs_without_rights() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "prefect", "worker", "serve", "exercises"}
    for name, service in services.items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
        assert "no-new-privileges:true" in service["security_opt"]
        assert "privileged" not in service
        if name != "postgres":
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert "ports" not in services["postgres"]
    files = [tuple(services[name]["env_file"]) for name in ("prefect", "worker", "serve")]
    assert len(set(files)) == 3
    assert not {str(one) for one in services["worker"]["volumes"]} & {str(one) for one in services["serve"]["volumes"]}
    assert services["exercises"]["profiles"], "it has what contains, so it is begun by name"
    for what in ("env_file", "volumes"):
        assert services["exercises"][what] == services["serve"][what]
    named = {str(one) for service in services.values() for one in service.get("environment", {})}
    assert not [name for name in CONTAINS if f"FIREDOOR_{name.upper()}" in named]


def test_every_pool_that_has_a_deployment_has_a_worker() -> None:
    pools = {one["work_pool"]["name"] for one in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    contained = [service["command"] for service in compose()["services"].values() if "command" in service]
    units = [unit(path)["ExecStart"][0].split() for path in (DEPLOY / "systemd").glob("*.service")]
    for commands in (contained, units):
        assert {words[words.index("--pool") + 1] for words in commands if "--pool" in words} == pools


def test_where_the_image_deploys_from_is_where_its_flows_are() -> None:
    assert "{{ $PWD }}" in (ROOT / "prefect.yaml").read_text()
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.findall(r"^ENV PWD=(\S+)$", text, re.MULTILINE) == re.findall(r"^WORKDIR (\S+)$", text, re.MULTILINE)[-1:]


def test_the_image_is_made_from_a_lock_with_hashes_and_runs_as_nobody_in_particular() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    lock = re.search(r"install\.sh \.venv/bin (?!bootstrap)(\w+)", text)
    assert lock is not None
    pins = (ROOT / "requirements" / f"{lock[1]}.lock").read_text()
    assert len(re.findall(r"^\S+==", pins, re.MULTILINE)) <= pins.count("--hash=sha256:")
    assert re.search(r"^USER firedoor$", text, re.MULTILINE)
    for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        assert ":" in image
        assert not image.endswith(":latest")


def test_the_rules_are_about_metrics_that_there_are_and_each_is_explained() -> None:
    rules = [rule for group in yaml.safe_load((DEPLOY / "prometheus-rules.yaml").read_text())["groups"] for rule in group["rules"]]
    known = {name for name, *_ in metrics.table()}
    explained = (ROOT / "docs" / "operations.md").read_text()
    for rule in rules:
        named = {name.removesuffix("_bucket") for name in re.findall(r"firedoor_\w+", rule["expr"])}
        assert named <= known, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert rule["alert"] in explained
    assert len(rules) == len({rule["alert"] for rule in rules})


def test_every_metric_is_documented() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    for name, kind, labels, about in metrics.table():
        assert f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {about} |" in page
