"""SSH signatures (``ssh-keygen -Y``): made on the signer's own machine, checked here against keys that are pinned in configuration.

OpenSSH checks the signature. What it does not check is whether a hardware key (``sk-...``) was touched: `ssh-keygen -Y verify` takes a
signature whose user-presence flag is not set (OpenSSH 9.2, tried), so the flag is read and demanded here. The signature that is handed to
OpenSSH is written anew from what was read, so that both have looked at the same bytes.
Source: OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f.
"""

from __future__ import annotations

import base64
import binascii
import re
import subprocess
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from firedoor.errors import BadInput, BrokenOff, Misconfigured
from firedoor.interrupts import prompting

NAMESPACE: Final = "firedoor"
PROOF: Final = "ssh:"
KEY_TYPES: Final = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "ssh-rsa")
HARDWARE: Final = ("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")
SECONDS: Final = 10
PERSON_SECONDS: Final = 120
LONGEST: Final = 8192
_TOUCHED: Final = 0x01
_ARMOR: Final = re.compile(r"\s*-----BEGIN SSH SIGNATURE-----\s([A-Za-z0-9+/=\s]+)-----END SSH SIGNATURE-----\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a signature says of itself. ``key`` is ``type base64``; ``flags`` are a hardware key's own, 0 for others."""

    blob: bytes
    key: str
    namespace: str
    flags: int = 0

    @property
    def hardware(self) -> bool:
        """Whether the key lives in hardware."""
        return is_hardware(self.key)

    @property
    def proof(self) -> str:
        """What a decision carries."""
        return PROOF + base64.b64encode(self.blob).decode()


def check_key(text: str) -> str:
    """A public key line without its comment: ``type base64``. Raises `BadInput`."""
    kind, _, rest = text.strip().partition(" ")
    material = rest.split(" ")[0]
    advice = "Copy the line of the .pub file: ssh-ed25519 AAAA..., or sk-ssh-ed25519@openssh.com AAAA..."
    if kind not in (*KEY_TYPES, *HARDWARE):
        raise BadInput("that is no public SSH key of a kind that may sign", advice=advice)
    try:
        inner, _ = _string(base64.b64decode(material, validate=True))
    except (binascii.Error, ValueError):
        raise BadInput("that public SSH key cannot be read", advice=advice) from None
    if inner != kind.encode():
        raise BadInput("that public SSH key is not of the kind that it says", advice=advice)
    return f"{kind} {material}"


def is_hardware(key: str) -> bool:
    """Whether a public key is one that lives in hardware."""
    return key.partition(" ")[0] in HARDWARE


def read(armored: str) -> Signature:
    """A signature as ``ssh-keygen -Y sign`` writes it. Raises `BadInput`."""
    found = _ARMOR.fullmatch(armored) if len(armored) <= LONGEST else None
    if found is None:
        raise BadInput("that is no SSH signature", advice="It begins with -----BEGIN SSH SIGNATURE-----")
    return _read("".join(found[1].split()))


def key_of(proof: str) -> str:
    """The public key that a proof says it was made with; empty where it is no signature by a kind of key that may sign."""
    try:
        return check_key(_read(proof.removeprefix(PROOF)).key)
    except BadInput:
        return ""


def holds(document: str, proof: str, keys: Collection[str], *, hardware: bool) -> bool:
    """Whether the proof is a signature over the document by one of the keys; with ``hardware``, by one that lives in hardware.

    A hardware key must have been touched for it, whether one was needed or not.
    """
    return _holds(document, proof, tuple(sorted(keys)), hardware=hardware)


@lru_cache(maxsize=1024)
def _holds(document: str, proof: str, keys: tuple[str, ...], *, hardware: bool) -> bool:
    try:
        signature = _read(proof.removeprefix(PROOF))
    except BadInput:
        return False
    if signature.key not in keys or signature.namespace != NAMESPACE or (hardware and not signature.hardware):
        return False
    if signature.hardware and not signature.flags & _TOUCHED:
        return False
    return _verified(document, signature)


def _verified(document: str, signature: Signature) -> bool:
    with tempfile.TemporaryDirectory(prefix="firedoor-") as folder:
        allowed, written = Path(folder, "allowed_signers"), Path(folder, "signature")
        allowed.write_text(f'signer namespaces="{NAMESPACE}" {signature.key}\n', encoding="utf-8")
        written.write_text(armor(signature.blob), encoding="utf-8")
        command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "signer", "-n", NAMESPACE, "-s", str(written)]
        return _run(command, document, seconds=SECONDS).returncode == 0


