"""Normalize the forms in which a caller names assets and partitions."""

from collections.abc import Sequence
from typing import TypeAlias

import dagster as dg

from pedigree.errors import InvalidInputError

AssetLike: TypeAlias = (
    dg.AssetsDefinition | dg.AssetSpec | dg.SourceAsset | dg.AssetKey | str | Sequence[str]
)


def key_of(asset: AssetLike | dg.AssetDep) -> dg.AssetKey:
    """Return the key of an asset; the text ``a/b`` is a key of two parts.

    Raises:
        InvalidInputError: The definition makes several assets.
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


def unique_partitions(keys: Sequence[str]) -> tuple[str, ...]:
    """Return the partition keys without duplicates, in the caller's order.

    Raises:
        InvalidInputError: The list is empty.
    """
    if isinstance(keys, str) or not keys:
        raise InvalidInputError(
            "contains no partition key",
            field="partitions",
            value=keys,
            remedy="Pass a list of partition keys, or omit it for an asset without partitions",
        )
    return tuple(dict.fromkeys(keys))


def _only_key(asset: dg.AssetsDefinition) -> dg.AssetKey:
    if len(asset.keys) != 1:
        raise InvalidInputError(
            "makes several assets, so the reference is ambiguous",
            field="asset",
            value=sorted(key.to_user_string() for key in asset.keys),
            remedy="Pass the asset's key",
        )
    return next(iter(asset.keys))
