-- Whether what a training saved was loaded in a new process and predicted there what its model did.
-- The code of before selects all columns of version_record and refuses fields that it does not know,
-- so that view stays as it is, and so does the text of a search_record.

ALTER TABLE pedigree.training ADD COLUMN verification jsonb NOT NULL
    DEFAULT '{"status": "not possible", "reason": "it was registered by a Pedigree that did not verify", "spread": null}'
    CONSTRAINT training_verification_known CHECK (
        verification ->> 'status' IN ('verified', 'skipped', 'not possible')
        AND (verification ->> 'status' <> 'not possible' OR verification ->> 'reason' <> '')
    );

-- Equal bytes predict alike, so a version is verified when one of its trainings is.
CREATE VIEW pedigree.version_in_full AS
SELECT r.*, (
    SELECT t.verification FROM pedigree.training t
    WHERE t.model_id = r.model_id AND t.version = r.version_id
    ORDER BY t.verification ->> 'status' <> 'verified', t.created_at, t.training_id LIMIT 1
) AS verification
FROM pedigree.version_record r;

-- A constant default rewrites no row; it is what all trainings have so far.
ALTER TABLE pedigree.search_record ADD COLUMN verification jsonb NOT NULL
    DEFAULT '{"status": "not possible", "reason": "it was registered by a Pedigree that did not verify", "spread": null}';

CREATE OR REPLACE VIEW pedigree.search_record_source AS
SELECT r.model_id, r.version_id AS version, r.signature::text AS signature, (
    SELECT to_json(shown) FROM (
        SELECT
            r.model_name,
            r.version_id,
            r.digest,
            r.size,
            r.flavor,
            r.description,
            r.owners,
            r.tags,
            r.approval_status,
            r.approval_notes,
            r.approved_by,
            to_char(r.approval_timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                AS approval_timestamp,
            r.risk_class,
            r.risk_assessment_id,
            r.drift_monitor_id,
            r.datasheet_uri,
            r.quarantine_reason,
            r.hold_reason,
            to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
            r.created_by,
            r.created_by_source,
            r.run_id,
            r.git_commit,
            r.git_dirty,
            r.git_source,
            r.code_version,
            r.training_data_digest,
            r.training_data_version,
            r.validation_dataset_id,
            r.environment_hash,
            r.ci_build,
            r.metrics,
            r.params,
            r.trainings,
            r.stage,
            to_char(r.stage_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                AS stage_since,
            r.aliases,
            r.model_card_digest
    ) AS shown
) AS record, r.verification
FROM pedigree.version_in_full r;

CREATE OR REPLACE FUNCTION pedigree.renew_search_record(models bigint[], versions integer[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.search_record t SET
        signature = source.signature, record = source.record, verification = source.verification
    FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_record_source source USING (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
END
$$;
