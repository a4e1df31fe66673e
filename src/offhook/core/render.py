"""From template, device and settings to the bytes a phone gets, and where each line came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from traceback import walk_tb

from jinja2 import (
    BaseLoader,
    FunctionLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from offhook.core.dialect import Dialect, DialectError
from offhook.core.preferences import PARSERS, Preferences
from offhook.core.timezone import TimeZone
from offhook.core.vendor import FileRule, Model, VendorProfile

# What a site's own template can run into: a wrong filter argument, a number's method, a loop of
# includes. They name a fault; they must not end the request.
_TEMPLATE_ERRORS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


PROBLEM_SHOWN = 500
"""Characters of an error that its message repeats."""


class RenderError(ValueError):
    """A file could not be made; `code` P701 is the template, P702 a value it cannot carry,
    P705 its encoding."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class LineValues:
    """One SIP account as templates see it: `index` from 1; texts are raw, the dialect escapes."""

    index: int
    number: str
    display_name: str
    label: str
    auth_name: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerValues:
    """Where the phone finds us: `base` ends with a slash, as in `http://192.0.2.1:8080/provision/`.

    Templates write `sip_port`; for a phone on TLS `over` has put the port of TLS there.
    """

    address: str
    sip_port: int
    http_port: int
    base: str
    tls_port: int = 0

    def over(self, transport: str) -> ServerValues:
        """Give the values for a phone's transport; without TLS (port 0) they are all the same."""
        is_tls = transport == "tls" and self.tls_port
        return replace(self, sip_port=self.tls_port) if is_tls else self


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceValues:
    """The device as templates see it."""

    mac: str
    mac_upper: str
    admin_password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileValues:
    """Everything a template may use. `device` is None and `lines` empty in common files."""

    server: ServerValues
    prefs: Preferences
    tz: TimeZone
    model: Model
    device: DeviceValues | None = None
    lines: tuple[LineValues, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A finished file; `digest` is the SHA-256 of the body in hex."""

    body: bytes
    content_type: str
    digest: str


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates by `vendor/name`, compiled once. Make a new one when a source changes.

    `own` are the names of those that the site wrote itself.
    """

    sources: Mapping[str, str]
    own: frozenset[str] = frozenset()
    _compiled: dict[tuple[str, str], ImmutableSandboxedEnvironment] = field(
        default_factory=dict, repr=False
    )

    def has(self, vendor: str, name: str) -> bool:
        """True when the vendor has a template of that name."""
        return f"{vendor}/{name}" in self.sources

    def is_own(self, vendor: str) -> bool:
        """True when the site has a template of its own for the vendor."""
        return any(name.partition("/")[0] == vendor for name in self.own)

    def render(self, vendor: str, name: str, dialect: Dialect, values: FileValues) -> str:
        """Render one template. Raises RenderError naming template and cause."""
        try:
            template = self._environment(vendor, dialect).get_template(name)
            return template.render(
                server=values.server,
                prefs=values.prefs,
                tz=values.tz,
                model=values.model,
                facts=values.model.facts,
                device=values.device,
                lines=values.lines,
            )
        except TemplateNotFound as error:
            problem = _without_secrets(str(error), values)
            raise RenderError("P701", f"no template {problem} for {vendor}") from None
        except DialectError as error:
            problem = _without_secrets(str(error), values)
            raise RenderError("P702", f"template {vendor}/{name}: {problem}") from None
        except _TEMPLATE_ERRORS as error:
            where = _place_of(error, vendor) or f"{vendor}/{name}"
            problem = _without_secrets(str(error), values)
            raise RenderError("P701", f"template {where}: {problem}") from None

    def _environment(self, vendor: str, dialect: Dialect) -> ImmutableSandboxedEnvironment:
        key = (vendor, dialect.name)
        if key not in self._compiled:
            self._compiled[key] = ImmutableSandboxedEnvironment(
                loader=self._loader(vendor),
                undefined=StrictUndefined,
                autoescape=dialect.is_xml,
                finalize=dialect.escape,
                trim_blocks=True,
                lstrip_blocks=True,
                keep_trailing_newline=True,
            )
        return self._compiled[key]

    def _loader(self, vendor: str) -> BaseLoader:
        def load(name: str) -> tuple[str, str, None] | None:
            text = self.sources.get(f"{vendor}/{name}")
            return None if text is None else (text, f"{vendor}/{name}", None)

        return FunctionLoader(load)


def syntax_problem(text: str) -> str:
    """Say what is wrong with a template's syntax, and in which line; empty when nothing is."""
    try:
        ImmutableSandboxedEnvironment(autoescape=True).parse(text)
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"[:PROBLEM_SHOWN]
    return ""


def _place_of(error: Exception, vendor: str) -> str:
    """Template and line of a mistake, which may be in an included file; empty when unknown.

    Jinja rewrites tracebacks so that a frame has the template's name and line.
    """
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename} line {error.lineno}" if error.filename else ""
    frames = [
        f"{frame.f_code.co_filename} line {line}"
        for frame, line in walk_tb(error.__traceback__)
        if frame.f_code.co_filename.startswith(f"{vendor}/")
    ]
    return frames[-1] if frames else ""


def _without_secrets(text: str, values: FileValues) -> str:
    """Mask what a site's template may have put where an error repeats it, and cut the length."""
    secrets = [line.secret for line in values.lines]
    if values.device is not None:
        secrets.append(values.device.admin_password)
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text[:PROBLEM_SHOWN]


def maker_keys(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings that are a maker's own keys, not neutral names."""
    return {key: value for key, value in settings.items() if key not in PARSERS}


def template_name(rule: FileRule, model: Model) -> str:
    """The template of a rule for a model: `{family}` replaced."""
    return rule.template.replace("{family}", model.family)


def render_text(
    templates: Templates,
    profile: VendorProfile,
    rule: FileRule,
    values: FileValues,
    keys: Mapping[str, str],
) -> str:
    """Render a file's text with the maker's own keys merged in, proven to parse.

    Keys go only into the file with the account (`profile.main` and its other spellings): one owner
    for each key. Raises RenderError.
    """
    if rule.dialect is None:
        raise RenderError("P701", f"file {rule.name} of {profile.name} has no dialect")
    text = templates.render(profile.name, template_name(rule, values.model), rule.dialect, values)
    try:
        if keys and rule.template == _main_template(profile, values.model):
            text = rule.dialect.apply(text, keys)
        rule.dialect.parse(text)
    except DialectError as error:
        raise RenderError(error.code, f"file {rule.name} of {profile.name}: {error}") from None
    return text


def finish(rule: FileRule, text: str) -> Rendered:
    """Encode a text as UTF-8 and take its digest. Raises RenderError for a lone surrogate."""
    try:
        body = text.encode()
    except UnicodeEncodeError as error:
        code = f"U+{ord(error.object[error.start]):04X}"
        raise RenderError("P702", f"file {rule.name}: character {code} cannot be sent") from None
    content_type = rule.dialect.content_type if rule.dialect else "application/octet-stream"
    return Rendered(body=body, content_type=content_type, digest=hashlib.sha256(body).hexdigest())


def _main_template(profile: VendorProfile, model: Model) -> str:
    for rule in profile.rules_for(model):
        if rule.name == profile.main:
            return rule.template
    return ""
