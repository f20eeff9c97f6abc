"""Name assets and their partitions, however a caller gives them."""

from collections.abc import Sequence
from typing import TypeAlias

import dagster as dg

from pedigree.errors import InvalidInputError

AssetLike: TypeAlias = (
    dg.AssetsDefinition | dg.AssetSpec | dg.SourceAsset | dg.AssetKey | str | Sequence[str]
)


def key_of(asset: AssetLike | dg.AssetDep) -> dg.AssetKey:
    """Return the key of an asset, however it is named; ``a/b`` is a key of two parts.

    Raises:
        InvalidInputError: The definition makes several assets, so it names none.
    """
    if isinstance(asset, dg.AssetsDefinition):
        return _only_key(asset)
    if isinstance(asset, dg.AssetSpec | dg.SourceAsset):
        return asset.key
    if isinstance(asset, dg.AssetDep):
        return asset.asset_key
    if isinstance(asset, str):
        return dg.AssetKey.from_user_string(asset)
    return asset if isinstance(asset, dg.AssetKey) else dg.AssetKey(list(asset))


def known_partitions(keys: Sequence[str]) -> tuple[str, ...]:
    """Return partition keys without repetition, in the caller's order.

    Raises:
        InvalidInputError: There is none.
    """
    if isinstance(keys, str) or not keys:
        raise InvalidInputError(
            "names no partition",
            field="partitions",
            value=keys,
            remedy="Give a list of partition keys, or leave it out for an asset without partitions",
        )
    return tuple(dict.fromkeys(keys))


def _only_key(asset: dg.AssetsDefinition) -> dg.AssetKey:
    if len(asset.keys) != 1:
        raise InvalidInputError(
            "makes several assets, so it does not say which one is meant",
            field="asset",
            value=sorted(key.to_user_string() for key in asset.keys),
            remedy="Name the asset's key",
        )
    return next(iter(asset.keys))
