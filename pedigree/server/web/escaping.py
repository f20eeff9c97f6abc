"""Templates that escape and call functions with less work: a page has thousands of values.

jinja2 makes an object of each escaped value, and asks each function that it calls what it wants to
know of the template. For those who write templates both are as they were.
"""

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

import markupsafe
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Expr
from jinja2.runtime import Context
from markupsafe import Markup

# Of the same library, without an object around the text; older ones have no such function.
_inner: Callable[[str], str] = getattr(
    markupsafe, "_escape_inner", lambda text: str.__str__(markupsafe.escape(text))
)


def escaped(value: Any) -> str:
    """Return a value as text that is safe between elements and in quoted attributes.

    What is joined of such texts is a plain text: make it Markup before it is escaped again.

    >>> escaped("a < b"), escaped(Markup("<b>")), escaped(3)
    ('a &lt; b', '<b>', '3')
    """
    kind = type(value)
    if kind is str:
        return _inner(value)
    if kind is int:
        return str(value)
    if kind is Markup:
        return str.__str__(value)
    return str.__str__(markupsafe.escape(value))


class PageContext(Context):
    """What a template works with."""

    def call(self, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Call a function of the template."""
        kind = type(function)
        is_plain = kind is MethodType or kind is FunctionType
        if is_plain and getattr(function, "jinja_pass_arg", None) is None:
            named.pop("_block_vars", None)
            named.pop("_loop_vars", None)
            return function(*given, **named)
        return super().call(function, *given, **named)


class PageGenerator(CodeGenerator):
    """Compiles templates whose values are escaped by the environment's ``escaped``."""

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.escaped(")
