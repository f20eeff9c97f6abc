-- Versions whose bytes the registry does not have, or not yet: pending, failed, or by reference. What is
-- not known of a version (its digest, size, flavor, signature, commit or run) is null.

-- A digest is final: a sealed version has one, and no other version has.
ALTER TABLE pedigree.model_version
    ADD COLUMN state text NOT NULL DEFAULT 'sealed',
    -- Why it failed, or who says where the bytes are.
    ADD COLUMN state_reason text,
    ALTER COLUMN digest DROP NOT NULL,
    ALTER COLUMN flavor DROP NOT NULL,
    ALTER COLUMN signature DROP NOT NULL,
    ADD CONSTRAINT model_version_state_known
        CHECK (state IN ('sealed', 'pending', 'failed', 'reference')),
    ADD CONSTRAINT model_version_sealed_has_digest CHECK ((state = 'sealed') = (digest IS NOT NULL)),
    ADD CONSTRAINT model_version_failed_has_reason CHECK (state <> 'failed' OR state_reason <> ''),
    ADD CONSTRAINT model_version_copy_of_bytes CHECK (copy = 0 OR digest IS NOT NULL);

CREATE INDEX model_version_unsealed ON pedigree.model_version (model_id, version)
    WHERE state <> 'sealed';

ALTER TABLE pedigree.training
    ALTER COLUMN run_id DROP NOT NULL,
    ALTER COLUMN git_commit DROP NOT NULL,
    ALTER COLUMN git_dirty DROP NOT NULL,
    ALTER COLUMN git_source DROP NOT NULL,
    ADD CONSTRAINT training_commit_has_origin
        CHECK ((git_commit IS NULL) = (git_source IS NULL) AND (git_dirty IS NULL OR git_commit IS NOT NULL));

-- A decision and an override may be about a version without a digest; sealing makes them void.
ALTER TABLE pedigree.decision ALTER COLUMN digest DROP NOT NULL;
ALTER TABLE pedigree.stage_override ALTER COLUMN digest DROP NOT NULL;

-- Where a version of the MLflow protocol, or of an import, comes from.
CREATE TABLE pedigree.version_source (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    -- As the client sent it.
    source text NOT NULL,
    -- Where the bytes are, as far as it was resolved.
    location text,
    run_id text,
    run_link text,
    logged_model_id text,
    -- What an import found: the original times and users.
    claimed jsonb,
    PRIMARY KEY (model_id, version),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);

CREATE TRIGGER version_source_unchanged BEFORE UPDATE OR DELETE ON pedigree.version_source
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER version_source_no_truncate BEFORE TRUNCATE ON pedigree.version_source
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();
ALTER TABLE pedigree.version_source ENABLE ALWAYS TRIGGER version_source_unchanged;
ALTER TABLE pedigree.version_source ENABLE ALWAYS TRIGGER version_source_no_truncate;

ALTER TABLE pedigree.search_version
    ALTER COLUMN training_id DROP NOT NULL,
    ALTER COLUMN flavor DROP NOT NULL,
    ALTER COLUMN git_commit DROP NOT NULL,
    ALTER COLUMN git_dirty DROP NOT NULL,
    ALTER COLUMN run_id DROP NOT NULL,
    ALTER COLUMN digest DROP NOT NULL,
    ALTER COLUMN size DROP NOT NULL,
    ADD COLUMN state text COLLATE "C" NOT NULL DEFAULT 'sealed';

CREATE INDEX search_version_unsealed ON pedigree.search_version (model_id, version)
    WHERE state <> 'sealed';

DROP TRIGGER version_collected ON pedigree.model_version;
CREATE TRIGGER version_collected AFTER UPDATE OF collected_at ON pedigree.model_version
    FOR EACH ROW
    WHEN (OLD.collected_at IS NULL AND NEW.collected_at IS NOT NULL AND NEW.digest IS NOT NULL)
    EXECUTE FUNCTION pedigree.release_artifact();

CREATE OR REPLACE VIEW pedigree.version_record AS
 SELECT v.model_id,
    m.name AS model_name,
    m.name_key,
    m.generation,
    v.version AS version_id,
    v.digest,
    ( SELECT a.size
           FROM pedigree.artifact a
          WHERE (a.digest = v.digest)) AS size,
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
    COALESCE(first.metrics, '{}') AS metrics,
    COALESCE(first.params, '{}') AS params,
    ( SELECT count(*) AS count
           FROM pedigree.training t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version))) AS trainings,
    COALESCE(stage.name, 'none'::text) AS stage,
    stage.held_since AS stage_since,
    ARRAY( SELECT t.name
           FROM pedigree.tenure t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version) AND (t.pointer = 'alias'::text) AND (t.held_until IS NULL))
          ORDER BY t.name) AS aliases,
    ( SELECT c.digest
           FROM pedigree.model_card c
          WHERE ((c.model_id = v.model_id) AND (c.version = v.version))
          ORDER BY c.revision DESC
         LIMIT 1) AS model_card_digest,
    ( SELECT count(*)
           FROM pedigree.stage_override o
          WHERE o.model_id = v.model_id AND o.version = v.version) AS overrides,
    v.state,
    v.state_reason
   FROM (((pedigree.model_version v
     JOIN pedigree.registered_model m USING (model_id))
     LEFT JOIN LATERAL ( SELECT t.*
           FROM pedigree.training t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version))
          ORDER BY t.created_at, t.training_id
         LIMIT 1) first ON true)
     LEFT JOIN pedigree.tenure stage ON (((stage.model_id = v.model_id) AND (stage.version = v.version) AND (stage.pointer = 'stage'::text) AND (stage.held_until IS NULL))))
  WHERE ((v.deleted_at IS NULL) AND (m.deleted_at IS NULL));

