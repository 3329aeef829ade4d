"""The lines that a new part needs in files that are there, each with the line that it goes before. ``sample`` stands for the new name."""

from __future__ import annotations

from typing import Final, NamedTuple


class Line(NamedTuple):
    """``text`` goes before the one place where ``before`` stands in the file."""

    path: str
    before: str
    text: str


CLIENT: Final = '''def sample_client(settings: Settings, access: Access) -> SampleClient:
    """A client of Sample that is yet to be greeted, with the preview's token where it only reads. Raises `Misconfigured`."""
    from firedoor.vendors.sample.client import SampleClient

    own = settings.sample_preview_api_token if access is Access.READ else None
    token = own or settings.sample_api_token
    if settings.sample_url is None or token is None:
        raise Misconfigured(
            "this playbook works with Sample, and FIREDOOR_SAMPLE_URL or its token is not set",
            advice="Set FIREDOOR_SAMPLE_URL and FIREDOOR_SAMPLE_API_TOKEN",
        )
    return SampleClient(url=settings.sample_url, token=token, access=access)


async def _greet_sample(client: SampleClient) -> str:
    """Who we are there. Raises `Misconfigured`."""
    try:
        me = await client.whoami()
        _check_clock("Sample", await client.skew())
    except VendorError as error:
        raise Misconfigured(
            f"Sample: {error.what}", advice=error.advice or "Check FIREDOOR_SAMPLE_URL and FIREDOOR_SAMPLE_API_TOKEN"
        ) from error
    return me


'''
AT_SAMPLE: Final = """    async def at_sample() -> None:
        client = await stack.enter_async_context(sample_client(settings, access))
        found.own[f"sample:account:{await _greet_sample(client)}"] = "it owns Firedoor's own token of Sample"
        found.by_vendor["sample"] = client

    if "sample" in vendors:
        wanted["sample"] = at_sample

"""

SETTINGS: Final = '''    sample_url: SafeUrl | None = None
    """The address of Sample."""
    sample_api_token: SecretStr | None = None
    """The token of Sample that contains."""
    sample_preview_api_token: SecretStr | None = None
    """A token of Sample that can only read, used for everything before the approval."""
'''

VENDOR: Final = (
    Line("firedoor/settings.py", '    "slack_bot_token",\n', '    "sample_api_token",\n    "sample_preview_api_token",\n'),
    Line("firedoor/settings.py", "    slack_base_url: SafeUrl", SETTINGS),
    Line("firedoor/beginning.py", '    "slack_base_url": ', '    "sample_url": \'"https://sample.example.com"\',\n'),
    Line("firedoor/clients.py", "\n# Where people are told.", "    from firedoor.vendors.sample.client import SampleClient\n"),
    Line("firedoor/clients.py", "    async def where_told(", AT_SAMPLE),
    Line("firedoor/clients.py", "def slack_client(", CLIENT),
    Line("firedoor/running.py", '("aws", settings.aws_accounts)) if there)', '("sample", settings.sample_url), '),
    Line("firedoor/doctor/identities.py", '    "slack": (', '    "sample": ("sample_api_token", "sample_preview_api_token", ""),\n'),
    Line("firedoor/doctor/look.py", "from firedoor.doctor.checkup", "from firedoor.doctor import sample\n"),
    Line(
        "firedoor/doctor/look.py",
        "        (slack, slack.is_set_up",
        '        (sample, sample.is_set_up(settings), sample.check, "Sample is not set up, so nothing there can be contained"),\n',
    ),
    Line("tests/tasks/rooms/__init__.py", "from tests.tasks.rooms.base", "from tests.tasks.rooms import sample\n"),
    Line("tests/tasks/rooms/__init__.py", '"okta": okta.ROOM', '"sample": sample.ROOM, '),
    Line("tests/laws/worlds/__init__.py", "from tests.laws.worlds.base", "from tests.laws.worlds import sample\n"),
    Line("tests/laws/worlds/__init__.py", '"okta": okta.WORLDS', '"sample": sample.WORLDS, '),
    Line("tests/preview/hostile.py", "from tests.preview.attempt", "from tests.preview import hostile_sample\n"),
    Line("tests/preview/hostile.py", '    "slack": slack_guarded', '    "sample": hostile_sample.guarded,\n'),
    Line("tests/preview/hostile.py", '    "slack": slack_beyond', '    "sample": hostile_sample.beyond,\n'),
    Line("tests/preview/proxy.py", '"okta": _by_method', '"sample": _by_method, '),
)
PLAYBOOK: Final = (
    Line("tests/preview/test_preview.py", '        "session-hijack": {', '        "sample-book": {"users": people["users"]},\n'),
)
SLACK: Final = "    from firedoor.channels.slack.channel import"
FILE: Final = '''    sample_file: Path | None = None
    """A file in which people are told, line by line."""
'''
CHANNEL: Final = (
    Line(
        "firedoor/settings.py",
        "    database_url: ",
        '    sample_file: Path | None = None\n    """A file in which people are told, line by line. None: nobody is told in one."""\n',
    ),
    Line("firedoor/beginning.py", '    "sweep_keeps": ', '    "sample_file": \'"/var/log/firedoor/sample.log"\',\n'),
    Line(
        "firedoor/staffed.py",
        "        return Together(channels=(slack, beside))",
        "        if settings.sample_file is not None:\n"
        "            return Together(channels=(slack, Sample(settings.sample_file), *([beside] if beside else [])))\n",
    ),
    Line(
        "firedoor/staffed.py",
        "    from firedoor.channels.slack.channel import",
        "    from firedoor.channels.sample.channel import Sample\n",
    ),
)
