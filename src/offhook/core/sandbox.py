"""The template engine: Jinja's sandbox as every template gets it, and the same for stand-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import wraps
from typing import Any

from jinja2 import BaseLoader, FunctionLoader, StrictUndefined, Template
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.nodes import EvalContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from offhook.core.dialect import Dialect
from offhook.core.holes import Observed, Slot, filtered, is_hole, refuse_holes, refuse_marks

# What these make of a text depends on nothing but the text and the template.
_DEFERRED = (
    *("capitalize", "lower", "title", "upper"),
    *("d", "default", "replace", "string", "trim", "truncate"),
)
_RANDOM_FILTERS = ("random",)
_RANDOM_GLOBALS = ("lipsum",)


class Compiled(BytecodeCache):
    """The code of templates, compiled once for the sandbox and its twin."""

    def __init__(self) -> None:
        self._codes: dict[str, Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was compiled before."""
        bucket.code = self._codes.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._codes[bucket.key] = bucket.code


def sandbox(
    sources: Mapping[str, str],
    vendor: str,
    dialect: Dialect,
    codes: Compiled,
    kind: type[ImmutableSandboxedEnvironment] = ImmutableSandboxedEnvironment,
) -> ImmutableSandboxedEnvironment:
    """Make the engine for a maker's templates."""
    return kind(
        loader=_loader(sources, vendor),
        undefined=StrictUndefined,
        autoescape=dialect.is_xml,
        finalize=dialect.escape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=codes,
    )


def twin(
    sources: Mapping[str, str], vendor: str, dialect: Dialect, codes: Compiled
) -> ImmutableSandboxedEnvironment:
    """Make an engine that runs the same code with stand-ins, and raises Observed."""
    engine = sandbox(sources, vendor, dialect, codes, _TwinEngine)
    engine.finalize = _printed(dialect)
    engine.tests["sameas"] = _sameas
    engine.filters.update((name, _deferring(engine.filters[name])) for name in _DEFERRED)
    engine.filters.update(dict.fromkeys(_RANDOM_FILTERS, _chance))
    engine.globals.update(dict.fromkeys(_RANDOM_GLOBALS, _chance))
    return engine


class _TwinTemplate(Template):
    def make_module(self, *args: Any, **kwargs: Any) -> Any:
        """Run an imported template, whose text anybody could look at."""
        module = super().make_module(*args, **kwargs)
        refuse_marks(str(module))
        return module


class _TwinEngine(ImmutableSandboxedEnvironment):
    """Closes what a stand-in cannot notice itself: texts that a template catches before they are
    printed (a macro, a block that is set, an imported file), `is sameas`, and chance."""

    template_class = _TwinTemplate

    @staticmethod
    def concat(pieces: Iterable[str]) -> str:
        """Join what a macro or block has caught."""
        return refuse_marks("".join(pieces))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Look whether a value is a text's `format`, which the sandbox guards."""
        return None if is_hole(value) else super().wrap_str_format(value)


def _printed(dialect: Dialect) -> Callable[[object], object]:
    def printed(value: Any) -> object:
        return Slot(value) if is_hole(value) else dialect.escape(value)

    return printed


def _sameas(value: object, other: object) -> bool:
    refuse_holes((value, other))
    return value is other


def _deferring(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a filter of a stand-in wait until its text is known."""
    begin = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        value, rest = args[begin], args[begin + 1 :]
        refuse_holes((*rest, *options.values()))
        if not is_hole(value):
            return function(*args, **options)
        # How the engine escapes may change further on in the template.
        before = tuple(copy(it) if isinstance(it, EvalContext) else it for it in args[:begin])
        return filtered(value, lambda text: function(*before, text, *rest, **options))

    return call


def _chance(*_: Any, **__: Any) -> Any:
    raise Observed


def _loader(sources: Mapping[str, str], vendor: str) -> BaseLoader:
    def load(name: str) -> tuple[str, str, None] | None:
        text = sources.get(f"{vendor}/{name}")
        return None if text is None else (text, f"{vendor}/{name}", None)

    return FunctionLoader(load)