CREATE OR REPLACE VIEW pedigree.version_in_full AS
 SELECT model_id,
    model_name,
    name_key,
    generation,
    version_id,
    digest,
    size,
    flavor,
    signature,
    description,
    owners,
    tags,
    approval_status,
    approval_notes,
    approved_by,
    approval_timestamp,
    risk_class,
    risk_assessment_id,
    drift_monitor_id,
    datasheet_uri,
    quarantine_reason,
    hold_reason,
    created_at,
    created_by,
    created_by_source,
    run_id,
    git_commit,
    git_dirty,
    git_source,
    code_version,
    training_data_digest,
    training_data_version,
    validation_dataset_id,
    environment_hash,
    ci_build,
    metrics,
    params,
    trainings,
    stage,
    stage_since,
    aliases,
    model_card_digest,
    COALESCE(( SELECT t.verification
           FROM pedigree.training t
          WHERE ((t.model_id = r.model_id) AND (t.version = r.version_id))
          ORDER BY ((t.verification ->> 'status'::text) <> 'verified'::text), t.created_at, t.training_id
         LIMIT 1), '{"status": "not possible", "reason": "no training of it is known", "spread": null}'::jsonb) AS verification,
    overrides,
    state,
    state_reason
   FROM pedigree.version_record r;

CREATE OR REPLACE VIEW pedigree.version_in_bulk AS
SELECT first.training_id, ROW(
        v.model_id, m.name, m.name_key, m.generation, v.version, v.digest, a.size, v.flavor,
        v.signature, v.description, v.owners, v.tags, v.approval_status, v.approval_notes,
        v.approved_by, v.approval_timestamp, v.risk_class, v.risk_assessment_id,
        v.drift_monitor_id, v.datasheet_uri, v.quarantine_reason, v.hold_reason, v.created_at,
        v.created_by, v.created_by_source, first.run_id, first.git_commit, first.git_dirty,
        first.git_source, first.code_version, first.training_data_digest,
        first.training_data_version, first.validation_dataset_id, first.environment_hash,
        first.ci_build, coalesce(first.metrics, '{}'), coalesce(first.params, '{}'),
        coalesce(first.trainings, 0),
        coalesce(stage.name, 'none'), stage.held_since, coalesce(alias.names, '{}'), card.digest,
        CASE WHEN first.trainings = 1 THEN first.verification ELSE coalesce((
            SELECT t.verification
            FROM pedigree.training t
            WHERE t.model_id = v.model_id AND t.version = v.version
            ORDER BY t.verification ->> 'status' <> 'verified', t.created_at, t.training_id
            LIMIT 1
        ), '{"status": "not possible", "reason": "no training of it is known", "spread": null}'::jsonb) END,
        (
            SELECT count(*) FROM pedigree.stage_override o
            WHERE o.model_id = v.model_id AND o.version = v.version
        ),
        v.state, v.state_reason
    )::pedigree.version_in_full AS version
FROM pedigree.model_version v
JOIN pedigree.registered_model m USING (model_id)
LEFT JOIN pedigree.artifact a ON a.digest = v.digest
LEFT JOIN pedigree.first_training first ON first.model_id = v.model_id AND first.version = v.version
LEFT JOIN pedigree.tenure stage ON stage.model_id = v.model_id AND stage.version = v.version
    AND stage.pointer = 'stage' AND stage.held_until IS NULL
LEFT JOIN (
    SELECT model_id, version, array_agg(name ORDER BY name) AS names
    FROM pedigree.tenure
    WHERE pointer = 'alias' AND held_until IS NULL
    GROUP BY model_id, version
) AS alias ON alias.model_id = v.model_id AND alias.version = v.version
LEFT JOIN (
    SELECT DISTINCT ON (model_id, version) model_id, version, digest
    FROM pedigree.model_card
    ORDER BY model_id, version, revision DESC
) AS card ON card.model_id = v.model_id AND card.version = v.version
WHERE v.deleted_at IS NULL AND m.deleted_at IS NULL;

-- The record that search keeps has the state only if the version is not sealed, so no record of
-- before changes.
CREATE OR REPLACE FUNCTION pedigree.record_shown(r pedigree.version_in_full) RETURNS SETOF json
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE WHEN r.overrides > 0 OR r.state <> 'sealed' THEN replace(
        to_json(shown)::text, ',"model_card_digest":', concat(
            CASE WHEN r.overrides > 0 THEN format(',"overrides":%s', r.overrides) END,
            CASE WHEN r.state <> 'sealed' THEN format(
                ',"state":%s,"state_reason":%s', to_json(r.state),
                coalesce(to_json(r.state_reason), 'null')
            ) END,
            ',"model_card_digest":'
        )
    )::json ELSE to_json(shown) END FROM (
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
SELECT r.model_id, r.version_id AS version, coalesce(r.signature::text, 'null') AS signature, shown.record,
    r.verification
FROM pedigree.version_in_full r
CROSS JOIN LATERAL pedigree.record_shown(r) AS shown (record);

CREATE OR REPLACE VIEW pedigree.search_record_in_bulk AS
SELECT (r).model_id, (r).version_id AS version, coalesce((r).signature::text, 'null') AS signature, shown.record,
    (r).verification
FROM pedigree.version_in_bulk AS bulk (training_id, r)
CROSS JOIN LATERAL pedigree.record_shown(r) AS shown (record);

CREATE OR REPLACE VIEW pedigree.search_source AS
 SELECT v.model_id,
    v.version,
    first.training_id,
    m.name,
    v.created_at,
    v.created_by,
    v.flavor,
    COALESCE(stage.name, 'none'::text) AS stage,
    ARRAY( SELECT t.name
           FROM pedigree.tenure t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version) AND (t.pointer = 'alias'::text) AND (t.held_until IS NULL))
          ORDER BY t.name) AS aliases,
    v.owners,
    first.git_commit,
    first.run_id,
    v.tags,
    COALESCE(first.metrics, '{}') AS metrics,
    COALESCE(first.params, '{}') AS params,
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
    (v.quarantine_reason IS NOT NULL) AS quarantined,
    (v.hold_reason IS NOT NULL) AS held,
    v.state
   FROM ((((pedigree.model_version v
     JOIN pedigree.registered_model m USING (model_id))
     LEFT JOIN pedigree.artifact ON ((artifact.digest = v.digest)))
     LEFT JOIN LATERAL ( SELECT t.*
           FROM pedigree.training t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version))
          ORDER BY t.created_at, t.training_id
         LIMIT 1) first ON (true))
     LEFT JOIN pedigree.tenure stage ON (((stage.model_id = v.model_id) AND (stage.version = v.version) AND (stage.pointer = 'stage'::text) AND (stage.held_until IS NULL))))
  WHERE ((v.deleted_at IS NULL) AND (m.deleted_at IS NULL));

