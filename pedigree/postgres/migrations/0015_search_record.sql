-- What a search shows of each version, ready to be read: a page of a hundred records is a hundred
-- look-ups, where pedigree.version_record needs eight for each record and fifty columns to carry.

CREATE TABLE pedigree.search_record (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    -- Apart from the rest, since many versions have the same one and whoever reads knows it by now.
    signature text NOT NULL,
    -- Not jsonb: it is written once and read as it is.
    record json NOT NULL
);

-- What search_record should say: version_record without what it shares with its model. Times are
-- told in UTC, whatever the session's zone.
CREATE VIEW pedigree.search_record_source AS
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
) AS record
FROM pedigree.version_record r;

INSERT INTO pedigree.search_record SELECT * FROM pedigree.search_record_source;

ALTER TABLE pedigree.search_record ADD PRIMARY KEY (model_id, version);

CREATE FUNCTION pedigree.renew_search_record(models bigint[], versions integer[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.search_record t SET signature = source.signature, record = source.record
    FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_record_source source USING (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.renew_search(models bigint[], versions integer[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(models, versions) AS key (model_id, version)
        JOIN pedigree.search_version s USING (model_id, version)
    ) THEN
        PERFORM pedigree.forget_search(models, versions);
    END IF;
    INSERT INTO pedigree.search_version
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_source source USING (model_id, version);
    INSERT INTO pedigree.search_term
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_term_source source USING (model_id, version);
    INSERT INTO pedigree.search_metric
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_metric_source source USING (model_id, version);
    INSERT INTO pedigree.search_text
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_text_source source USING (model_id, version);
    INSERT INTO pedigree.search_record
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_record_source source USING (model_id, version);
END
$$;

CREATE OR REPLACE FUNCTION pedigree.forget_search(models bigint[], versions integer[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM pedigree.search_term t
    USING unnest(models, versions) AS key (model_id, version), pedigree.search_term_source source
    WHERE source.model_id = key.model_id AND source.version = key.version
        AND t.field = source.field AND t.value = source.value
        AND t.created_at = source.created_at AND t.model_id = source.model_id
        AND t.version = source.version;
    DELETE FROM pedigree.search_metric t
    USING unnest(models, versions) AS key (model_id, version), pedigree.search_metric_source source
    WHERE source.model_id = key.model_id AND source.version = key.version
        AND t.key = source.key AND t.value = source.value
        AND t.model_id = source.model_id AND t.version = source.version;
    DELETE FROM pedigree.search_text t
    USING unnest(models, versions) AS key (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
    DELETE FROM pedigree.search_record t
    USING unnest(models, versions) AS key (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
    DELETE FROM pedigree.search_version t
    USING unnest(models, versions) AS key (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.search_follows_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
    versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO models, versions
    FROM after JOIN before USING (model_id, version)
    WHERE (after.description, after.owners, after.tags, after.flavor, after.created_at,
            after.created_by, after.deleted_at)
        IS DISTINCT FROM (before.description, before.owners, before.tags, before.flavor,
            before.created_at, before.created_by, before.deleted_at);
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search(models, versions);
    END IF;
    PERFORM pedigree.renew_search_record(array_agg(model_id), array_agg(version)) FROM after;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.search_follows_tenure() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
    versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO models, versions
    FROM (
        SELECT DISTINCT s.model_id, s.version FROM changed
        JOIN pedigree.search_version s USING (model_id, version)
    ) AS key;
    DELETE FROM pedigree.search_term t
    USING unnest(models, versions) AS key (model_id, version), pedigree.search_version s,
        unnest(s.aliases) AS alias
    WHERE s.model_id = key.model_id AND s.version = key.version
        AND t.field = 'alias' AND t.value = alias AND t.created_at = s.created_at
        AND t.model_id = s.model_id AND t.version = s.version;
    UPDATE pedigree.search_version s SET stage = source.stage, aliases = source.aliases
    FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_source source USING (model_id, version)
    WHERE s.model_id = key.model_id AND s.version = key.version;
    INSERT INTO pedigree.search_term
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_term_source source USING (model_id, version)
    WHERE source.field = 'alias';
    PERFORM pedigree.renew_search_record(models, versions);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.search_follows_card() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.search_text t SET document = source.document
    FROM changed JOIN pedigree.search_text_source source USING (model_id, version)
    WHERE t.model_id = changed.model_id AND t.version = changed.version;
    PERFORM pedigree.renew_search_record(array_agg(model_id), array_agg(version)) FROM changed;
    RETURN NULL;
END
$$;

-- With a list's length in sight the planner would plan each statement anew at every registration,
-- which takes three times as long as all the rest of it. There is one plan anyway: by the keys.
ALTER FUNCTION pedigree.search_follows_training() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION pedigree.search_follows_version() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION pedigree.search_follows_model() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION pedigree.search_follows_tenure() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION pedigree.search_follows_card() SET plan_cache_mode = force_generic_plan;
