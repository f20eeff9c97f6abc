-- A registration makes the rows of search of its new version from the values in hand, instead of
-- reading through the views what it has just written. The views and the registration share one
-- function for each row, so there is one definition of what search has.

-- The record that search_record keeps of a version.
CREATE FUNCTION pedigree.record_shown(r pedigree.version_in_full) RETURNS SETOF json
LANGUAGE sql STABLE AS $$
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
$$;

CREATE OR REPLACE VIEW pedigree.search_record_source AS
SELECT r.model_id, r.version_id AS version, r.signature::text AS signature, shown.record,
    r.verification
FROM pedigree.version_in_full r
CROSS JOIN LATERAL pedigree.record_shown(r) AS shown (record);

CREATE VIEW pedigree.search_record_in_bulk AS
SELECT (r).model_id, (r).version_id AS version, (r).signature::text AS signature, shown.record,
    (r).verification
FROM pedigree.version_in_bulk AS bulk (training_id, r)
CROSS JOIN LATERAL pedigree.record_shown(r) AS shown (record);

-- The terms of a row of search_version.
CREATE FUNCTION pedigree.terms_of(tags jsonb, owners text[], aliases text[], created_by text)
RETURNS TABLE (field text, value text)
LANGUAGE sql STABLE AS $$
    SELECT term.field, term.value FROM (
        SELECT 'tags.' || tag.key AS field, left(tag.value, 256) AS value
        FROM jsonb_each_text(tags) AS tag
        UNION ALL
        (SELECT DISTINCT 'owner', left(owner, 256) FROM unnest(owners) AS owner)
        UNION ALL
        SELECT 'alias', left(alias, 256) FROM unnest(aliases) AS alias
        UNION ALL
        SELECT 'created_by', left(terms_of.created_by, 256)
    ) AS term
    WHERE length(term.field) <= 256
$$;

CREATE OR REPLACE VIEW pedigree.search_term_source AS
SELECT term.field, term.value COLLATE "C" AS value, s.created_at, s.model_id, s.version
FROM pedigree.search_version s
CROSS JOIN LATERAL pedigree.terms_of(s.tags, s.owners, s.aliases, s.created_by) AS term;

-- The metrics of a row of search_version.
CREATE FUNCTION pedigree.metrics_of(metrics jsonb)
RETURNS TABLE (key text, value double precision)
LANGUAGE sql STABLE AS $$
    SELECT metric.key, metric.value::double precision
    FROM jsonb_each_text(metrics) AS metric WHERE length(metric.key) <= 256
$$;

CREATE OR REPLACE VIEW pedigree.search_metric_source AS
SELECT metric.key, metric.value, s.model_id, s.version
FROM pedigree.search_version s
CROSS JOIN LATERAL pedigree.metrics_of(s.metrics) AS metric;

-- The words of a version, by weight: its name, description, tags and the notes of its card.
-- A tsvector takes 1 MB at most; no version is refused for its length.
CREATE FUNCTION pedigree.words_of(name text, description text, tags jsonb, notes text)
RETURNS SETOF tsvector
LANGUAGE sql STABLE AS $$
    SELECT setweight(to_tsvector('pg_catalog.english', translate(name, '_-.', '   ')), 'A')
        || setweight(to_tsvector('pg_catalog.english', coalesce(left(description, 20000), '')), 'B')
        || setweight(to_tsvector('pg_catalog.english', coalesce(left(tag.words, 20000), '')), 'C')
        || setweight(to_tsvector('pg_catalog.english', coalesce(left(notes, 100000), '')), 'D')
    FROM (
        SELECT string_agg(each.key || ' ' || each.value, ' ' ORDER BY each.key) AS words
        FROM jsonb_each_text(tags) AS each
    ) AS tag
$$;

