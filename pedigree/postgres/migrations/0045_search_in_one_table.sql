-- Search reads every field of a version in one table, except its words, its lineage and its
-- staleness. So a filter without an index is one scan of a narrow table, and not a join of four
-- large ones, and any order sorts what one scan finds. A registration writes the same rows as
-- before, and no further index entry.

ALTER TABLE pedigree.search_version
    ADD COLUMN digest text COLLATE "C",
    ADD COLUMN description text COLLATE "C",
    ADD COLUMN size bigint,
    ADD COLUMN git_dirty boolean,
    ADD COLUMN code_version text COLLATE "C",
    ADD COLUMN training_data_digest text COLLATE "C",
    ADD COLUMN training_data_version text COLLATE "C",
    ADD COLUMN validation_dataset_id text COLLATE "C",
    ADD COLUMN environment_hash text COLLATE "C",
    ADD COLUMN ci_build text COLLATE "C",
    ADD COLUMN risk_class text COLLATE "C",
    ADD COLUMN approval_status text COLLATE "C",
    ADD COLUMN approved_by text COLLATE "C",
    ADD COLUMN quarantined boolean,
    ADD COLUMN held boolean;

-- The rows of search_version.
CREATE OR REPLACE VIEW pedigree.search_source AS
SELECT
    v.model_id,
    v.version,
    first.training_id,
    m.name,
    v.created_at,
    v.created_by,
    v.flavor,
    coalesce(stage.name, 'none') AS stage,
    ARRAY(
        SELECT t.name FROM pedigree.tenure t
        WHERE t.model_id = v.model_id AND t.version = v.version
            AND t.pointer = 'alias' AND t.held_until IS NULL
        ORDER BY t.name
    ) AS aliases,
    v.owners,
    first.git_commit,
    first.run_id,
    v.tags,
    first.metrics,
    first.params,
    v.digest,
    v.description,
    artifact.size,
    first.git_dirty,
    first.code_version,
    first.training_data_digest,
    first.training_data_version,
    first.validation_dataset_id,
    first.environment_hash,
    first.ci_build,
    v.risk_class,
    v.approval_status,
    v.approved_by,
    v.quarantine_reason IS NOT NULL AS quarantined,
    v.hold_reason IS NOT NULL AS held
FROM pedigree.model_version v
JOIN pedigree.registered_model m USING (model_id)
JOIN pedigree.artifact ON artifact.digest = v.digest
JOIN LATERAL (
    SELECT t.* FROM pedigree.training t
    WHERE t.model_id = v.model_id AND t.version = v.version
    ORDER BY t.created_at, t.training_id LIMIT 1
) AS first ON true
LEFT JOIN pedigree.tenure stage
    ON stage.model_id = v.model_id AND stage.version = v.version
    AND stage.pointer = 'stage' AND stage.held_until IS NULL
WHERE v.deleted_at IS NULL AND m.deleted_at IS NULL;

-- A million rows are written once, without indexes, and indexed then.
ALTER TABLE pedigree.search_version DROP CONSTRAINT search_version_pkey;
DROP INDEX pedigree.search_version_time;
DROP INDEX pedigree.search_version_name;
DROP INDEX pedigree.search_version_stage;
DROP INDEX pedigree.search_version_flavor;
DROP INDEX pedigree.search_version_commit;
DROP INDEX pedigree.search_version_run;
DROP INDEX pedigree.search_version_params;
TRUNCATE pedigree.search_version;
INSERT INTO pedigree.search_version SELECT * FROM pedigree.search_source ORDER BY created_at;

ALTER TABLE pedigree.search_version
    ALTER COLUMN digest SET NOT NULL,
    ALTER COLUMN size SET NOT NULL,
    ALTER COLUMN git_dirty SET NOT NULL,
    ALTER COLUMN approval_status SET NOT NULL,
    ALTER COLUMN quarantined SET NOT NULL,
    ALTER COLUMN held SET NOT NULL,
    ADD PRIMARY KEY (model_id, version);
CREATE INDEX search_version_time ON pedigree.search_version (created_at, model_id, version);
CREATE INDEX search_version_name ON pedigree.search_version (name, version);
CREATE INDEX search_version_stage
    ON pedigree.search_version (stage, created_at, model_id, version);
CREATE INDEX search_version_flavor
    ON pedigree.search_version (flavor, created_at, model_id, version);
CREATE INDEX search_version_run ON pedigree.search_version USING hash (run_id);
CREATE INDEX search_version_params ON pedigree.search_version USING gin (params jsonb_path_ops);
-- In order, so that a short commit is found, and cut, because a commit may be of any length. The
-- index replaces one by hash.
CREATE INDEX search_version_commit ON pedigree.search_version ("left"(git_commit, 64));
-- Of these, only the versions that have the state, so that a registration adds no entry.
CREATE INDEX search_version_quarantined ON pedigree.search_version (model_id, version)
    WHERE quarantined;
CREATE INDEX search_version_held ON pedigree.search_version (model_id, version) WHERE held;
CREATE INDEX search_version_approval ON pedigree.search_version (approval_status)
    WHERE approval_status <> 'none';
CREATE INDEX search_version_approver ON pedigree.search_version ("left"(approved_by, 64))
    WHERE approved_by IS NOT NULL;

-- The states that people give a version. A change of what a version is renews all its rows.
CREATE FUNCTION pedigree.search_follows_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.search_version s
    SET risk_class = after.risk_class,
        approval_status = after.approval_status,
        approved_by = after.approved_by,
        quarantined = after.quarantine_reason IS NOT NULL,
        held = after.hold_reason IS NOT NULL
    FROM after
    WHERE s.model_id = after.model_id AND s.version = after.version
        AND (s.risk_class, s.approval_status, s.approved_by, s.quarantined, s.held)
            IS DISTINCT FROM (after.risk_class, after.approval_status, after.approved_by,
                after.quarantine_reason IS NOT NULL, after.hold_reason IS NOT NULL);
    RETURN NULL;
END
$$;
ALTER FUNCTION pedigree.search_follows_state() SET plan_cache_mode = force_generic_plan;

CREATE TRIGGER version_state_changed AFTER UPDATE ON pedigree.model_version
    REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_state();