CREATE OR REPLACE VIEW pedigree.search_version_in_bulk AS
 SELECT (r).model_id AS model_id,
    (r).version_id AS version,
    training_id,
    (r).model_name AS name,
    (r).created_at AS created_at,
    (r).created_by AS created_by,
    (r).flavor AS flavor,
    (r).stage AS stage,
    (r).aliases AS aliases,
    (r).owners AS owners,
    (r).git_commit AS git_commit,
    (r).run_id AS run_id,
    (r).tags AS tags,
    (r).metrics AS metrics,
    (r).params AS params,
    (r).digest AS digest,
    (r).description AS description,
    (r).size AS size,
    (r).git_dirty AS git_dirty,
    (r).code_version AS code_version,
    (r).training_data_digest AS training_data_digest,
    (r).training_data_version AS training_data_version,
    (r).validation_dataset_id AS validation_dataset_id,
    (r).environment_hash AS environment_hash,
    (r).ci_build AS ci_build,
    (r).risk_class AS risk_class,
    (r).approval_status AS approval_status,
    (r).approved_by AS approved_by,
    ((r).quarantine_reason IS NOT NULL) AS quarantined,
    ((r).hold_reason IS NOT NULL) AS held,
    (r).state AS state
   FROM pedigree.version_in_bulk bulk(training_id, r);

