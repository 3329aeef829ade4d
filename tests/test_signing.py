"""Signatures: made by OpenSSH itself and by hardware keys in software, checked against pinned keys, touch included."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor import signing
from firedoor.errors import BadInput, Misconfigured
from firedoor.exercise.keys import SecurityKey

DOCUMENT = "Firedoor decision\nrun: r1\n"
KEY, OTHER = SecurityKey(), SecurityKey()


def made(folder: Path, kind: str = "ed25519", *, name: str = "id") -> tuple[Path, str]:
    """A private key as people have it, and its line for the roster."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "somebody's laptop", "-f", str(path)], check=True)
    return path, signing.check_key(path.with_name(f"{name}.pub").read_text())


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_what_openssh_signs_holds_and_nothing_else(tmp_path: Path, kind: str) -> None:
    path, public = made(tmp_path, kind)
    proof = signing.sign(DOCUMENT, path).proof
    assert signing.holds(DOCUMENT, proof, [KEY.public, public], hardware=False)
    assert not signing.holds(DOCUMENT + " ", proof, [public], hardware=False)
    assert not signing.holds(DOCUMENT, proof, [made(tmp_path, kind, name="other")[1]], hardware=False)
    assert not signing.holds(DOCUMENT, proof, [], hardware=False)
    assert not signing.holds(DOCUMENT, proof, [public], hardware=True), "it lives in a file"


def test_a_hardware_key_must_have_been_touched() -> None:
    for flags, counts in ((0x01, True), (0x05, True), (0x00, False), (0x04, False)):
        proof = KEY.sign(DOCUMENT, flags=flags).proof
        assert signing.holds(DOCUMENT, proof, [KEY.public], hardware=True) is counts
        assert signing.holds(DOCUMENT, proof, [KEY.public], hardware=False) is counts


def test_openssh_itself_does_not_ask_for_the_touch(tmp_path: Path) -> None:
    """Why the flag is read here. Should OpenSSH ever refuse this, the reading may go."""
    untouched = KEY.sign(DOCUMENT, flags=0)
    (tmp_path / "signature").write_text(signing.armor(untouched.blob))
    (tmp_path / "allowed").write_text(f"ada {KEY.public}\n")
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "ada", "-n", "firedoor", "-s", "signature"]
    assert subprocess.run(command, input=DOCUMENT.encode(), cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_another_namespace_does_not_count(tmp_path: Path) -> None:
    path, public = made(tmp_path)
    git = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(path), "-n", "git"], input=DOCUMENT.encode(), capture_output=True, check=True
    )
    assert not signing.holds(DOCUMENT, signing.read(git.stdout.decode()).proof, [public], hardware=False)
    assert not signing.holds(DOCUMENT, KEY.sign(DOCUMENT, namespace="git").proof, [KEY.public], hardware=False)


@given(at=st.integers(0), bit=st.integers(0, 7))
def test_of_a_signature_that_was_altered_nothing_holds(at: int, bit: int) -> None:
    blob = bytearray(PROOF_BLOB)
    blob[at % len(blob)] ^= 1 << bit
    assert not signing.holds(DOCUMENT, signing.PROOF + base64.b64encode(bytes(blob)).decode(), [KEY.public], hardware=True)


PROOF_BLOB = KEY.sign(DOCUMENT).blob


@given(
    st.text()
    | st.binary().map(lambda data: base64.b64encode(data).decode())
    | st.binary().map(lambda d: base64.b64encode(PROOF_BLOB[:10] + d).decode())
)
def test_what_is_no_signature_is_refused_and_breaks_nothing(text: str) -> None:
    assert not signing.holds(DOCUMENT, signing.PROOF + text, [KEY.public], hardware=False)
    with pytest.raises(BadInput):
        signing.read(f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n")


SPOILED: list[Callable[[str], str]] = [
    lambda _: "",
    lambda _: "ssh-dss AAAAB3NzaC1kc3MAAACB",
    lambda key: key.replace("sk-ssh-ed25519@openssh.com", "ssh-ed25519"),
    lambda key: key[:30],
    lambda key: f"ecdsa-sha2-nistp256 {key.split(' ')[1]}",
    lambda key: key.split(" ")[1],
]


@pytest.mark.parametrize("spoil", SPOILED)
def test_what_is_no_public_key_is_refused(spoil: Callable[[str], str]) -> None:
    assert signing.check_key(f"  {KEY.public} ada@laptop\n") == KEY.public
    with pytest.raises(BadInput, match="public SSH key"):
        signing.check_key(spoil(KEY.public))


def test_without_a_key_or_without_openssh_nothing_is_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="no such key file"):
        signing.sign(DOCUMENT, tmp_path / "id")
    (tmp_path / "id").write_text("nonsense")
    with pytest.raises(BadInput, match="ssh-keygen gave up"):
        signing.sign(DOCUMENT, tmp_path / "id")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Misconfigured, match="not on this machine"):
        signing.sign(DOCUMENT, tmp_path / "id")


def test_a_key_is_kept_and_shown_to_nobody() -> None:
    again = SecurityKey.kept(KEY.keeping)
    assert again.public == KEY.public
    assert again.public != OTHER.public
    assert KEY.keeping not in repr(KEY)
