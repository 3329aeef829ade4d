"""``python -m bench.contain.ansible JSON``: the same steps by ``ansible-playbook``, in an environment of its own.

Ansible has no warm state: the clock is the whole run of the command. What of it is its start is measured too, by a playbook that does
nothing. Each person is a host, so that they are worked on side by side: ``forks`` is as many as there are, of each of which a processor
has to start a Python anew for each call. A loop over the people on one host, which is what one sees more often, would be one call after
the other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from firedoor.settings import ROOT

COMMAND: Final = ROOT / ".venv-ansible" / "bin" / "ansible-playbook"
HERE: Final = Path(__file__).parent
INTERPRETER: Final = ROOT / ".venv-ansible" / "bin" / "python"


def played(playbook: str, asked: Mapping[str, Any]) -> float:
    """Seconds that the whole command takes. Raises `SystemExit` with what Ansible says, where it fails."""
    folder = Path(asked["folder"])
    about = {"okta_url": asked["okta"], "okta_token": asked["token"], "ansible_python_interpreter": str(INTERPRETER)}
    people = {"hosts": dict.fromkeys(asked["users"], None), "vars": about}
    (folder / "people.json").write_text(json.dumps({"people": people}), encoding="utf-8")
    own = {"ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_FORKS": str(asked["forks"]), "ANSIBLE_STRATEGY": "ansible.builtin.free"}
    command = [str(COMMAND), "-i", str(folder / "people.json"), str(HERE / playbook)]
    began = time.monotonic()
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    taken = time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"{done.stdout[-1500:]}{done.stderr[-500:]}")
    return taken


def main(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of the whole, and of nothing."""
    start = played("nothing.yml", asked)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    return {"seconds": played("ansible.yml", asked), "start": start}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))) + "\n")
