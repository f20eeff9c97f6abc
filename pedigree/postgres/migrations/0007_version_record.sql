-- A version as one row: its own columns, its first training, and what points to it now.
CREATE VIEW pedigree.version_record AS
SELECT
    v.model_id,
    m.name AS model_name,
    m.name_key,
    m.generation,
    v.version AS version_id,
    v.digest,
    artifact.size,
    v.flavor,
    v.signature,
    v.description,
    v.owners,
    v.tags,
    v.approval_status,
    v.approval_notes,
    v.approved_by,
    v.approval_timestamp,
    v.risk_class,
    v.risk_assessment_id,
    v.drift_monitor_id,
    v.datasheet_uri,
    v.quarantine_reason,
    v.hold_reason,
    v.created_at,
    v.created_by,
    v.created_by_source,
    first.run_id,
    first.git_commit,
    first.git_dirty,
    first.git_source,
    first.code_version,
    first.training_data_digest,
    first.training_data_version,
    first.validation_dataset_id,
    first.environment_hash,
    first.ci_build,
    first.metrics,
    first.params,
    trainings.count AS trainings,
    coalesce(stage.name, 'none') AS stage,
    stage.held_since AS stage_since,
    ARRAY(
        SELECT t.name::text FROM pedigree.tenure t
        WHERE t.model_id = v.model_id AND t.version = v.version
            AND t.pointer = 'alias' AND t.held_until IS NULL
        ORDER BY t.name
    ) AS aliases,
    (
        SELECT c.digest FROM pedigree.model_card c
        WHERE c.model_id = v.model_id AND c.version = v.version
        ORDER BY c.revision DESC LIMIT 1
    ) AS model_card_digest
FROM pedigree.model_version v
JOIN pedigree.registered_model m USING (model_id)
JOIN pedigree.artifact ON artifact.digest = v.digest
JOIN LATERAL (
    SELECT t.* FROM pedigree.training t
    WHERE t.model_id = v.model_id AND t.version = v.version
    ORDER BY t.created_at, t.training_id LIMIT 1
) AS first ON true
JOIN LATERAL (
    SELECT count(*) AS count FROM pedigree.training t
    WHERE t.model_id = v.model_id AND t.version = v.version
) AS trainings ON true
LEFT JOIN pedigree.tenure stage
    ON stage.model_id = v.model_id AND stage.version = v.version
    AND stage.pointer = 'stage' AND stage.held_until IS NULL
WHERE v.deleted_at IS NULL AND m.deleted_at IS NULL;
