-- How long the bytes of a deleted version stay, which tier a version needs, and events of no model.

-- A deleted version can be restored until it is collected; its row then remains as a tombstone.
ALTER TABLE pedigree.model_version
    ADD COLUMN collected_at timestamptz,
    ADD COLUMN tier text NOT NULL DEFAULT 'standard'
        CONSTRAINT model_version_tier_known CHECK (tier IN ('standard', 'archive')),
    ADD CONSTRAINT model_version_collected_deleted
        CHECK (collected_at IS NULL OR deleted_at IS NOT NULL);

CREATE INDEX model_version_artifact ON pedigree.model_version (digest);
CREATE INDEX model_version_deleted ON pedigree.model_version (model_id, version)
    WHERE deleted_at IS NOT NULL AND collected_at IS NULL;
CREATE INDEX model_version_archive ON pedigree.model_version (model_id) WHERE tier = 'archive';

-- Whoever removes a blob asks for the cards that refer to it.
CREATE INDEX model_card_blob ON pedigree.model_card (digest);

-- An object that is removed belongs to no model: many may have shared it.
ALTER TABLE pedigree.event ALTER COLUMN model DROP NOT NULL;