def sign(document: str, key: Path) -> Signature:
    """The document signed with a private key, or with the agent's where ``key`` is a public one; it may ask for a passphrase or a touch.

    Raises `BadInput` where nothing was signed, and `BrokenOff` where whoever was asked would rather not.
    """
    if not key.is_file():
        raise BadInput(
            "there is no such key file", target=str(key), advice="Name the private key, or the .pub of one that your agent holds"
        )
    made = _asking(["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE], document)
    if made.returncode != 0:
        raise BadInput("nothing was signed: ssh-keygen gave up", target=str(key), advice="See what it said above, then try again")
    return read(made.stdout.decode("utf-8", "replace"))


def public_half(key: Path) -> str:
    """The public key of a private one (or of a ``.pub`` file), as it stands on a roster. It may ask for a passphrase. Raises as `sign`."""
    beside = key if key.suffix == ".pub" else key.with_name(f"{key.name}.pub")
    try:
        if beside.is_file():
            return check_key(beside.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise BadInput("that public SSH key cannot be read", target=str(beside)) from None
    if not key.is_file():
        raise BadInput("there is no such key file", target=str(key), advice="Name the private key, or the .pub of one in your agent")
    made = _asking(["ssh-keygen", "-y", "-f", str(key)])
    if made.returncode != 0:
        raise BadInput("its public half cannot be read", target=str(key), advice="See what ssh-keygen said above")
    return check_key(made.stdout.decode("utf-8", "replace"))


def paper(lines: Iterable[str]) -> str:
    """Lines as a document that people sign: what cannot be seen in one shows as its code point, so that none spans two."""
    return "\n".join("".join(one if one.isprintable() else f"[U+{ord(one):04X}]" for one in line) for line in lines) + "\n"


def armor(blob: bytes) -> str:
    """A signature in the form that OpenSSH reads."""
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + 70] for start in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def _asking(command: list[str], document: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run what may ask somebody for a passphrase or a touch, at the terminal. Raises `BrokenOff` where they leave it, by Ctrl-C."""
    with prompting("nothing was signed"):
        made = _run(command, document, seconds=PERSON_SECONDS, aside=None)
    if made.returncode < 0:
        raise BrokenOff("nothing was signed: you broke it off")
    return made


def _run(command: list[str], document: str, *, seconds: int, aside: int | None = subprocess.DEVNULL) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - our own words
            command, input=document.encode(), stdout=subprocess.PIPE, stderr=aside, timeout=seconds, check=False
        )
    except FileNotFoundError:
        raise Misconfigured(
            "ssh-keygen is not on this machine, and decisions are signed with it", advice="Install OpenSSH's client"
        ) from None
    except subprocess.TimeoutExpired:
        raise BadInput(f"nothing was signed within {seconds} s", advice="Touch the key when it blinks; try again") from None


def _read(text: str) -> Signature:
    """``SSHSIG``, version, public key, namespace, reserved, hash, signature; a hardware key's signature ends in its flags and counter."""
    try:
        blob = base64.b64decode(text, validate=True)
        if len(text) > LONGEST or not blob.startswith(b"SSHSIG\x00\x00\x00\x01"):
            raise ValueError  # noqa: TRY301 - unreadable, like all below
        public, rest = _string(blob[10:])
        namespace, rest = _string(rest)
        _, rest = _string(rest)
        _, rest = _string(rest)
        signature, rest = _string(rest)
        kind, tail = _string(signature)
        key_kind, _ = _string(public)
        _, tail = _string(tail)
        if rest or (key_kind.decode() in HARDWARE) != (len(tail) == 5) or (key_kind.decode() in HARDWARE and kind != key_kind):
            raise ValueError  # noqa: TRY301 - as above
        key = f"{key_kind.decode()} {base64.b64encode(public).decode()}"
        return Signature(blob=blob, key=key, namespace=namespace.decode(), flags=tail[0] if tail else 0)
    except (ValueError, binascii.Error):
        raise BadInput("that SSH signature cannot be read", advice="Sign again") from None


def _string(data: bytes) -> tuple[bytes, bytes]:
    """The first length-prefixed string, and what comes after it. Raises `ValueError`."""
    length = int.from_bytes(data[:4], "big")
    if len(data) < 4 + length or len(data) < 4:
        raise ValueError("cut short")
    return data[4 : 4 + length], data[4 + length :]
