"""Asset checks for assets with any name.

Dagster's decorators derive the names of a check's input and output from the asset's key, and so
reject a model with a space or an accented letter in its name.
"""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

_INPUT = "asset"


def check_op(
    name: str, key: dg.AssetKey, specs: Sequence[dg.AssetCheckSpec], evaluate: Callable[..., Any]
) -> dg.AssetChecksDefinition:
    """Return the checks of one asset as one op that can run any subset of them.

    Args:
        name: The op's name.
        key: The asset's key.
        specs: The checks.
        evaluate: The op's function, as with ``@dg.multi_asset_check``.
    """
    make = dg.op(
        name=name,
        ins={_INPUT: dg.In(dg.Nothing)},
        out={spec.name: dg.Out(None, is_required=False) for spec in specs},
    )
    checks: dg.AssetChecksDefinition = dg.AssetChecksDefinition.create(
        keys_by_input_name={_INPUT: key},
        node_def=make(evaluate),
        check_specs_by_output_name={spec.name: spec for spec in specs},
        can_subset=True,
    )
    return checks