CREATE OR REPLACE VIEW pedigree.search_text_source AS
SELECT s.model_id, s.version, s.created_at, words.document
FROM pedigree.search_version s
JOIN pedigree.model_version v USING (model_id, version)
LEFT JOIN LATERAL (
    SELECT string_agg(note.value #>> '{}', ' ' ORDER BY note.place) AS words
    FROM (
        SELECT c.notes FROM pedigree.model_card c
        WHERE c.model_id = s.model_id AND c.version = s.version
        ORDER BY c.revision DESC LIMIT 1
    ) AS newest
    -- A note is a text or a list of texts.
    CROSS JOIN LATERAL jsonb_path_query(newest.notes, 'strict $.**')
        WITH ORDINALITY AS note (value, place)
    WHERE jsonb_typeof(note.value) = 'string'
) AS card ON true
CROSS JOIN LATERAL pedigree.words_of(s.name, v.description, s.tags, card.words)
    AS words (document);

-- Write the rows of search of a version that this transaction creates, before its first training.
-- The names of the columns of search are those of the version and its training, so a new field
-- needs no change here.
CREATE FUNCTION pedigree.enter_search(doc jsonb, known jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    fields jsonb := (doc -> 'training') || (doc -> 'version') || known || jsonb_build_object(
        'name', doc -> 'name', 'model_name', doc -> 'name', 'version_id', known -> 'version',
        'digest', doc #> '{artifact,digest}', 'size', doc #> '{artifact,size}',
        'stage', coalesce(doc #>> '{judged,stage}', 'none'),
        'stage_since', CASE WHEN doc #>> '{judged,stage}' IS NOT NULL
            THEN known -> 'created_at' END,
        'aliases', '[]'::jsonb, 'approval_status', 'none', 'trainings', 1,
        'quarantine_reason', doc -> 'quarantine_reason',
        'quarantined', doc ->> 'quarantine_reason' IS NOT NULL, 'held', false
    );
    s pedigree.search_version := jsonb_populate_record(NULL::pedigree.search_version, fields);
    r pedigree.version_in_full := jsonb_populate_record(NULL::pedigree.version_in_full, fields);
BEGIN
    INSERT INTO pedigree.search_version SELECT s.*;
    INSERT INTO pedigree.search_term (field, value, created_at, model_id, version)
    SELECT term.field, term.value, s.created_at, s.model_id, s.version
    FROM pedigree.terms_of(s.tags, s.owners, s.aliases, s.created_by) AS term;
    INSERT INTO pedigree.search_metric (key, value, model_id, version)
    SELECT metric.key, metric.value, s.model_id, s.version
    FROM pedigree.metrics_of(s.metrics) AS metric;
    INSERT INTO pedigree.search_text (model_id, version, created_at, document)
    SELECT s.model_id, s.version, s.created_at, words.document
    FROM pedigree.words_of(s.name, s.description, s.tags, NULL) AS words (document);
    INSERT INTO pedigree.search_record (model_id, version, signature, record, verification)
    SELECT s.model_id, s.version, r.signature::text, shown.record, r.verification
    FROM pedigree.record_shown(r) AS shown (record);
END
$$;

-- A version whose search rows name the added training has entered search in the same transaction.
CREATE OR REPLACE FUNCTION pedigree.search_follows_training() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
    versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO models, versions
    FROM (
        SELECT DISTINCT c.model_id, c.version FROM changed c
        WHERE TG_OP <> 'INSERT' OR NOT EXISTS (
            SELECT FROM pedigree.search_version s
            WHERE s.model_id = c.model_id AND s.version = c.version
                AND s.training_id = c.training_id
        )
    ) AS key;
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search(models, versions);
    END IF;
    RETURN NULL;
END
$$;
-- CREATE OR REPLACE removes a function's settings; see 0015_search_record.sql for why they are set.
ALTER FUNCTION pedigree.search_follows_training() SET plan_cache_mode = force_generic_plan;

-- Add a training with its environment, its lineage, and its wait for the asset graph. The training
-- comes last of all rows of a version: with it the version enters search, in its final state.
CREATE OR REPLACE FUNCTION pedigree.add_training(
    doc jsonb, of_model bigint, of_version integer, at timestamptz, actor text, actor_source text
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    t jsonb := doc -> 'training';
    known jsonb := jsonb_build_object(
        'model_id', of_model, 'version', of_version,
        'created_at', at, 'created_by', actor, 'created_by_source', actor_source
    );
BEGIN
    IF doc ? 'packages' THEN
        INSERT INTO pedigree.environment (hash, packages)
        VALUES (t ->> 'environment_hash', ARRAY(SELECT jsonb_array_elements_text(doc -> 'packages')))
        ON CONFLICT DO NOTHING;
    END IF;
    IF doc ? 'version' THEN
        PERFORM pedigree.enter_search(doc, known);
    END IF;
    INSERT INTO pedigree.training
    SELECT row.* FROM jsonb_populate_record(NULL::pedigree.training, t || known) AS row;
    IF doc ? 'awaits' THEN
        INSERT INTO pedigree.awaited (training_id, instance_id, since)
        VALUES ((t ->> 'training_id')::uuid, t ->> 'instance_id', add_training.at);
    END IF;
    IF doc ? 'nodes' THEN
        INSERT INTO pedigree.lineage_node (
            training_id, node_id, kind, asset, partition, storage_id, run_id, data_version,
            code_version, at, certainty, upstream
        )
        SELECT (t ->> 'training_id')::uuid, n.node_id, n.kind, n.asset, n.partition, n.storage_id,
            n.run_id, n.data_version, n.code_version, n.at, n.certainty, n.upstream
        FROM jsonb_populate_recordset(NULL::pedigree.lineage_node, doc -> 'nodes') AS n;
    END IF;
    IF doc ? 'edges' THEN
        INSERT INTO pedigree.lineage_edge (training_id, consumer, source, capture, certainty)
        SELECT (t ->> 'training_id')::uuid, e.consumer, e.source, e.capture, e.certainty
        FROM jsonb_populate_recordset(NULL::pedigree.lineage_edge, doc -> 'edges') AS e;
    END IF;
END
$$;