CREATE OR REPLACE FUNCTION pedigree.enter_search(doc jsonb, known jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    fields jsonb := jsonb_build_object(
        'metrics', '{}'::jsonb, 'params', '{}'::jsonb,
        'verification', '{"status": "not possible", "reason": "no training of it is known", "spread": null}'::jsonb
    ) || coalesce(doc -> 'training', '{}') || (doc -> 'version') || known || jsonb_build_object(
        'name', doc -> 'name', 'model_name', doc -> 'name', 'version_id', known -> 'version',
        'digest', doc #> '{artifact,digest}', 'size', doc #> '{artifact,size}',
        'stage', coalesce(doc #>> '{judged,stage}', 'none'),
        'stage_since', CASE WHEN doc #>> '{judged,stage}' IS NOT NULL
            THEN known -> 'created_at' END,
        'aliases', '[]'::jsonb, 'approval_status', 'none', 'trainings', CASE WHEN doc ? 'training' THEN 1 ELSE 0 END,
        'quarantine_reason', doc -> 'quarantine_reason',
        'quarantined', doc ->> 'quarantine_reason' IS NOT NULL, 'held', false,
        'state', coalesce(doc ->> 'state', 'sealed'), 'state_reason', doc ->> 'state_reason',
        'overrides', 0
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
    SELECT s.model_id, s.version, coalesce(r.signature::text, 'null'), shown.record, r.verification
    FROM pedigree.record_shown(r) AS shown (record);
END
$$;

CREATE OR REPLACE FUNCTION pedigree.search_follows_version() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    models bigint[];
    versions integer[];
    shown_models bigint[];
    shown_versions integer[];
BEGIN
    SELECT
        array_agg(model_id) FILTER (WHERE is_found_by),
        array_agg(version) FILTER (WHERE is_found_by),
        array_agg(model_id) FILTER (WHERE NOT is_found_by),
        array_agg(version) FILTER (WHERE NOT is_found_by)
    INTO models, versions, shown_models, shown_versions
    FROM (
        SELECT model_id, version,
            (after.description, after.owners, after.tags, after.flavor, after.created_at,
                after.created_by, after.deleted_at, after.digest, after.state)
            IS DISTINCT FROM (before.description, before.owners, before.tags, before.flavor,
                before.created_at, before.created_by, before.deleted_at, before.digest,
                before.state) AS is_found_by
        FROM after JOIN before USING (model_id, version)
    ) AS each;
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search(models, versions);
    END IF;
    IF shown_models IS NOT NULL THEN
        PERFORM pedigree.renew_search_record(shown_models, shown_versions);
    END IF;
    RETURN NULL;
END
$$;

-- A version without bytes of ours counts as a version without bytes.
CREATE OR REPLACE FUNCTION pedigree.count_versions() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
    number bigint;
    bytes bigint;
BEGIN
    SELECT count(*), coalesce(sum(a.size), 0) INTO number, bytes
    FROM changed
    JOIN pedigree.registered_model m USING (model_id)
    LEFT JOIN pedigree.artifact a ON a.digest = changed.digest
    WHERE changed.deleted_at IS NULL AND m.deleted_at IS NULL;
    IF number > 0 THEN
        PERFORM pedigree.add_to_statistic(
            versions => sign * number, logical_bytes => sign * bytes
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.recount_model() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    sign integer := CASE WHEN NEW.deleted_at IS NULL THEN 1 ELSE -1 END;
BEGIN
    PERFORM pedigree.add_to_statistic(
        versions => sign * count(*), logical_bytes => sign * coalesce(sum(a.size), 0)::bigint
    )
    FROM pedigree.model_version v
    LEFT JOIN pedigree.artifact a ON a.digest = v.digest
    WHERE v.model_id = NEW.model_id AND v.deleted_at IS NULL;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.recount_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    sign integer := CASE WHEN NEW.deleted_at IS NULL THEN 1 ELSE -1 END;
BEGIN
    PERFORM pedigree.add_to_statistic(
        versions => sign, logical_bytes => sign * coalesce(a.size, 0)
    )
    FROM pedigree.registered_model m LEFT JOIN pedigree.artifact a ON a.digest = NEW.digest
    WHERE m.model_id = NEW.model_id AND m.deleted_at IS NULL;
    RETURN NULL;
END
$$;

CREATE OR REPLACE VIEW pedigree.statistic_source AS
 SELECT living.versions,
    living.logical_bytes,
    ( SELECT count(*) AS count
           FROM pedigree.artifact) AS artifacts,
    ( SELECT count(*) AS count
           FROM pedigree.artifact_file) AS files,
    stored.blobs,
    stored.stored_bytes,
    stored.archived_bytes
   FROM ( SELECT count(*) AS versions,
            (COALESCE(sum(artifact.size), (0)::numeric))::bigint AS logical_bytes
           FROM ((pedigree.model_version v
             JOIN pedigree.registered_model m USING (model_id))
             LEFT JOIN pedigree.artifact ON ((artifact.digest = v.digest)))
          WHERE ((v.deleted_at IS NULL) AND (m.deleted_at IS NULL))) living,
    ( SELECT count(*) AS blobs,
            (COALESCE(sum(blob.size), (0)::numeric))::bigint AS stored_bytes,
            (COALESCE(sum(blob.size) FILTER (WHERE (blob.tier = 'archive'::text)), (0)::numeric))::bigint AS archived_bytes
           FROM pedigree.blob) stored;

CREATE OR REPLACE FUNCTION pedigree.keep_version(doc jsonb, of_model bigint, of_version integer, at timestamp with time zone, actor text, actor_source text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF doc ? 'version' THEN
        -- A row has the columns of its table, so a new metadata field needs no change here.
        INSERT INTO pedigree.model_version
        SELECT row.* FROM jsonb_populate_record(
            NULL::pedigree.model_version,
            doc -> 'version' || jsonb_build_object(
                'model_id', of_model, 'version', of_version,
                'digest', doc #>> '{artifact,digest}',
                -- Deleted versions count, so that they can be restored.
                'copy', CASE WHEN doc ->> 'copy' = 'next' THEN pedigree.next_copy(
                    of_model, doc #>> '{artifact,digest}'
                ) ELSE 0 END,
                'state', coalesce(doc ->> 'state', 'sealed'),
                'state_reason', doc ->> 'state_reason',
                'approval_status', 'none', 'tier', 'standard',
                'quarantine_reason', doc ->> 'quarantine_reason',
                'created_at', at, 'created_by', actor, 'created_by_source', actor_source
            )
        ) AS row;
    ELSIF doc ? 'marks' THEN
        UPDATE pedigree.model_version SET quarantine_reason = doc ->> 'quarantine_reason'
        WHERE model_id = of_model AND version = of_version;
    END IF;
    IF doc ? 'source' THEN
        INSERT INTO pedigree.version_source
        SELECT row.* FROM jsonb_populate_record(
            NULL::pedigree.version_source,
            doc -> 'source' || jsonb_build_object('model_id', of_model, 'version', of_version)
        ) AS row;
    END IF;
    IF doc ? 'marks' THEN
        INSERT INTO pedigree.quarantine_mark (quarantine_id, model_id, version, certainty)
        SELECT mark.quarantine_id, of_model, of_version, mark.certainty
        FROM jsonb_to_recordset(doc -> 'marks')
            AS mark (quarantine_id bigint, certainty pedigree.certainty);
    END IF;
END
$$;

-- The version that our own verbs return for bytes: the native one, else the lowest copy.
CREATE FUNCTION pedigree.version_of_bytes(of_model bigint, bytes text) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT v.version FROM pedigree.model_version v
    LEFT JOIN pedigree.version_source s USING (model_id, version)
    WHERE v.model_id = of_model AND v.digest = bytes AND v.deleted_at IS NULL
    ORDER BY s.version IS NOT NULL, v.copy LIMIT 1
$$;

CREATE FUNCTION pedigree.next_copy(of_model bigint, bytes text) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(v.copy) + 1, 0) FROM pedigree.model_version v
    WHERE v.model_id = of_model AND v.digest = bytes
$$;

CREATE OR REPLACE FUNCTION pedigree.create_version(doc jsonb, manifest bytea) RETURNS jsonb
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET lock_timeout TO '10s'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    actor text := nullif(current_setting('pedigree.actor', true), '');
    actor_source text := nullif(current_setting('pedigree.actor_source', true), '');
    actor_in_json text := format('{"name":%s,"source":%s}', to_json(actor), to_json(actor_source));
    hole text := doc ->> 'hole';
    hole_of_actor text := format('"%sactor"', hole);
    answer jsonb;
    missing text[];
    model record;
    model_since timestamptz;
    taken integer;
    entered text := doc #>> '{judged,stage}';
    voided integer[] := '{}';
    holes text[];
    fillings text[];
BEGIN
    IF actor IS NULL OR actor_source IS NULL THEN
        RAISE EXCEPTION 'somebody creates a version: the setting pedigree.actor is empty'
            USING ERRCODE = 'invalid_authorization_specification';
    END IF;
    IF doc ? 'request' THEN
        answer := pedigree.earlier_answer(doc -> 'request');
        IF answer IS NOT NULL THEN
            RETURN answer;
        END IF;
    END IF;
    IF doc ? 'nodes' THEN
        -- Before the model's lock, in the same order as the creation of a quarantine.
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('pedigree.quarantine', 0));
    END IF;
    missing := pedigree.take_blobs(doc);
    IF cardinality(missing) > 0 THEN
        RETURN jsonb_build_object('refused', 'missing', 'digests', missing);
    END IF;
    IF doc ? 'new_model' THEN
        INSERT INTO pedigree.registered_model (name, name_key, created_at, created_by)
        VALUES (doc ->> 'name', doc ->> 'name_key', clock_timestamp(), actor)
        ON CONFLICT ON CONSTRAINT registered_model_name_unique DO NOTHING
        RETURNING created_at INTO model_since;
    END IF;
    -- The time is read after the lock is held, so the times of a model's changes ascend in the order
    -- in which they commit, even if the clock jumps back.
    WITH locked AS MATERIALIZED (
        SELECT model_id, name, next_version, generation, policy_revision, deleted_at
        FROM pedigree.registered_model WHERE name_key = doc ->> 'name_key'
        FOR NO KEY UPDATE
    )
    SELECT locked.*, pedigree.time_of_change(locked.name) AS at INTO model FROM locked;
    IF NOT FOUND THEN
        RETURN '{"refused": "stale"}';
    END IF;
    IF model.name <> doc ->> 'name' OR model.deleted_at IS NOT NULL THEN
        RETURN jsonb_build_object('refused', 'name', 'name', model.name, 'is_deleted',
            model.deleted_at IS NOT NULL);
    END IF;
    IF model_since IS NOT NULL THEN
        -- The model stays, also if its first version is refused below.
        PERFORM pedigree.record_filled_events(
            jsonb_build_array(doc -> 'new_model'), ARRAY[hole || 'time', hole_of_actor],
            ARRAY[pedigree.time_in_json(model_since), actor_in_json], model.name, NULL, model_since
        );
    END IF;
    IF NOT doc ? 'source' THEN
        taken := pedigree.version_of_bytes(model.model_id, doc #>> '{artifact,digest}');
    END IF;
    IF pedigree.is_stale(doc, model.model_id, model.policy_revision, taken) THEN
        RETURN '{"refused": "stale"}';
    END IF;

    IF doc ? 'artifact' THEN
        PERFORM pedigree.keep_artifact(doc, manifest);
    END IF;
    IF doc ->> 'session' IS NOT NULL THEN
        DELETE FROM pedigree.upload_session s
        WHERE s.upload_id = (doc ->> 'session')::uuid AND s.model = model.name;
    END IF;
    IF entered IS NOT NULL THEN
        voided := pedigree.void_approvals(model.model_id);
        model.generation := model.generation + 1;
    END IF;
    IF taken IS NULL THEN
        taken := model.next_version;
        UPDATE pedigree.registered_model
        SET next_version = next_version + 1, generation = model.generation
        WHERE model_id = model.model_id;
    END IF;
    PERFORM pedigree.keep_version(doc, model.model_id, taken, model.at, actor, actor_source);
    IF doc ? 'judged' THEN
        PERFORM pedigree.add_judgement(doc -> 'judged', model.model_id, taken, model.at, actor);
    END IF;
    IF doc ? 'judge_later' THEN
        INSERT INTO pedigree.unjudged (model_id, version, due_at)
        VALUES (model.model_id, taken, clock_timestamp() + (doc ->> 'judge_later')::interval)
        ON CONFLICT (model_id, version) DO UPDATE SET due_at = excluded.due_at, failures = 0;
    END IF;
    holes := ARRAY[
        format('"%sversion"', hole), hole || 'version', hole || 'time',
        format('"%sgeneration"', hole), format('"%svoided"', hole), hole_of_actor,
        format('"%sby"', hole), format('"%ssource"', hole)
    ];
    fillings := ARRAY[
        taken::text, taken::text, pedigree.time_in_json(model.at), model.generation::text,
        array_to_json(voided)::text, actor_in_json,
        to_json(actor)::text, to_json(actor_source)::text
    ];
    PERFORM pedigree.record_filled_events(
        doc -> 'events', holes, fillings, model.name, taken, model.at
    );
    IF doc ? 'training' THEN
        PERFORM pedigree.add_training(doc, model.model_id, taken, model.at, actor, actor_source);
    ELSIF doc ? 'version' THEN
        PERFORM pedigree.enter_search(doc, jsonb_build_object(
            'model_id', model.model_id, 'version', taken,
            'created_at', model.at, 'created_by', actor, 'created_by_source', actor_source
        ));
    END IF;
    IF doc ? 'request' THEN
        answer := pedigree.keep_filled_answer(doc -> 'request', holes, fillings);
    END IF;
    RETURN jsonb_build_object('version', taken, 'at', model.at, 'generation', model.generation,
        'answer', answer);
END
$$;

CREATE OR REPLACE FUNCTION pedigree.look_before_creation(asked jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    model record;
    seen jsonb := '{}';
    known integer;
    wanted text[] := ARRAY(SELECT jsonb_array_elements_text(asked -> 'digests'));
BEGIN
    IF asked ->> 'key' IS NOT NULL THEN
        SELECT seen || jsonb_build_object('kept', jsonb_build_object(
            'fingerprint', encode(a.fingerprint, 'base64'), 'status', a.status,
            'headers', a.headers, 'body', encode(a.body, 'base64')
        )) INTO seen
        FROM pedigree.kept_answer a
        WHERE a.principal = asked ->> 'principal' AND a.key = asked ->> 'key';
        IF FOUND THEN
            RETURN seen;
        END IF;
        seen := '{}';
    END IF;
    SELECT m.model_id, m.name, m.next_version, m.generation, m.policy, m.policy_revision,
        m.deleted_at IS NOT NULL AS is_deleted,
        pedigree.has_alias(m.model_id, asked ->> 'candidate') AS is_aliased
    INTO model
    FROM pedigree.registered_model m WHERE m.name_key = asked ->> 'name_key';
    IF FOUND THEN
        seen := seen || jsonb_build_object('model', to_jsonb(model), 'champion', (
            SELECT jsonb_build_object(
                'version', held.version, 'digest', held.digest, 'record', r.record::text,
                'signature', r.signature, 'verification', r.verification::text
            )
            FROM pedigree.holder_of_stage(model.model_id, asked ->> 'champion') held
            LEFT JOIN pedigree.search_record r
                ON r.model_id = model.model_id AND r.version = held.version
        ));
        IF asked ->> 'copies' IS DISTINCT FROM 'true' THEN
            known := pedigree.version_of_bytes(model.model_id, asked ->> 'artifact');
        END IF;
        IF known IS NOT NULL THEN
            seen := seen || jsonb_build_object('known', (
                SELECT jsonb_build_object(
                    'record', r.record::text, 'signature', r.signature,
                    'verification', r.verification::text,
                    'state', pedigree.state_of_version(model.model_id, known)
                )
                FROM pedigree.search_record_source r
                WHERE r.model_id = model.model_id AND r.version = known
            ), 'trainings', (
                SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.restated), '[]')
                FROM pedigree.training t
                WHERE t.model_id = model.model_id AND t.version = known
                    AND t.run_id = asked ->> 'run_id'
                    AND coalesce(t.step_key, '') = coalesce(asked ->> 'step_key', '')
            ));
        END IF;
    END IF;
    RETURN seen || jsonb_build_object(
        'at', clock_timestamp(),
        'live', (
            SELECT coalesce(jsonb_agg(to_jsonb(b)), '[]')
            FROM (
                SELECT digest, size, key FROM pedigree.blob WHERE digest = ANY (wanted)
            ) AS b
        ),
        'unread', (
            SELECT coalesce(jsonb_agg(w.digest), '[]')
            FROM unnest(wanted) AS w (digest)
            WHERE asked ->> 'proves' = 'true' AND NOT EXISTS (
                SELECT FROM pedigree.artifact_file f
                JOIN pedigree.model_version v ON v.digest = f.artifact_digest
                WHERE f.blob_digest = w.digest AND v.deleted_at IS NULL
            ) AND NOT EXISTS (
                SELECT FROM pedigree.upload_session s
                JOIN pedigree.upload_file f USING (upload_id)
                WHERE s.upload_id = (asked ->> 'session')::uuid AND s.model = asked ->> 'name'
                    AND s.lease_until > clock_timestamp()
                    AND f.digest = w.digest AND f.received
            )
        ),
        'quarantines', asked ->> 'has_lineage' = 'true' AND pedigree.has_open_quarantines(),
        'defaults', NOT seen ? 'model' AND EXISTS (SELECT FROM pedigree.policy_default)
    );
END
$$;

-- The event of a version without a digest says so.
CREATE OR REPLACE FUNCTION pedigree.apply_event(of_model bigint, of_version integer, kind text, body jsonb, change jsonb, at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF body ? 'digest' AND NOT EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.model_id = of_model AND v.version = of_version AND v.digest IS NOT DISTINCT FROM body ->> 'digest'
    ) THEN
        PERFORM pedigree.refuse_change_of('the digest of a version');
    END IF;
    CASE kind
        WHEN 'version.stage_changed' THEN
            PERFORM pedigree.apply_stage(of_model, of_version, body, change, at);
        WHEN 'alias.set', 'alias.deleted' THEN
            PERFORM pedigree.apply_alias(of_model, of_version, kind, body, at);
        WHEN 'version.deleted' THEN
            PERFORM pedigree.apply_deletion(of_model, of_version, at);
        WHEN 'version.restored' THEN
            PERFORM pedigree.apply_restoration(of_model, of_version, body, at);
        WHEN 'version.approved', 'version.rejected' THEN
            PERFORM pedigree.apply_decision(of_model, of_version, kind, body, at);
        WHEN 'version.updated' THEN
            PERFORM pedigree.apply_description(of_model, of_version, body);
        WHEN 'version.held', 'version.released', 'version.quarantined' THEN
            PERFORM pedigree.apply_block(of_model, of_version, kind, body, change);
        WHEN 'model.updated' THEN
            PERFORM pedigree.apply_model(of_model, body);
        WHEN 'model.deleted' THEN
            UPDATE pedigree.registered_model SET deleted_at = at WHERE model_id = of_model;
        WHEN 'model.restored' THEN
            UPDATE pedigree.registered_model SET deleted_at = NULL WHERE model_id = of_model;
        ELSE
            PERFORM pedigree.refuse_change_of('the type ' || kind);
    END CASE;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.read_for_cards(names text[], name_keys text[], versions integer[], event_ids bigint[], checks text[], most integer) RETURNS TABLE(model_name text, version integer, record text, signature text, verification text, generation bigint, training text, graph text, packages text[], verdicts text, tenures text, revision integer, digest text, markdown text, notes jsonb, created_at timestamp with time zone, event_id bigint, newest_event bigint, at timestamp with time zone)
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT each.* FROM unnest(names, name_keys, versions, event_ids)
            WITH ORDINALITY AS each (name, name_key, version, event_id, place)
        ORDER BY each.place
    LOOP
        RETURN QUERY
        SELECT m.name, r.version, r.record::text, r.signature, r.verification::text, m.generation,
            CASE WHEN t.training_id IS NOT NULL THEN to_json(t)::text END,
            pedigree.graph_of(t.training_id, coalesce(t.raced, false)),
            (SELECT e.packages FROM pedigree.environment e WHERE e.hash = t.environment_hash),
            (
                SELECT coalesce(json_agg(shown), '[]')::text FROM (
                    SELECT newest.verdict_id, newest.check, newest.passed, newest.severity,
                        newest.digest, newest.relative, newest.baseline_digest, newest.settings,
                        newest.summary,
                        CASE WHEN newest.check = ANY (checks) THEN newest.details ELSE '{}' END
                            AS details,
                        newest.run_id, newest.at, newest.recorded_by, count(*) OVER () AS total
                    FROM (
                        SELECT DISTINCT ON (check_name, settings) check_name AS check, v.*
                        FROM pedigree.verdict v
                        WHERE v.model_id = m.model_id AND v.version = r.version
                        ORDER BY check_name, settings, verdict_id DESC
                    ) AS newest
                    ORDER BY newest.check = ANY (checks) DESC, newest.check, newest.settings
                    LIMIT most
                ) AS shown
            ),
            (
                SELECT coalesce(json_agg(shown ORDER BY shown.tenure_id), '[]')::text FROM (
                    SELECT held.tenure_id, held.pointer || ':' || held.name AS pointer,
                        held.version AS version_id, held.held_since AS since,
                        held.held_until AS until, held.moved_by, held.reason,
                        pedigree.is_overridden(
                            held.model_id, held.version, held.pointer, held.name, held.held_since
                        ) AS overridden,
                        count(*) OVER () AS total
                    FROM pedigree.tenure held
                    WHERE held.model_id = m.model_id AND held.version = r.version
                    ORDER BY held.tenure_id DESC
                    LIMIT most
                ) AS shown
            ),
            c.revision, c.digest, c.markdown, c.notes, c.created_at, c.event_id,
            coalesce((SELECT max(e.id) FROM pedigree.event e WHERE e.model = m.name), 0),
            clock_timestamp()
        FROM pedigree.registered_model m
        JOIN pedigree.search_record r ON r.model_id = m.model_id AND r.version = wanted.version
        LEFT JOIN LATERAL (
            SELECT first.* FROM pedigree.training first
            WHERE first.model_id = m.model_id AND first.version = r.version
            ORDER BY first.created_at, first.training_id LIMIT 1
        ) AS t ON true
        LEFT JOIN LATERAL (
            SELECT card.* FROM pedigree.model_card card
            WHERE card.model_id = m.model_id AND card.version = r.version
            ORDER BY card.revision DESC LIMIT 1
        ) AS c ON true
        WHERE m.name_key = wanted.name_key AND m.name = wanted.name AND m.deleted_at IS NULL
            AND (wanted.event_id IS NULL OR c.event_id IS NULL OR c.event_id < wanted.event_id);
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.models_of_states(assets text[], data_versions text[]) RETURNS TABLE(place bigint, name text, is_version boolean)
    LANGUAGE plpgsql STABLE
    AS $_$
BEGIN
    RETURN QUERY
    WITH wanted AS (
        SELECT given.place, given.asset, given.data_version,
            regexp_replace(given.asset, '/[^/]+$', '') AS parent,
            substring(given.asset from '[^/]+$') AS last_part
        FROM unnest(assets, data_versions) WITH ORDINALITY AS given (asset, data_version, place)
    ), owner AS (
        SELECT w.place, w.data_version, t.model_id
        FROM wanted w
        JOIN pedigree.training t ON t.asset = w.asset
        UNION
        SELECT w.place, w.data_version, t.model_id
        FROM wanted w
        JOIN pedigree.training t ON t.asset = w.parent
        WHERE EXISTS (
            SELECT FROM pedigree.tenure s
            WHERE s.model_id = t.model_id AND s.pointer = 'stage' AND s.name = w.last_part
        )
    )
    SELECT o.place - 1, m.name, EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.model_id = o.model_id AND (
            v.digest = o.data_version
            OR o.data_version = 'unsealed:' || m.name || '/' || v.version
        )
    )
    FROM owner o
    JOIN pedigree.registered_model m USING (model_id);
END
$_$;

-- A champion may have no digest.
CREATE OR REPLACE FUNCTION pedigree.is_stale(doc jsonb, of_model bigint, policy_revision integer, known integer) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF known IS DISTINCT FROM (doc #>> '{known,version}')::integer THEN
        RETURN true;
    END IF;
    IF known IS NOT NULL
        AND pedigree.state_of_version(of_model, known) IS DISTINCT FROM doc #>> '{known,state}'
    THEN
        RETURN true;
    END IF;
    IF doc ? 'judged' AND (
        policy_revision <> (doc #>> '{judged,policy_revision}')::integer
        OR doc #>> '{judged,champion}' IS DISTINCT FROM (
            SELECT held.version || ' ' || coalesce(held.digest, 'unsealed')
            FROM pedigree.holder_of_stage(of_model, doc #>> '{judged,champion_stage}') held
        )
        OR pedigree.has_alias(of_model, doc #>> '{judged,stage}')
    ) THEN
        RETURN true;
    END IF;
    RETURN doc ? 'nodes' AND pedigree.has_open_quarantines() AND ARRAY(
        SELECT q.quarantine_id
        FROM pedigree.quarantines_of_nodes(doc -> 'nodes', of_model, known) q
    ) IS DISTINCT FROM ARRAY(SELECT jsonb_array_elements_text(doc -> 'quarantines')::bigint);
END
$$;

-- A version whose bytes are not there yet holds no stage and no alias.
CREATE OR REPLACE FUNCTION pedigree.begin_tenure(of_model bigint, of_version integer, of_pointer text, of_name text, is_exclusive boolean, at timestamp with time zone, why text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.model_id = of_model AND v.version = of_version AND v.state IN ('pending', 'failed')
    ) THEN
        RAISE EXCEPTION 'version % is pending or failed', of_version USING
            ERRCODE = 'check_violation', CONSTRAINT = 'tenure_of_available_version';
    END IF;
    INSERT INTO pedigree.tenure (
        model_id, version, pointer, name, exclusive, held_since, moved_by, reason
    ) VALUES (
        of_model, of_version, of_pointer, of_name, is_exclusive, at,
        pedigree.acting_in_event() ->> 'name', why
    );
END
$$;

-- No verdict is recorded about bytes that the version does not have.
CREATE OR REPLACE FUNCTION pedigree.record_verdicts(of_model bigint, of_version integer, verdicts jsonb, event_ids uuid[], canonicals bytea[], at timestamp with time zone) RETURNS TABLE(verdict_id bigint)
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    actor text := pedigree.acting_in_event() ->> 'name';
BEGIN
    PERFORM pedigree.record_events(event_ids, 'version.check_recorded', (
        SELECT m.name FROM pedigree.registered_model m
        WHERE m.model_id = of_model AND pedigree.sees_key(m.name_key)
    ), of_version, at, canonicals);
    IF verdicts IS DISTINCT FROM (
        SELECT jsonb_agg(convert_from(canonical, 'UTF8')::jsonb -> 'body' ORDER BY place)
        FROM unnest(canonicals) WITH ORDINALITY AS given (canonical, place)
    ) THEN
        PERFORM pedigree.refuse_change_of('a verdict');
    END IF;
    IF NOT EXISTS (
        SELECT FROM pedigree.model_version v
        WHERE v.model_id = of_model AND v.version = of_version AND v.state = 'sealed'
    ) THEN
        RAISE EXCEPTION 'version % has no digest, so no check judges it', of_version USING
            ERRCODE = 'check_violation', CONSTRAINT = 'verdict_of_sealed_version';
    END IF;
    RETURN QUERY
    INSERT INTO pedigree.verdict (
        model_id, version, check_name, passed, severity, digest, relative, baseline_digest,
        settings, summary, details, run_id, at, recorded_by
    )
    SELECT of_model, of_version, each."check", each.passed, each.severity, each.digest,
        each.relative, each.baseline_digest, each.settings, each.summary, each.details,
        each.run_id, record_verdicts.at, actor
    FROM jsonb_to_recordset(verdicts) AS each (
        "check" text, passed boolean, severity text, digest text, relative boolean,
        baseline_digest text, settings jsonb, summary text, details jsonb, run_id text
    )
    RETURNING verdict.verdict_id;
END
$$;


-- The version that a change of its state is about, in a model whose row it locks. The time is read after
-- the lock is held.
CREATE FUNCTION pedigree.lock_version(doc jsonb, OUT model_id bigint, OUT name text,
    OUT generation bigint, OUT deleted_at timestamptz, OUT at timestamptz, OUT state text,
    OUT digest text)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT m.model_id, m.name, m.generation, m.deleted_at
    INTO lock_version.model_id, lock_version.name, lock_version.generation, lock_version.deleted_at
    FROM pedigree.registered_model m
    WHERE m.name_key = doc ->> 'name_key' AND m.name = doc ->> 'name'
    FOR NO KEY UPDATE;
    lock_version.at := pedigree.time_of_change(lock_version.name);
    SELECT v.state, v.digest INTO lock_version.state, lock_version.digest
    FROM pedigree.model_version v
    WHERE v.model_id = lock_version.model_id AND v.version = (doc ->> 'number')::integer
        AND v.deleted_at IS NULL AND lock_version.deleted_at IS NULL;
END
$$;

-- The holes of the events of a change of a version's state, and what fills them.
CREATE FUNCTION pedigree.record_state_events(doc jsonb, of_model text, at timestamptz,
    generation bigint, voided integer[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    hole text := doc ->> 'hole';
    actor jsonb := pedigree.acting_in_event();
BEGIN
    PERFORM pedigree.record_filled_events(
        doc -> 'events',
        ARRAY[
            format('"%sversion"', hole), hole || 'time', format('"%sgeneration"', hole),
            format('"%svoided"', hole), format('"%sactor"', hole)
        ],
        ARRAY[
            doc ->> 'number', pedigree.time_in_json(at), generation::text,
            array_to_json(voided)::text,
            format('{"name":%s,"source":%s}', to_json(actor ->> 'name'), to_json(actor ->> 'source'))
        ],
        of_model, (doc ->> 'number')::integer, at
    );
END
$$;

-- Give a version its bytes. A digest is final: what was decided before knew no bytes, and is void.
CREATE FUNCTION pedigree.seal_version(doc jsonb, manifest bytea) RETURNS jsonb
LANGUAGE plpgsql
SET plan_cache_mode TO 'force_generic_plan' SET lock_timeout TO '10s' SET enable_seqscan TO 'off' AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
    given text := doc #>> '{artifact,digest}';
    locked record;
    missing text[];
    voided integer[];
BEGIN
    IF doc ? 'nodes' THEN
        -- Before the model's lock, in the same order as the creation of a quarantine.
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('pedigree.quarantine', 0));
    END IF;
    missing := pedigree.take_blobs(doc);
    IF cardinality(missing) > 0 THEN
        RETURN jsonb_build_object('refused', 'missing', 'digests', missing);
    END IF;
    SELECT l.* INTO locked FROM pedigree.lock_version(doc) AS l;
    IF locked.state IS NULL THEN
        RETURN '{"refused": "unknown"}';
    ELSIF locked.state = 'sealed' THEN
        RETURN jsonb_build_object('refused', 'sealed', 'digest', locked.digest);
    END IF;
    IF doc ? 'nodes' AND pedigree.has_open_quarantines() AND ARRAY(
        SELECT q.quarantine_id FROM pedigree.quarantines_of_nodes(
            doc -> 'nodes', locked.model_id, (doc ->> 'number')::integer
        ) q
    ) IS DISTINCT FROM ARRAY(SELECT jsonb_array_elements_text(doc -> 'quarantines')::bigint) THEN
        RETURN '{"refused": "stale"}';
    END IF;
    PERFORM pedigree.keep_artifact(doc, manifest);
    voided := pedigree.void_approvals(locked.model_id);
    UPDATE pedigree.registered_model m SET generation = m.generation + 1
    WHERE m.model_id = locked.model_id
    RETURNING m.generation INTO locked.generation;
    UPDATE pedigree.model_version v SET
        digest = given, copy = pedigree.next_copy(locked.model_id, given), state = 'sealed',
        state_reason = NULL, flavor = doc ->> 'flavor',
        signature = nullif(doc -> 'signature', 'null')
    WHERE v.model_id = locked.model_id AND v.version = (doc ->> 'number')::integer;
    PERFORM pedigree.add_to_statistic(logical_bytes => (doc #>> '{artifact,size}')::bigint);
    PERFORM pedigree.record_state_events(doc, locked.name, locked.at, locked.generation, voided);
    PERFORM pedigree.keep_version(
        doc, locked.model_id, (doc ->> 'number')::integer, locked.at, actor ->> 'name',
        actor ->> 'source'
    );
    IF doc ? 'training' THEN
        PERFORM pedigree.add_training(doc, locked.model_id, (doc ->> 'number')::integer, locked.at,
            actor ->> 'name', actor ->> 'source');
    END IF;
    IF doc ? 'judged' THEN
        PERFORM pedigree.add_judgement(doc -> 'judged', locked.model_id,
            (doc ->> 'number')::integer, locked.at, actor ->> 'name');
    END IF;
    IF doc ? 'judge_later' THEN
        INSERT INTO pedigree.unjudged (model_id, version, due_at)
        VALUES (locked.model_id, (doc ->> 'number')::integer,
            clock_timestamp() + (doc ->> 'judge_later')::interval)
        ON CONFLICT (model_id, version) DO UPDATE SET due_at = excluded.due_at, failures = 0;
    END IF;
    RETURN jsonb_build_object('at', locked.at, 'generation', locked.generation);
END
$$;

-- Say that a pending version will have no bytes. It keeps its number.
CREATE FUNCTION pedigree.fail_version(doc jsonb) RETURNS jsonb
LANGUAGE plpgsql SET lock_timeout TO '10s' SET enable_seqscan TO 'off' AS $$
DECLARE
    locked record;
BEGIN
    SELECT l.* INTO locked FROM pedigree.lock_version(doc) AS l;
    IF locked.state IS NULL THEN
        RETURN '{"refused": "unknown"}';
    ELSIF locked.state <> 'pending' THEN
        RETURN jsonb_build_object('refused', locked.state);
    END IF;
    UPDATE pedigree.model_version v SET state = 'failed', state_reason = doc ->> 'reason'
    WHERE v.model_id = locked.model_id AND v.version = (doc ->> 'number')::integer;
    PERFORM pedigree.record_state_events(doc, locked.name, locked.at, locked.generation, '{}');
    RETURN jsonb_build_object('at', locked.at);
END
$$;
