"""From template, device and settings to the bytes a phone gets, and where each line came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from traceback import walk_tb

from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from offhook.core.dialect import Dialect, DialectError
from offhook.core.file_values import FileValues, Own, ServerValues
from offhook.core.holes import Observed, Trial
from offhook.core.preferences import PARSERS, Preferences
from offhook.core.sandbox import Compiled, sandbox, twin
from offhook.core.shape import Shape, learn_shape
from offhook.core.timezone import time_zone
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


_GROUNDS_MAX = 256

PROBLEM_SHOWN = 500
"""Characters of an error that its message repeats."""


class RenderError(ValueError):
    """A file could not be made; `code` P701 is the template, P702 a value it cannot carry,
    P705 its encoding."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A finished file; `digest` is the SHA-256 of the body in hex."""

    body: bytes
    content_type: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """What files rest on besides the device: the same for all phones of a model, unless some have
    settings of their own. `keys` are the maker's own. Keeps the shapes learnt."""

    profile: VendorProfile
    model: Model
    server: ServerValues
    prefs: Preferences
    keys: Mapping[str, str]
    _known: dict[tuple[object, ...], _Known] = field(default_factory=dict, repr=False)

    def values(self, own: Own) -> FileValues:
        """Give what a template sees of this and a device."""
        return FileValues(
            server=self.server,
            prefs=self.prefs,
            tz=time_zone(self.prefs.time_zone),
            model=self.model,
            device=own.device,
            lines=own.lines,
        )

    def shape_of(self, rule: FileRule, own: Own) -> Shape | Rendered | None:
        """Give what was learnt of a rule's file for devices like this, if anything."""
        known = self._known.get((id(rule), *own.layout))
        return known.shape if known is not None and known.rule is rule else None


@dataclass(frozen=True, slots=True)
class _Known:
    """A rule's file was made once; `shape` is a whole file where nothing of it is a device's."""

    rule: FileRule
    is_tried: bool = False
    shape: Shape | Rendered | None = None


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates by `vendor/name`, compiled once. Make a new one when a source changes.

    `own` are the names of those that the site wrote itself.
    """

    sources: Mapping[str, str]
    own: frozenset[str] = frozenset()
    _engines: dict[tuple[str, str], tuple[ImmutableSandboxedEnvironment, ...]] = field(
        default_factory=dict, repr=False
    )
    _grounds: dict[object, Ground] = field(default_factory=dict, repr=False)

    def has(self, vendor: str, name: str) -> bool:
        """True when the vendor has a template of that name."""
        return f"{vendor}/{name}" in self.sources

    def is_own(self, vendor: str) -> bool:
        """True when the site has a template of its own for the vendor."""
        return any(name.partition("/")[0] == vendor for name in self.own)

    def makers_changed(self, other: Templates) -> frozenset[str]:
        """The makers that have a template in one of both that is not the same in the other."""
        names = self.sources.keys() | other.sources.keys()
        found = [it for it in names if self.sources.get(it) != other.sources.get(it)]
        return frozenset(name.partition("/")[0] for name in found)

    def render(self, vendor: str, name: str, dialect: Dialect, values: FileValues) -> str:
        """Render one template. Raises RenderError naming template and cause."""
        try:
            return self._engines_of(vendor, dialect)[0].get_template(name).render(_seen(values))
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

    def try_out(self, vendor: str, name: str, dialect: Dialect, values: FileValues) -> str | None:
        """Render with stand-ins among the values; None when a template looks at one."""
        try:
            template = self._engines_of(vendor, dialect)[1].get_template(name)
            context = template.new_context(_seen(values))
            return "".join(template.root_render_func(context))
        except (Observed, DialectError, *_TEMPLATE_ERRORS):
            return None

    def ground(
        self,
        profile: VendorProfile,
        model: Model,
        server: ServerValues,
        prefs: Preferences,
        keys: Mapping[str, str],
    ) -> Ground:
        """Give the ground of files, the same one as long as all of this is the same."""
        # The ground keeps profile and model alive, so their numbers stay theirs.
        content = (id(profile), id(model), server, prefs, tuple(sorted(keys.items())))
        found = self._grounds.get(content)
        if found is None:
            if len(self._grounds) >= _GROUNDS_MAX:
                self._grounds.clear()
            found = Ground(profile=profile, model=model, server=server, prefs=prefs, keys=keys)
            self._grounds[content] = found
        return found

    def _engines_of(
        self, vendor: str, dialect: Dialect
    ) -> tuple[ImmutableSandboxedEnvironment, ...]:
        key = (vendor, dialect.name)
        if key not in self._engines:
            codes = Compiled()
            self._engines[key] = tuple(
                make(self.sources, vendor, dialect, codes) for make in (sandbox, twin)
            )
        return self._engines[key]


def _seen(values: FileValues) -> dict[str, object]:
    """The variables of a template."""
    return {
        "server": values.server,
        "prefs": values.prefs,
        "tz": values.tz,
        "model": values.model,
        "facts": values.model.facts,
        "device": values.device,
        "lines": values.lines,
    }


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


def render_file(templates: Templates, ground: Ground, rule: FileRule, own: Own) -> Rendered:
    """Make a file: fill its shape when it has one, else render it. Raises RenderError.

    Gives what `finish(render_text(...))` gives, to the byte and to the error.
    """
    key = (id(rule), *own.layout)
    known = ground._known.get(key)
    if known is None or known.rule is not rule:
        ground._known[key] = _Known(rule)
    elif isinstance(known.shape, Rendered):
        return known.shape
    elif known.shape is not None:
        text = known.shape.fill(own.texts)
        if text is not None:
            return finish(rule, text)
    values = ground.values(own)
    made = finish(rule, render_text(templates, ground.profile, rule, values, ground.keys))
    if known is not None and not known.is_tried:
        # Not before the second time: what is unique to one phone would be learnt for nothing.
        ground._known[key] = _Known(rule, True, _learnt(templates, ground, rule, own, made))
    return made


def _learnt(
    templates: Templates, ground: Ground, rule: FileRule, own: Own, made: Rendered
) -> Shape | Rendered | None:
    """Learn a file's shape; the whole file when nothing of it is a device's; None without proof."""
    profile, model, dialect, trial = ground.profile, ground.model, rule.dialect, Trial()
    values = ground.values(own.with_holes(trial))
    name = template_name(rule, model)
    keys = ground.keys if rule.template == _main_template(profile, model) else {}
    text = templates.try_out(profile.name, name, dialect, values) if dialect else None
    shape = learn_shape(dialect, trial, text, keys) if dialect and text is not None else None
    if shape is None or shape.fill(own.texts) != made.body.decode():
        return None
    return shape if shape.sources else made


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
