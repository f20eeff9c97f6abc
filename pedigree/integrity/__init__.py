"""Say whether every promise of the registry is kept: what `pedigree fsck` looks at."""
