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

-- Which tier each living version should lie in, by the rule of its model, and why: of the versions
-- that held production the latest N are kept, and so is what anything else still points to.
CREATE FUNCTION pedigree.wanted_tiers(only_model bigint)
RETURNS TABLE (model_id bigint, version integer, tier text, wanted text, why text)
LANGUAGE sql STABLE AS $$
WITH ruled AS (
    SELECT m.model_id, (m.policy #>> '{retention,keep_production}')::integer AS keep
    FROM pedigree.registered_model m
    WHERE m.deleted_at IS NULL AND (only_model IS NULL OR m.model_id = only_model)
        AND ((m.policy #>> '{retention,keep_production}') IS NOT NULL OR EXISTS (
            SELECT FROM pedigree.model_version v
            WHERE v.model_id = m.model_id AND v.tier = 'archive'
        ))
), last_tenure AS (
    SELECT DISTINCT ON (t.model_id, t.name, t.version)
        t.model_id, t.name, t.version, t.tenure_id, t.ended_by, v.quarantine_reason,
        v.approval_status
    FROM ruled
    JOIN pedigree.tenure t ON t.model_id = ruled.model_id
    JOIN pedigree.model_version v ON v.model_id = t.model_id AND v.version = t.version
    WHERE t.pointer = 'stage' AND t.name <> 'archived' AND v.deleted_at IS NULL
    ORDER BY t.model_id, t.name, t.version, t.tenure_id DESC
), holder AS (
    SELECT DISTINCT ON (l.model_id, l.name) l.model_id, l.name, l.version
    FROM last_tenure l
    WHERE l.ended_by IS NULL
    ORDER BY l.model_id, l.name, l.tenure_id DESC
), target AS (
    -- As the query rollback_target of the lifecycle finds it.
    SELECT DISTINCT ON (l.model_id, l.name) l.model_id, l.name, l.version
    FROM holder h
    JOIN last_tenure l ON l.model_id = h.model_id AND l.name = h.name
    WHERE l.version <> h.version AND l.ended_by <> 'rollback'
        AND l.quarantine_reason IS NULL AND l.approval_status <> 'rejected'
    ORDER BY l.model_id, l.name, l.tenure_id DESC
), production AS (
    SELECT l.model_id, l.version,
        row_number() OVER (PARTITION BY l.model_id ORDER BY l.tenure_id DESC) AS place
    FROM last_tenure l
    WHERE l.name = 'production'
), pointed AS (
    SELECT t.model_id, t.version, min('it holds the ' || t.pointer || ' ' || t.name) AS why
    FROM ruled
    JOIN pedigree.tenure t ON t.model_id = ruled.model_id
    WHERE t.held_until IS NULL AND NOT (t.pointer = 'stage' AND t.name = 'archived')
    GROUP BY t.model_id, t.version
), aimed AS (
    SELECT t.model_id, t.version, min('a rollback of ' || t.name || ' returns to it') AS why
    FROM target t
    GROUP BY t.model_id, t.version
), kept AS (
    SELECT v.model_id, v.version, v.tier, p.place, r.keep,
        CASE
            WHEN pointed.why IS NOT NULL THEN pointed.why
            WHEN aimed.why IS NOT NULL THEN aimed.why
            WHEN v.hold_reason IS NOT NULL THEN 'it is on legal hold'
            WHEN v.approval_status = 'pending' THEN 'its approval is open'
            WHEN r.keep IS NULL THEN 'its model archives nothing'
            WHEN p.place IS NULL THEN 'it never held production'
            WHEN p.place <= r.keep THEN 'it is one of the latest production versions'
        END AS why
    FROM ruled r
    JOIN pedigree.model_version v ON v.model_id = r.model_id
    LEFT JOIN production p ON p.model_id = v.model_id AND p.version = v.version
    LEFT JOIN pointed ON pointed.model_id = v.model_id AND pointed.version = v.version
    LEFT JOIN aimed ON aimed.model_id = v.model_id AND aimed.version = v.version
    WHERE v.deleted_at IS NULL
)
SELECT k.model_id, k.version, k.tier,
    CASE WHEN k.why IS NULL THEN 'archive' ELSE 'standard' END,
    coalesce(k.why, (k.place - 1) || ' versions held production since')
FROM kept k;
$$;
