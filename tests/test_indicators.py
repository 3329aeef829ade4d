"""What alerts name: the real-looking, the defanged, the false friends, the look-alikes, and whatever an attacker may write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.errors import BadInput
from firedoor.indicators import MOST_FOUND, MOST_TEXT, find
from firedoor.inputs import InputType, bind
from firedoor.matching import FITTING, match
from firedoor.playbook import Input
from firedoor.playbook import find as playbook
from firedoor.recognising import Kind

GUARDDUTY = """
*GuardDuty finding* `UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS` | severity 8.1 | eu-west-1
Credentials of role arn:aws:iam::111122223333:role/service-role/web-app, session
arn:aws:sts::111122223333:assumed-role/web-app/i-0abcd1234ef567890, key ASIAIOSFODNN7EXAMPLE, were used from 198.51.100.23 (Tor exit)
and from 10.20.30.40. First seen 2026-03-04T02:55:10.000Z. See https://eu-west-1.console.aws.amazon.com/guardduty/home?region=eu-west-1#/f?id=ba1b
Detector 12abc34d567e8fa901bc2d34e56789f0, finding 7c1f2a54-0b6e-4d3f-9a55-1f0e6c2b8d11
"""
OKTA = """
Okta ThreatInsight: user.session.start for ada.okoro@acme.example (00u1a2b3c4d5e6f7g8h9) from 203[.]0[.]113[.]66, ASN 64500,
rawUserAgent=Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36
client app 0oa1gjh63g214q0Hq0g4, group 00g9zyxwvutsrqponml1, token 00Tabcdefghijklmnop12; published: 2026-03-04 03:01:07 UTC
"""
CROWDSTRIKE = """
Falcon detection | Severity: High | Tactic: Credential Access | Technique: OS Credential Dumping
Host: FIN-LAPTOP-22.corp.acme.example | Local IP: 192.168.4.17 | External IP: 203.0.113.70 | User: ACME\\\\ben.ito
File: C:\\Users\\ben\\Downloads\\invoice.pdf.exe SHA256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
Sensor version 7.15.1690.3, policy build 10.0.22631.1; agent v6.58.17212.0
Callback to hxxps[:]//cdn-update[.]example[.]net:8443/gate.php?u=eve@acme.example
"""
SIEM = (
    '{"rule":"impossible travel","user":"cyd.mensah@acme.example","src_ip":"2001:db8:85a3::8a2e:370:7334","dst":"db-3.internal",'
    '"account":"111122223333/ci-deploy","principal":"arn:aws:iam::111122223333:user/ops/ci-deploy","ts":"2026-03-04T04:05:06+01:00",'
    '"message_id":"<20260304030506.1.ABC@mail.acme.example>","network":"203.0.113.0/28","opened":"0.0.0.0/0"}'
)
FORWARDED = """
Fwd: is this you?
From: "Eli's mum" <mailto:eli.o'hara@acme.example|eli.o'hara@acme.example>
Message-ID: <CAF+xyz123@mail.gmail.com>
In-Reply-To: <one@acme.example> <two@acme.example>
'fay@acme.example' wrote (see report.pdf, budget.xlsx, logo@2x.png): log in at https://okta.acme.example.evil.example/login?user=gil@acme.example
hal[at]acme[dot]example, ian[@]acme.example; *jo@acme.example* _kit@acme.example_ (lee@acme.example). mo@acme.example's password!
"""
ALERTS: dict[str, tuple[str, list[str]]] = {
    "guardduty": (
        GUARDDUTY,
        [
            "AWS role arn:aws:iam::111122223333:role/service-role/web-app",
            "AWS role 111122223333/web-app",
            "access key ASIAIOSFODNN7EXAMPLE",
            "address 198.51.100.23",
            "address 10.20.30.40 (private)",
            "moment 2026-03-04T02:55:10Z",
            "host eu-west-1.console.aws.amazon.com",
        ],
    ),
    "okta": (
        OKTA,
        [
            "user ada.okoro@acme.example",
            "Okta user 00u1a2b3c4d5e6f7g8h9",
            "address 203.0.113.66",
            "Okta app 0oa1gjh63g214q0Hq0g4",
            "Okta group 00g9zyxwvutsrqponml1",
            "Okta token 00Tabcdefghijklmnop12",
            "moment 2026-03-04T03:01:07Z",
        ],
    ),
    "crowdstrike": (
        CROWDSTRIKE,
        [
            "host FIN-LAPTOP-22.corp.acme.example",
            "address 192.168.4.17 (private)",
            "address 203.0.113.70",
            "host cdn-update.example.net",
        ],
    ),
    "siem": (
        SIEM,
        [
            "user cyd.mensah@acme.example",
            "address 2001:db8:85a3::8a2e:370:7334",
            "host db-3.internal",
            "IAM user 111122223333/ci-deploy",
            "IAM user arn:aws:iam::111122223333:user/ops/ci-deploy",
            "moment 2026-03-04T03:05:06Z",
            "address 203.0.113.0/28",
            "address 0.0.0.0/0 (far too wide)",
        ],
    ),
    "forwarded": (
        FORWARDED,
        [
            "user eli.o'hara@acme.example",
            "user fay@acme.example",
            "host okta.acme.example.evil.example",
            "user hal@acme.example",
            "user ian@acme.example",
            "user jo@acme.example",
            "user kit@acme.example",
            "user lee@acme.example",
            "user mo@acme.example",
        ],
    ),
}


def names(text: str) -> list[str]:
    return [str(one) for one in find(text).indicators]


@pytest.mark.parametrize("name", ALERTS)
def test_alerts(name: str) -> None:
    text, expected = ALERTS[name]
    assert sorted(names(text)) == sorted(expected)


ONE = [
    ("1[.]2[.]3[.]4", "address 1.2.3.4"),
    ("1.2.3[.]4", "address 1.2.3.4"),
    ("1.2.3(.)4", "address 1.2.3.4"),
    ("1.2.3{.}4", "address 1.2.3.4"),
    ("1.2.3[dot]4", "address 1.2.3.4"),
    ("hxxp://1.2.3.4/", "address 1.2.3.4"),
    ("hXXps[://]1.2.3[.]4:8080/x.pdf", "address 1.2.3.4"),
    ("/1.2.3.4:443", "address 1.2.3.4"),
    ("src=1.2.3.4;", "address 1.2.3.4"),
    ("(1.2.3.4).", "address 1.2.3.4"),
    ("::ffff:203.0.113.7", "address 203.0.113.7"),
    ("2001[:]db8[:][:]1", "address 2001:db8::1"),
    ("https://[2001:db8::1]:8443/x", "address 2001:db8::1"),
    ("2001:0DB8::0001", "address 2001:db8::1"),
    ("2001:db8::/32", "address 2001:db8::/32"),
    ("203.0.113.7/24", "address 203.0.113.7/24 (not clear which network)"),
    ("fe80::1", "address fe80::1 (private)"),
    ("127.0.0.1", "address 127.0.0.1 (this machine itself)"),
    ("user[@]example[.]com", "user user@example.com"),
    ("user[at]example.com", "user user@example.com"),
    ("<mailto:Ada@Example.com|ada@example.com>", "user Ada@Example.com"),
    ("https://ada:secret@evil.example.com/", "host evil.example.com"),
    ("git@github.com:org/repo.git", "host github.com"),
    ("evil[.]py", "host evil.py"),
    ("payload[.]zip", "host payload.zip"),
    ("www.münchen.example", "host www.münchen.example (suspicious: it has LATIN SMALL LETTER U WITH DIAERESIS (U+00FC))"),
    ("xn--mnchen-3ya.xn--p1ai", "host xn--mnchen-3ya.xn--p1ai"),
    ("cafe.de", "host cafe.de"),
    ("arn:aws-us-gov:iam::111122223333:role/a=b", "AWS role arn:aws-us-gov:iam::111122223333:role/a=b"),
    ("role=arn:aws:iam::111122223333:role/a=b,", "AWS role arn:aws:iam::111122223333:role/a=b"),
    ("2026-03-04T03:05:06.123456789Z", "moment 2026-03-04T03:05:06Z"),
    ("2026-03-04 03:05", "moment 2026-03-04 03:05 (no time zone)"),
    ("2026-03-04T03:05:06 +0100", "moment 2026-03-04T02:05:06Z"),
    ("\u0430da@example.com", "user \u0430da@example.com (suspicious: it has CYRILLIC SMALL LETTER A (U+0430))"),
    ("ada\u200b@example.com", "user ada\u200b@example.com (suspicious: it has ZERO WIDTH SPACE (U+200B))"),
    ("a\u0301da@example.com", "user a\u0301da@example.com (suspicious: it has COMBINING ACUTE ACCENT (U+0301))"),
    ("ada\uff20example.com", "user ada\uff20example.com (suspicious: it has FULLWIDTH COMMERCIAL AT (U+FF20))"),
    ("\uff11.2.3.4", "address \uff11.2.3.4 (suspicious: it has FULLWIDTH DIGIT ONE (U+FF11))"),
    ("AKI\u0410IOSFODNN7EXAMPLE", ""),  # no letter of ours stands for that one: it is no key at all
    (r"x\nina@example.com", "user nina@example.com (suspicious: it follows a backslash)"),
    (r"\"nina@example.com\"", "user nina@example.com"),
    ("“ada@example.com”", "user ada@example.com"),
    ("🔥ada@example.com🔥", "user ada@example.com"),
    ("ada@example.com→1", "user ada@example.com"),
]


@pytest.mark.parametrize(("text", "expected"), ONE, ids=[text for text, _ in ONE])
def test_one_thing(text: str, expected: str) -> None:
    assert names(f"seen: {text}") == ([expected] if expected else [])
    assert names(text) == ([expected] if expected else [])


FRIENDS = [
    "v1.2.3.4",
    "version 1.2.3.4",
    "Version: 1.2.3.4",
    "agentVersion=1.2.3.4",
    "Chrome/120.0.0.0",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "2026.03.04",
    "12:34:56",
    "std::string",
    "ab::cd",
    "16:27:ac:a5:76:28:2d:36",
    "00:1a:2b:3c:4d:5e",
    "d41d8cd98f00b204e9800998ecf8427e",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "7c1f2a54-0b6e-4d3f-9a55-1f0e6c2b8d11",
    "report.pdf main.py run.sh notes.md node.js a.tar.gz",
    "e.g. i.e. etc. end.Start Foo.Bar",
    "logo@2x.png @ada @channel ada@localhost a@b",
    "Message-ID: <CAF@mail.gmail.com>",
    "references: <a@b.example> <c@d.example>",
    "https:///ada@example.com",
    "AKIAIOSFODNN7EXAMPL",
    "xAKIAIOSFODNN7EXAMPLE",
    "AKIAIOSFODNN7EXAMPLEx",
    "akiaiosfodnn7example",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:role/*",
    "arn:aws:iam::11112222333:role/x",
    "arn:aws:s3:::bucket/ada@example.com",
    "11112222333/x",
    "2026-13-04T03:05:06Z",
    "2026-03-04T25:05:06Z",
    "12026-03-04T03:05:06Z",
    "a..b@example.com",
    ".ada@example.com",
    "ada.@example.com",
    "ada@-example.com",
    "это.что да.но",
    "x" * 800 + "@example.com",
]


@pytest.mark.parametrize("text", FRIENDS, ids=[text[:40] for text in FRIENDS])
def test_false_friends(text: str) -> None:
    assert names(text) == []


def test_in_order_once_and_counted() -> None:
    text = " ".join(f"u{number}@example.com U{number}@EXAMPLE.com 2026-03-04T03:05:{number % 60:02d}Z" for number in range(100))
    found = find(text)
    assert len(found.indicators) == MOST_FOUND
    assert found.left_out == 160 - MOST_FOUND
    assert [one.value for one in found.indicators[:3]] == ["u0@example.com", "2026-03-04T03:05:00Z", "u1@example.com"]
    assert not found.cut
    assert find("x" * (MOST_TEXT + 1)).cut
    assert find("").indicators == ()


HOSTILE = {
    "letters": "a" * 40_000,
    "dots": "a." * 20_000,
    "ats": "a@" * 20_000,
    "address": "a@" + "b." * 19_999,
    "schemes": "://" * 13_000,
    "links": "h://a" * 8000,
    "values": "a=" * 20_000,
    "held": "+=" * 20_000,
    "colons": "a:" * 20_000,
    "blanks": "a " * 20_000,
    "defanged": "[.]" * 13_000,
    "open": "<" * 40_000,
    "quotes": "a'" * 20_000,
    "dates": "2023-10-18 " * 3600,
    "arns": "arn:aws:iam::" * 3000,
    "role": "arn:aws:iam::111122223333:role/" + "a/" * 20_000,
    "numbers": "1.2.3.4 " * 5000,
    "networks": " ".join(f"1.{n % 250}.{n // 250}.4" for n in range(4000)),
    "groups": "a:b:" * 10_000,
    "strange": "".join(map(chr, range(0x100, 0x9D00))),
    "entities": "&amp;" * 8000,
    "backslashes": "\\n" * 20_000,
    "userinfo": "https://" + "a" * 39_000,
    "commas": "https://a,b=" * 3333,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_no_longer_than_any_other(name: str) -> None:
    """Each is done in some hundredths of a second; a pattern that tries again and again would take hours."""
    find(HOSTILE[name])


NAMES = [
    "ada@example.com",
    "203.0.113.7",
    "AKIAIOSFODNN7EXAMPLE",
    "db-3.internal",
    "00u1a2b3c4d5e6f7g8h9",
    "arn:aws:iam::111122223333:role/x",
]
SIGNS = ["[.]", "(.)", "[at]", "hxxp", "://", "<mailto:", "|", ">", *"=:/\\'\", \n&@.-_*x9", "2026-03-04T03:05:06Z", "version "]
STRANGE = ["\u0430", "\u200b", "\u202e", "\u0301", "\uff20", "\ufe0f", "\u3002", "é", "🔥"]
PIECES = st.sampled_from([*NAMES, *SIGNS, *STRANGE])
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=30).map("".join)
EVERY = {
    f"x{number}": Input(type=kind, many=kind is not InputType.MOMENT, required=False, help="h", example="e")
    for number, kind in enumerate(FITTING)
}
BOOK = playbook("session-hijack").model_copy(update={"inputs": EVERY})


@given(TEXTS)
def test_whatever_is_written_what_is_filled_in_can_be_used(text: str) -> None:
    found = find(text)
    for one in found.indicators:
        assert one.value.isascii() or one.why_not, "what looks like another letter is never taken for it"
    given_ = match(BOOK, found.indicators).given
    try:
        bind(BOOK, given_)
    except BadInput as error:
        assert "yet to come" in error.what or "two dots" in error.what, error  # noqa: PT017 - whatever else it is, it is a defect
    assert len({(one.kind, one.identity) for one in found.indicators}) == len(found.indicators)


NEIGHBOURS = st.text(alphabet="abcXYZ059._%+'!#$&*?^~{}-\u0430\u0301\u200b\u202e\ufe0fé", min_size=1, max_size=4)


@given(NEIGHBOURS)
def test_a_part_of_a_name_is_nobody(before: str) -> None:
    """Whatever stands right before an address is a part of it, or ends a word: then it is one of the few that do."""
    users = [one for one in find(f"{before}ada@example.com").indicators if one.kind is Kind.EMAIL and not one.why_not]
    for user in users:
        cut = f"{before}ada@example.com".removesuffix(user.value)
        assert cut == "" or cut[-1] in "*~'{}_&", f"{user.value} is not all of it"


@given(
    st.lists(
        st.sampled_from(["ada@example.com", "203.0.113.7", "AKIAIOSFODNN7EXAMPLE", "db-3.internal", "0oa1gjh63g214q0Hq0g4"]), unique=True
    )
)
def test_what_is_planted_is_found_in_its_order(planted: list[str]) -> None:
    for between in (" ", ", ", "\n", "|", '","', " and ", "; user: ", ")(", "> <"):
        assert [one.value for one in find(f"It was {between.join(planted)}.").indicators] == planted
