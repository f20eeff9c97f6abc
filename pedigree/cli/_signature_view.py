"""The view of a signature in ``pedigree show`` and where samples are described."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from pedigree.signatures.records import Column, Signature, Tensor


def signature_rows(signature: "Signature | None") -> "Iterable[tuple[str, object]]":
    """Return the inputs and outputs of a signature; none if it is not known."""
    if signature is None:
        return (("inputs", None), ("outputs", None))
    return (
        ("inputs", Text("\n".join(map(port_text, signature.inputs)))),
        ("outputs", Text("\n".join(map(port_text, signature.outputs)))),
    )


def port_text(port: "Column | Tensor") -> str:
    """Return one input or output as ``age: long`` or ``image: float32[-1, 28, 28]``."""
    kind = port.type.value if port.kind == "column" else f"{port.dtype}{list(port.shape)}"
    return f"{port.name or 'tensor'}: {kind}{'' if port.required else ' (optional)'}"
