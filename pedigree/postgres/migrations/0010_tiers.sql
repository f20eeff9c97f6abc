-- Blobs lie in a tier of the store, and move between tiers by a copy under a new key.
ALTER TABLE pedigree.blob
    ADD COLUMN tier text NOT NULL DEFAULT 'standard'
    CONSTRAINT blob_tier_known CHECK (tier IN ('standard', 'archive'));

-- Somebody may still read what was a blob's key a moment ago, so some keys wait before they go.
ALTER TABLE pedigree.orphan
    ADD COLUMN removable_at timestamptz NOT NULL DEFAULT '-infinity';
