-- What the migrations make, written by tests/postgres/test_schema.py. Do not edit.

CREATE SCHEMA pedigree;

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA pedigree;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE TYPE pedigree.certainty AS ENUM (
    'unknown',
    'possible',
    'proved',
    'read'
);

CREATE FUNCTION pedigree.age_of_event(canonical bytea) RETURNS double precision
    LANGUAGE sql
    AS $$
    SELECT greatest(0, extract(epoch FROM clock_timestamp()
        - (convert_from(canonical, 'UTF8')::json ->> 'at')::timestamptz)::float8)
$$;

CREATE FUNCTION pedigree.count_events() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO pedigree.event_count AS known (type, detail, count)
    SELECT event.type, pedigree.event_detail(event.type, event.canonical), count(*)
    FROM added JOIN pedigree.event USING (id)
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (type, detail) DO UPDATE SET count = known.count + excluded.count;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.count_policy_revision() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.policy_revision := OLD.policy_revision + 1;
    NEW.policy_since := clock_timestamp();
    RETURN NEW;
END
$$;

CREATE FUNCTION pedigree.event_detail(type text, canonical bytea) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT coalesce(
        CASE type
            WHEN 'version.stage_changed' THEN convert_from(canonical, 'UTF8')::json #>> '{body,to}'
            WHEN 'version.check_recorded' THEN
                (convert_from(canonical, 'UTF8')::json #>> '{body,check}') || ':'
                || (convert_from(canonical, 'UTF8')::json #>> '{body,passed}')
        END,
        ''
    )
$$;

CREATE FUNCTION pedigree.find_holder(wanted_key text, wanted_stage text) RETURNS TABLE(model_name text, version integer, record text, signature text, verification text, generation bigint)
    LANGUAGE plpgsql STABLE ROWS 1
    AS $$
BEGIN
    RETURN QUERY
    SELECT m.name, r.version, r.record::text, r.signature, r.verification::text, m.generation
    FROM pedigree.registered_model m
    CROSS JOIN LATERAL (
        SELECT t.version FROM pedigree.tenure t
        WHERE t.model_id = m.model_id AND t.pointer = 'stage' AND t.name = wanted_stage
            AND t.held_until IS NULL
        ORDER BY t.tenure_id DESC LIMIT 1
    ) AS held
    JOIN pedigree.search_record r ON r.model_id = m.model_id AND r.version = held.version
    WHERE m.name_key = wanted_key AND m.deleted_at IS NULL;
END
$$;

CREATE FUNCTION pedigree.find_token(wanted_hash bytea) RETURNS TABLE(token text)
    LANGUAGE plpgsql STABLE ROWS 1
    AS $$
BEGIN
    RETURN QUERY
    SELECT to_json(valid)::text FROM (
        SELECT t.token_id, t.principal, t.roles, t.models, t.created_at, t.created_by,
            t.expires_at, t.revoked_at, t.revoked_by
        FROM pedigree.access_token t
        WHERE t.secret_hash = wanted_hash AND t.revoked_at IS NULL
            AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
    ) AS valid;
END
$$;

CREATE FUNCTION pedigree.find_versions(wanted_key text, wanted_version integer, wanted_pointer text) RETURNS TABLE(model_name text, version integer, record text, signature text, verification text, generation bigint)
    LANGUAGE plpgsql STABLE ROWS 1
    AS $$
BEGIN
    IF wanted_version IS NOT NULL THEN
        RETURN QUERY
        SELECT m.name, r.version, r.record::text, r.signature, r.verification::text, m.generation
        FROM pedigree.registered_model m
        JOIN pedigree.search_record r USING (model_id)
        WHERE m.name_key = wanted_key AND r.version = wanted_version AND m.deleted_at IS NULL;
    ELSIF wanted_pointer = 'latest' THEN
        RETURN QUERY
        SELECT m.name, r.version, r.record::text, r.signature, r.verification::text, m.generation
        FROM pedigree.registered_model m
        CROSS JOIN LATERAL (
            SELECT * FROM pedigree.search_record s
            WHERE s.model_id = m.model_id
            ORDER BY s.version DESC LIMIT 1
        ) AS r
        WHERE m.name_key = wanted_key AND m.deleted_at IS NULL;
    ELSE
        RETURN QUERY
        SELECT m.name, r.version, r.record::text, r.signature, r.verification::text, m.generation
        FROM pedigree.registered_model m
        CROSS JOIN LATERAL (
            SELECT t.version FROM pedigree.tenure t
            WHERE t.model_id = m.model_id AND t.name = wanted_pointer AND t.held_until IS NULL
            ORDER BY t.pointer DESC, t.version DESC LIMIT 2
        ) AS held
        JOIN pedigree.search_record r ON r.model_id = m.model_id AND r.version = held.version
        WHERE m.name_key = wanted_key AND m.deleted_at IS NULL
        ORDER BY r.version DESC;
    END IF;
END
$$;

CREATE FUNCTION pedigree.forget_search(models bigint[], versions integer[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.judge_pointer_name() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
BEGIN
    IF EXISTS (
        SELECT FROM pedigree.tenure t
        WHERE t.model_id = NEW.model_id AND t.pointer = NEW.pointer AND t.name = NEW.name
    ) THEN
        RETURN NEW;
    END IF;
    -- Compared as ASCII: what is the same letter beyond it depends on the server's locale.
    IF NEW.name ~ '[\s/\\:@%#.]' OR length(NEW.name) NOT BETWEEN 1 AND 255
        OR NEW.name ~ '^[vV]?[0-9]+$' OR lower(NEW.name COLLATE "C") IN ('latest', 'none')
    THEN
        RAISE EXCEPTION 'no stage and no alias may be called %', quote_literal(NEW.name)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tenure_name';
    END IF;
    IF EXISTS (
        SELECT FROM pedigree.tenure t
        WHERE t.model_id = NEW.model_id AND t.name = NEW.name AND t.pointer <> NEW.pointer
            AND t.held_until IS NULL
    ) THEN
        RAISE EXCEPTION '% is a stage and would be an alias, or the reverse', quote_literal(NEW.name)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tenure_names_apart';
    END IF;
    RETURN NEW;
END
$_$;

CREATE FUNCTION pedigree.lineage_certainty(said pedigree.certainty, kind text) RETURNS pedigree.certainty
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT coalesce(
        said, (CASE kind WHEN 'missing' THEN 'unknown' ELSE 'possible' END)::pedigree.certainty
    )
$$;

CREATE FUNCTION pedigree.month_of(at timestamp with time zone) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT (
        12 * date_part('year', at AT TIME ZONE 'UTC') + date_part('month', at AT TIME ZONE 'UTC')
    )::integer
$$;

CREATE FUNCTION pedigree.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;

CREATE FUNCTION pedigree.renew_search(models bigint[], versions integer[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION pedigree.renew_search_record(models bigint[], versions integer[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE pedigree.search_record t SET
        signature = source.signature, record = source.record, verification = source.verification
    FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_record_source source USING (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
END
$$;

CREATE FUNCTION pedigree.search_follows_card() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
BEGIN
    UPDATE pedigree.search_text t SET document = source.document
    FROM changed JOIN pedigree.search_text_source source USING (model_id, version)
    WHERE t.model_id = changed.model_id AND t.version = changed.version
        AND t.document IS DISTINCT FROM source.document;
    PERFORM pedigree.renew_search_record(array_agg(model_id), array_agg(version)) FROM changed;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_follows_model() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    versions integer[];
BEGIN
    SELECT array_agg(version) INTO versions
    FROM pedigree.model_version WHERE model_id = NEW.model_id;
    PERFORM pedigree.renew_search(
        array_fill(NEW.model_id, ARRAY[coalesce(cardinality(versions), 0)]), versions
    );
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_follows_name() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO pedigree.search_word
    SELECT DISTINCT source.word FROM changed
    JOIN pedigree.search_word_source source USING (model_id)
    ORDER BY source.word
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_follows_tenure() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION pedigree.search_follows_training() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    models bigint[];
    versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO models, versions
    FROM (SELECT DISTINCT model_id, version FROM changed) AS key;
    PERFORM pedigree.renew_search(models, versions);
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.search_follows_version() RETURNS trigger
    LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION pedigree.time_of_change(model_name text) RETURNS timestamp with time zone
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN greatest(clock_timestamp(), (
        SELECT e.at FROM pedigree.event e WHERE e.model = model_name ORDER BY e.id DESC LIMIT 1
    ));
END
$$;

CREATE FUNCTION pedigree.wanted_tiers(only_model bigint) RETURNS TABLE(model_id bigint, version integer, tier text, wanted text, why text)
    LANGUAGE sql STABLE
    AS $$
WITH ruled AS (
    SELECT m.model_id, (m.policy #>> '{retention,keep_production}')::integer AS keep
    FROM pedigree.registered_model m
    WHERE m.deleted_at IS NULL AND (only_model IS NULL OR m.model_id = only_model)
        AND ((m.policy #>> '{retention,keep_production}') IS NOT NULL OR EXISTS (
            SELECT FROM pedigree.model_version v
            WHERE v.model_id = m.model_id AND v.tier = 'archive'
        ))
), ordered AS (
    SELECT m.model_id, stage.value ->> 'name' AS name, stage.place
    FROM ruled
    JOIN pedigree.registered_model m ON m.model_id = ruled.model_id
    CROSS JOIN LATERAL jsonb_array_elements(coalesce(
        m.policy -> 'stages',
        '[{"name": "candidate"}, {"name": "staging"}, {"name": "production"}]'
    )) WITH ORDINALITY AS stage (value, place)
), last_tenure AS (
    SELECT DISTINCT ON (t.model_id, t.name, t.version)
        t.model_id, t.name, t.version, t.tenure_id, t.ended_by, o.place, v.quarantine_reason,
        v.approval_status
    FROM ruled
    JOIN pedigree.tenure t ON t.model_id = ruled.model_id
    JOIN pedigree.model_version v ON v.model_id = t.model_id AND v.version = t.version
    LEFT JOIN ordered o ON o.model_id = t.model_id AND o.name = t.name
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
        AND NOT EXISTS (
            SELECT FROM last_tenure further
            WHERE further.model_id = l.model_id AND further.version = l.version
                AND further.tenure_id > l.tenure_id AND further.place > l.place
        )
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
            WHEN EXISTS (
                SELECT FROM pedigree.stage_request q
                WHERE q.model_id = v.model_id AND q.version = v.version AND q.outcome IS NULL
            ) THEN 'somebody asked a stage for it'
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

CREATE FUNCTION pedigree.words_of_month(document tsvector, at timestamp with time zone) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT (
        pedigree.month_of(at)::text
        || replace(' ' || document::text, ' ''', ' ''' || pedigree.month_of(at)::text || ':')
    )::tsvector
$$;

CREATE TABLE pedigree.access_token (
    token_id bigint NOT NULL,
    principal text NOT NULL,
    secret_hash bytea NOT NULL,
    roles text[] NOT NULL,
    models text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    revoked_by text,
    CONSTRAINT access_token_check CHECK (((revoked_at IS NULL) = (revoked_by IS NULL))),
    CONSTRAINT access_token_roles_check CHECK ((cardinality(roles) > 0)),
    CONSTRAINT access_token_secret_hash_check CHECK ((length(secret_hash) = 32))
);

ALTER TABLE pedigree.access_token ALTER COLUMN token_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.access_token_token_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.artifact (
    digest text NOT NULL COLLATE pg_catalog."C",
    manifest bytea NOT NULL,
    size bigint NOT NULL,
    CONSTRAINT artifact_size_check CHECK ((size >= 0))
);

CREATE TABLE pedigree.artifact_file (
    artifact_digest text NOT NULL COLLATE pg_catalog."C",
    path text NOT NULL COLLATE pg_catalog."C",
    blob_digest text NOT NULL COLLATE pg_catalog."C"
);

CREATE TABLE pedigree.asset_event (
    instance_id text NOT NULL,
    storage_id bigint NOT NULL,
    asset text NOT NULL COLLATE pg_catalog."C",
    partition text COLLATE pg_catalog."C",
    kind text NOT NULL,
    run_id text,
    step_key text,
    data_version text,
    code_version text,
    at timestamp with time zone NOT NULL,
    tags jsonb NOT NULL,
    reads jsonb,
    CONSTRAINT asset_event_kind_check CHECK ((kind = ANY (ARRAY['materialization'::text, 'observation'::text])))
);

CREATE TABLE pedigree.awaited (
    training_id uuid NOT NULL,
    instance_id text NOT NULL COLLATE pg_catalog."C",
    since timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.blob (
    digest text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    tier text DEFAULT 'standard'::text NOT NULL,
    CONSTRAINT blob_size_check CHECK ((size >= 0)),
    CONSTRAINT blob_tier_known CHECK ((tier = ANY (ARRAY['standard'::text, 'archive'::text])))
);

CREATE TABLE pedigree.candidacy (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    stage text NOT NULL COLLATE pg_catalog."C",
    waits_for text[] NOT NULL,
    evaluated_at timestamp with time zone NOT NULL,
    next_evaluation_at timestamp with time zone
);

CREATE TABLE pedigree.card_follower (
    is_only boolean DEFAULT true NOT NULL,
    seq bigint NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    lease uuid,
    lease_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT card_follower_is_only_check CHECK (is_only)
);

CREATE TABLE pedigree.check_run (
    model_id bigint NOT NULL,
    instance_id text NOT NULL COLLATE pg_catalog."C",
    event_id bigint NOT NULL,
    check_name text NOT NULL COLLATE pg_catalog."C",
    version integer,
    problem text,
    run_id text,
    looked_at timestamp with time zone NOT NULL,
    CONSTRAINT check_run_check CHECK (((version IS NULL) = (problem IS NOT NULL)))
);

CREATE TABLE pedigree.dagster_instance (
    instance_id text NOT NULL COLLATE pg_catalog."C",
    seen_at timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.data_profile (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    profile jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.data_verdict (
    data_verdict_id bigint NOT NULL,
    asset text NOT NULL COLLATE pg_catalog."C",
    partition text COLLATE pg_catalog."C",
    storage_id bigint,
    materialized_by text,
    data_version text COLLATE pg_catalog."C",
    check_name text NOT NULL COLLATE pg_catalog."C",
    passed boolean NOT NULL,
    severity text NOT NULL,
    summary text NOT NULL,
    details jsonb NOT NULL,
    run_id text,
    at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    CONSTRAINT data_verdict_severity_check CHECK ((severity = ANY (ARRAY['error'::text, 'warn'::text])))
);

ALTER TABLE pedigree.data_verdict ALTER COLUMN data_verdict_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.data_verdict_data_verdict_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.datasheet (
    asset text NOT NULL COLLATE pg_catalog."C",
    revision integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    sheet jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    CONSTRAINT datasheet_revision_check CHECK ((revision >= 1))
);

CREATE TABLE pedigree.decision (
    decision_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    author text NOT NULL,
    from_stage text NOT NULL COLLATE pg_catalog."C",
    to_stage text NOT NULL COLLATE pg_catalog."C",
    generation bigint NOT NULL,
    approved boolean NOT NULL,
    comment text NOT NULL,
    decided_by text NOT NULL,
    decided_by_source text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT decision_not_by_author CHECK ((lower(decided_by) <> lower(author)))
);

ALTER TABLE pedigree.decision ALTER COLUMN decision_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.decision_decision_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.drift_result (
    drift_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    asset text NOT NULL,
    partition text NOT NULL COLLATE pg_catalog."C",
    drifted boolean NOT NULL,
    result jsonb NOT NULL,
    profile jsonb NOT NULL,
    html text NOT NULL COLLATE pg_catalog."C",
    markdown text NOT NULL COLLATE pg_catalog."C",
    recorded_at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    alerted_at timestamp with time zone
);

CREATE TABLE pedigree.model_card (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    revision integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    markdown text NOT NULL,
    notes jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    event_id bigint DEFAULT 0 NOT NULL,
    CONSTRAINT model_card_revision_check CHECK ((revision >= 1))
);

CREATE VIEW pedigree.document AS
 SELECT model_card.digest,
    model_card.model_id,
    model_card.version
   FROM pedigree.model_card
UNION ALL
 SELECT drift_result.html AS digest,
    drift_result.model_id,
    drift_result.version
   FROM pedigree.drift_result
UNION ALL
 SELECT drift_result.markdown AS digest,
    drift_result.model_id,
    drift_result.version
   FROM pedigree.drift_result;

ALTER TABLE pedigree.drift_result ALTER COLUMN drift_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.drift_result_drift_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.environment (
    hash text NOT NULL COLLATE pg_catalog."C",
    packages text[] NOT NULL
);

CREATE TABLE pedigree.evaluation (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    revision integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    evaluation jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    CONSTRAINT evaluation_revision_check CHECK ((revision >= 1))
);

CREATE TABLE pedigree.event (
    id bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL COLLATE pg_catalog."C",
    model text COLLATE pg_catalog."C",
    version integer,
    canonical bytea NOT NULL,
    leaf bytea NOT NULL,
    at timestamp with time zone,
    CONSTRAINT event_leaf_check CHECK ((length(leaf) = 32))
);

CREATE TABLE pedigree.event_count (
    type text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL
);

ALTER TABLE pedigree.event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.failure (
    work text NOT NULL,
    member text NOT NULL,
    model text,
    problem text NOT NULL,
    attempts integer DEFAULT 1 NOT NULL,
    failed_since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    failed_last timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    next_at timestamp with time zone NOT NULL,
    CONSTRAINT failure_attempts_check CHECK ((attempts > 0))
);

CREATE TABLE pedigree.feed (
    seq bigint NOT NULL,
    id bigint NOT NULL
);

CREATE TABLE pedigree.given_up_promotion (
    given_up_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    stage text NOT NULL COLLATE pg_catalog."C",
    generation bigint NOT NULL,
    policy_revision integer NOT NULL,
    evidence_at timestamp with time zone,
    attempts integer NOT NULL,
    run_id text NOT NULL,
    problem text NOT NULL,
    at timestamp with time zone NOT NULL,
    retried_at timestamp with time zone,
    retried_by text,
    CONSTRAINT given_up_promotion_attempts_check CHECK ((attempts > 0)),
    CONSTRAINT given_up_promotion_check CHECK (((retried_at IS NULL) = (retried_by IS NULL)))
);

ALTER TABLE pedigree.given_up_promotion ALTER COLUMN given_up_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.given_up_promotion_given_up_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.kept_answer (
    principal text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    answered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE pedigree.lineage_edge (
    training_id uuid NOT NULL,
    consumer integer NOT NULL,
    source integer NOT NULL,
    capture text NOT NULL,
    certainty pedigree.certainty,
    CONSTRAINT lineage_edge_capture_check CHECK ((capture = ANY (ARRAY['read'::text, 'declared'::text, 'provenance'::text]))),
    CONSTRAINT lineage_edge_check CHECK (((capture <> 'declared'::text) OR (certainty = ANY (ARRAY['unknown'::pedigree.certainty, 'possible'::pedigree.certainty]))))
);

CREATE TABLE pedigree.lineage_node (
    training_id uuid NOT NULL,
    node_id integer NOT NULL,
    kind text NOT NULL,
    asset text NOT NULL COLLATE pg_catalog."C",
    partition text COLLATE pg_catalog."C",
    storage_id bigint,
    run_id text,
    data_version text,
    code_version text,
    at timestamp with time zone,
    certainty pedigree.certainty,
    upstream text[] COLLATE pg_catalog."C",
    CONSTRAINT lineage_node_kind_check CHECK ((kind = ANY (ARRAY['step'::text, 'materialization'::text, 'observation'::text, 'external'::text, 'missing'::text])))
);

CREATE TABLE pedigree.migration (
    number integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    checksum text NOT NULL COLLATE pg_catalog."C",
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE pedigree.registered_model (
    model_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    name_key text NOT NULL COLLATE pg_catalog."C",
    next_version integer DEFAULT 1 NOT NULL,
    generation bigint DEFAULT 0 NOT NULL,
    description text,
    owners text[] DEFAULT '{}'::text[] NOT NULL,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    policy jsonb,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    deleted_at timestamp with time zone,
    policy_revision integer DEFAULT 0 NOT NULL,
    policy_since timestamp with time zone
);

CREATE TABLE pedigree.tenure (
    tenure_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    pointer text NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    exclusive boolean NOT NULL,
    held_since timestamp with time zone NOT NULL,
    held_until timestamp with time zone,
    moved_by text NOT NULL,
    reason text,
    ended_by text,
    CONSTRAINT tenure_check CHECK (((held_until IS NULL) = (ended_by IS NULL))),
    CONSTRAINT tenure_check1 CHECK ((held_until >= held_since)),
    CONSTRAINT tenure_ended_by_check CHECK ((ended_by = ANY (ARRAY['promotion'::text, 'rollback'::text, 'move'::text, 'deletion'::text]))),
    CONSTRAINT tenure_pointer_check CHECK ((pointer = ANY (ARRAY['stage'::text, 'alias'::text])))
);

CREATE VIEW pedigree.model_record AS
 SELECT m.name,
    m.name_key,
    m.description,
    m.owners,
    m.tags,
    m.created_by,
    m.created_at,
    m.generation,
    (m.next_version - 1) AS latest_version,
    held.stages,
    held.aliases
   FROM (pedigree.registered_model m
     CROSS JOIN LATERAL ( WITH RECURSIVE held_pointer(name, pointer) AS (
                ( SELECT t.name,
                    t.pointer
                   FROM pedigree.tenure t
                  WHERE ((t.model_id = m.model_id) AND (t.held_until IS NULL))
                  ORDER BY t.name, t.pointer
                 LIMIT 1)
                UNION ALL
                 SELECT further.name,
                    further.pointer
                   FROM (held_pointer h
                     CROSS JOIN LATERAL ( SELECT t.name,
                            t.pointer
                           FROM pedigree.tenure t
                          WHERE ((t.model_id = m.model_id) AND (t.held_until IS NULL) AND (ROW(t.name, t.pointer) > ROW(h.name, h.pointer)))
                          ORDER BY t.name, t.pointer
                         LIMIT 1) further)
                ), holders AS (
                 SELECT h.name,
                    h.pointer,
                    ( SELECT jsonb_agg(newest.version ORDER BY newest.version) AS jsonb_agg
                           FROM ( SELECT t.version
                                   FROM pedigree.tenure t
                                  WHERE ((t.model_id = m.model_id) AND (t.held_until IS NULL) AND (t.name = h.name) AND (t.pointer = h.pointer))
                                  ORDER BY t.version DESC
                                 LIMIT 20) newest) AS versions
                   FROM held_pointer h
                )
         SELECT COALESCE(jsonb_object_agg(holders.name, holders.versions) FILTER (WHERE (holders.pointer = 'stage'::text)), '{}'::jsonb) AS stages,
            COALESCE(jsonb_object_agg(holders.name, (holders.versions -> 0)) FILTER (WHERE (holders.pointer = 'alias'::text)), '{}'::jsonb) AS aliases
           FROM holders) held)
  WHERE (m.deleted_at IS NULL);

CREATE TABLE pedigree.model_version (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    copy integer DEFAULT 0 NOT NULL,
    flavor text NOT NULL,
    signature jsonb NOT NULL,
    description text,
    owners text[] DEFAULT '{}'::text[] NOT NULL,
    tags jsonb DEFAULT '{}'::jsonb NOT NULL,
    approval_status text DEFAULT 'none'::text NOT NULL,
    approval_notes text,
    approved_by text,
    approval_timestamp timestamp with time zone,
    risk_class text,
    risk_assessment_id text,
    drift_monitor_id text,
    datasheet_uri text,
    quarantine_reason text,
    hold_reason text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    created_by_source text NOT NULL,
    deleted_at timestamp with time zone,
    collected_at timestamp with time zone,
    tier text DEFAULT 'standard'::text NOT NULL,
    approval_stage text,
    CONSTRAINT model_version_approval_status_check CHECK ((approval_status = ANY (ARRAY['none'::text, 'pending'::text, 'approved'::text, 'rejected'::text]))),
    CONSTRAINT model_version_collected_deleted CHECK (((collected_at IS NULL) OR (deleted_at IS NOT NULL))),
    CONSTRAINT model_version_risk_class_check CHECK ((risk_class = ANY (ARRAY['minimal'::text, 'limited'::text, 'high'::text, 'unacceptable'::text]))),
    CONSTRAINT model_version_tier_known CHECK ((tier = ANY (ARRAY['standard'::text, 'archive'::text]))),
    CONSTRAINT model_version_version_check CHECK ((version >= 1))
);

CREATE TABLE pedigree.orphan (
    key text NOT NULL COLLATE pg_catalog."C",
    orphaned_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    removable_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.quarantine (
    quarantine_id bigint NOT NULL,
    asset text COLLATE pg_catalog."C",
    partition text COLLATE pg_catalog."C",
    since timestamp with time zone,
    reason text NOT NULL,
    at timestamp with time zone NOT NULL,
    quarantined_by text NOT NULL,
    released_at timestamp with time zone,
    released_by text,
    only_certain boolean DEFAULT false NOT NULL,
    CONSTRAINT quarantine_check CHECK (((asset IS NOT NULL) OR ((partition IS NULL) AND (since IS NULL)))),
    CONSTRAINT quarantine_check1 CHECK (((released_at IS NULL) = (released_by IS NULL)))
);

CREATE TABLE pedigree.quarantine_mark (
    quarantine_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    released_at timestamp with time zone,
    certainty pedigree.certainty
);

ALTER TABLE pedigree.quarantine ALTER COLUMN quarantine_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.quarantine_quarantine_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE pedigree.registered_model ALTER COLUMN model_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.registered_model_model_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.search_metric (
    key text NOT NULL COLLATE pg_catalog."C",
    value double precision NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL
);

CREATE TABLE pedigree.search_version (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    training_id uuid NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL COLLATE pg_catalog."C",
    flavor text NOT NULL COLLATE pg_catalog."C",
    stage text NOT NULL COLLATE pg_catalog."C",
    aliases text[] NOT NULL COLLATE pg_catalog."C",
    owners text[] NOT NULL COLLATE pg_catalog."C",
    git_commit text NOT NULL COLLATE pg_catalog."C",
    run_id text NOT NULL COLLATE pg_catalog."C",
    tags jsonb NOT NULL,
    metrics jsonb NOT NULL,
    params jsonb NOT NULL
);

CREATE VIEW pedigree.search_metric_source AS
 SELECT metric.key,
    (metric.value)::double precision AS value,
    s.model_id,
    s.version
   FROM (pedigree.search_version s
     CROSS JOIN LATERAL jsonb_each_text(s.metrics) metric(key, value))
  WHERE (length(metric.key) <= 256);

CREATE VIEW pedigree.search_month AS
 SELECT generate_series(pedigree.month_of(max(created_at)), pedigree.month_of(min(created_at)), '-1'::integer) AS month
   FROM pedigree.search_version;

CREATE TABLE pedigree.search_record (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    signature text NOT NULL,
    record json NOT NULL,
    verification jsonb DEFAULT '{"reason": "it was registered by a Pedigree that did not verify", "spread": null, "status": "not possible"}'::jsonb NOT NULL
);

CREATE TABLE pedigree.training (
    training_id uuid NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    run_id text NOT NULL,
    instance_id text,
    job_name text,
    step_key text,
    asset text,
    partition text,
    git_commit text NOT NULL,
    git_dirty boolean NOT NULL,
    git_source text NOT NULL,
    code_version text,
    training_data_digest text,
    training_data_version text,
    validation_dataset_id text,
    environment_hash text COLLATE pg_catalog."C",
    ci_build text,
    metrics jsonb NOT NULL,
    params jsonb NOT NULL,
    raced boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    created_by_source text NOT NULL,
    config jsonb,
    lineage_recorded boolean DEFAULT false NOT NULL,
    verification jsonb DEFAULT '{"reason": "it was registered by a Pedigree that did not verify", "spread": null, "status": "not possible"}'::jsonb NOT NULL,
    description text,
    owners text[],
    tags jsonb,
    risk_class text,
    risk_assessment_id text,
    drift_monitor_id text,
    datasheet_uri text,
    restated integer DEFAULT 0 NOT NULL,
    CONSTRAINT training_verification_known CHECK ((((verification ->> 'status'::text) = ANY (ARRAY['verified'::text, 'skipped'::text, 'not possible'::text])) AND (((verification ->> 'status'::text) <> 'not possible'::text) OR ((verification ->> 'reason'::text) <> ''::text))))
);

CREATE VIEW pedigree.version_record AS
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
    first.metrics,
    first.params,
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
         LIMIT 1) AS model_card_digest
   FROM (((pedigree.model_version v
     JOIN pedigree.registered_model m USING (model_id))
     CROSS JOIN LATERAL ( SELECT t.training_id,
            t.model_id,
            t.version,
            t.run_id,
            t.instance_id,
            t.job_name,
            t.step_key,
            t.asset,
            t.partition,
            t.git_commit,
            t.git_dirty,
            t.git_source,
            t.code_version,
            t.training_data_digest,
            t.training_data_version,
            t.validation_dataset_id,
            t.environment_hash,
            t.ci_build,
            t.metrics,
            t.params,
            t.raced,
            t.created_at,
            t.created_by,
            t.created_by_source
           FROM pedigree.training t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version))
          ORDER BY t.created_at, t.training_id
         LIMIT 1) first)
     LEFT JOIN pedigree.tenure stage ON (((stage.model_id = v.model_id) AND (stage.version = v.version) AND (stage.pointer = 'stage'::text) AND (stage.held_until IS NULL))))
  WHERE ((v.deleted_at IS NULL) AND (m.deleted_at IS NULL));

CREATE VIEW pedigree.version_in_full AS
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
    ( SELECT t.verification
           FROM pedigree.training t
          WHERE ((t.model_id = r.model_id) AND (t.version = r.version_id))
          ORDER BY ((t.verification ->> 'status'::text) <> 'verified'::text), t.created_at, t.training_id
         LIMIT 1) AS verification
   FROM pedigree.version_record r;

CREATE VIEW pedigree.search_record_source AS
 SELECT model_id,
    version_id AS version,
    (signature)::text AS signature,
    ( SELECT to_json(shown.*) AS to_json
           FROM ( SELECT r.model_name,
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
                    to_char((r.approval_timestamp AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'::text) AS approval_timestamp,
                    r.risk_class,
                    r.risk_assessment_id,
                    r.drift_monitor_id,
                    r.datasheet_uri,
                    r.quarantine_reason,
                    r.hold_reason,
                    to_char((r.created_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'::text) AS created_at,
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
                    to_char((r.stage_since AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'::text) AS stage_since,
                    r.aliases,
                    r.model_card_digest) shown) AS record,
    verification
   FROM pedigree.version_in_full r;

CREATE VIEW pedigree.search_source AS
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
    first.metrics,
    first.params
   FROM (((pedigree.model_version v
     JOIN pedigree.registered_model m USING (model_id))
     JOIN LATERAL ( SELECT t.training_id,
            t.model_id,
            t.version,
            t.run_id,
            t.instance_id,
            t.job_name,
            t.step_key,
            t.asset,
            t.partition,
            t.git_commit,
            t.git_dirty,
            t.git_source,
            t.code_version,
            t.training_data_digest,
            t.training_data_version,
            t.validation_dataset_id,
            t.environment_hash,
            t.ci_build,
            t.metrics,
            t.params,
            t.raced,
            t.created_at,
            t.created_by,
            t.created_by_source
           FROM pedigree.training t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version))
          ORDER BY t.created_at, t.training_id
         LIMIT 1) first ON (true))
     LEFT JOIN pedigree.tenure stage ON (((stage.model_id = v.model_id) AND (stage.version = v.version) AND (stage.pointer = 'stage'::text) AND (stage.held_until IS NULL))))
  WHERE ((v.deleted_at IS NULL) AND (m.deleted_at IS NULL));

CREATE TABLE pedigree.search_term (
    field text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL
);

CREATE VIEW pedigree.search_term_source AS
 SELECT term.field,
    term.value,
    s.created_at,
    s.model_id,
    s.version
   FROM (pedigree.search_version s
     CROSS JOIN LATERAL ( SELECT ('tags.'::text || tag.key) AS field,
            tag.value
           FROM jsonb_each_text(s.tags) tag(key, value)
        UNION ALL
         SELECT DISTINCT 'owner'::text,
            owner.owner
           FROM unnest(s.owners) owner(owner)
        UNION ALL
         SELECT 'alias'::text,
            alias.alias
           FROM unnest(s.aliases) alias(alias)
        UNION ALL
         SELECT 'created_by'::text,
            s.created_by) term)
  WHERE ((length(term.field) <= 256) AND (length(term.value) <= 256));

CREATE TABLE pedigree.search_text (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    document tsvector NOT NULL
);

CREATE VIEW pedigree.search_text_source AS
 SELECT s.model_id,
    s.version,
    s.created_at,
    (((setweight(to_tsvector('english'::regconfig, translate(s.name, '_-.'::text, '   '::text)), 'A'::"char") || setweight(to_tsvector('english'::regconfig, COALESCE("left"(v.description, 20000), ''::text)), 'B'::"char")) || setweight(to_tsvector('english'::regconfig, COALESCE("left"(tag.words, 20000), ''::text)), 'C'::"char")) || setweight(to_tsvector('english'::regconfig, COALESCE("left"(card.words, 100000), ''::text)), 'D'::"char")) AS document
   FROM (((pedigree.search_version s
     JOIN pedigree.model_version v USING (model_id, version))
     CROSS JOIN LATERAL ( SELECT string_agg(((jsonb_each_text.key || ' '::text) || jsonb_each_text.value), ' '::text ORDER BY jsonb_each_text.key) AS words
           FROM jsonb_each_text(s.tags) jsonb_each_text(key, value)) tag)
     LEFT JOIN LATERAL ( SELECT string_agg((note.value #>> '{}'::text[]), ' '::text ORDER BY note.place) AS words
           FROM (( SELECT c.notes
                   FROM pedigree.model_card c
                  WHERE ((c.model_id = s.model_id) AND (c.version = s.version))
                  ORDER BY c.revision DESC
                 LIMIT 1) newest
             CROSS JOIN LATERAL jsonb_path_query(newest.notes, 'strict $.**'::jsonpath) WITH ORDINALITY note(value, place))
          WHERE (jsonb_typeof(note.value) = 'string'::text)) card ON (true));

CREATE TABLE pedigree.search_word (
    word text NOT NULL COLLATE pg_catalog."C"
);

CREATE VIEW pedigree.search_word_source AS
 SELECT m.model_id,
    word.word
   FROM (pedigree.registered_model m
     CROSS JOIN LATERAL regexp_split_to_table(lower(m.name), '[^[:alnum:]]+'::text) word(word))
  WHERE (word.word <> ''::text);

CREATE TABLE pedigree.sink (
    name text NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    lease uuid,
    lease_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.stage_request (
    request_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    from_stage text NOT NULL COLLATE pg_catalog."C",
    stage text NOT NULL COLLATE pg_catalog."C",
    reason text,
    only_asks boolean NOT NULL,
    requested_by text NOT NULL,
    requested_by_source text NOT NULL,
    at timestamp with time zone NOT NULL,
    outcome text,
    closed_at timestamp with time zone,
    closed_by text,
    waits_for text[] NOT NULL,
    next_evaluation_at timestamp with time zone,
    CONSTRAINT stage_request_check CHECK (((outcome IS NULL) = (closed_at IS NULL))),
    CONSTRAINT stage_request_check1 CHECK (((outcome IS NULL) = (closed_by IS NULL))),
    CONSTRAINT stage_request_outcome_check CHECK ((outcome = ANY (ARRAY['performed'::text, 'withdrawn'::text, 'rejected'::text, 'superseded'::text, 'deleted'::text])))
);

ALTER TABLE pedigree.stage_request ALTER COLUMN request_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.stage_request_request_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.staleness (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    stale boolean,
    data_behind integer NOT NULL,
    code_behind integer NOT NULL,
    seen jsonb NOT NULL,
    seen_at timestamp with time zone NOT NULL
);

ALTER TABLE pedigree.tenure ALTER COLUMN tenure_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.tenure_tenure_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.unjudged (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    due_at timestamp with time zone NOT NULL,
    failures integer DEFAULT 0 NOT NULL
);

CREATE TABLE pedigree.unsequenced (
    id bigint NOT NULL
);

CREATE TABLE pedigree.unserved_event (
    id bigint NOT NULL
);

CREATE TABLE pedigree.upload (
    upload_id uuid NOT NULL,
    digests text[] DEFAULT '{}'::text[] NOT NULL COLLATE pg_catalog."C",
    lease_until timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.upload_file (
    upload_id uuid NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    size bigint NOT NULL,
    received boolean DEFAULT false NOT NULL,
    CONSTRAINT upload_file_size_check CHECK ((size >= 0))
);

CREATE TABLE pedigree.upload_session (
    upload_id uuid NOT NULL,
    model text NOT NULL COLLATE pg_catalog."C",
    lease_until timestamp with time zone NOT NULL
);

CREATE TABLE pedigree.usage (
    usage_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    asset text NOT NULL COLLATE pg_catalog."C",
    partition text COLLATE pg_catalog."C",
    run_id text NOT NULL,
    instance_id text,
    capture text NOT NULL,
    used_at timestamp with time zone NOT NULL,
    storage_id bigint,
    data_version text,
    code_version text,
    written_at timestamp with time zone,
    settled boolean DEFAULT false NOT NULL,
    CONSTRAINT usage_capture_check CHECK ((capture = ANY (ARRAY['read'::text, 'declared'::text]))),
    CONSTRAINT usage_check CHECK (((storage_id IS NULL) = (written_at IS NULL)))
);

ALTER TABLE pedigree.usage ALTER COLUMN usage_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.usage_usage_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.verdict (
    verdict_id bigint NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    check_name text NOT NULL COLLATE pg_catalog."C",
    passed boolean NOT NULL,
    severity text NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    relative boolean NOT NULL,
    baseline_digest text COLLATE pg_catalog."C",
    summary text NOT NULL,
    details jsonb NOT NULL,
    run_id text,
    at timestamp with time zone NOT NULL,
    recorded_by text NOT NULL,
    settings jsonb,
    CONSTRAINT verdict_severity_check CHECK ((severity = ANY (ARRAY['error'::text, 'warn'::text])))
);

ALTER TABLE pedigree.verdict ALTER COLUMN verdict_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.verdict_verdict_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pedigree.webhook (
    webhook_id bigint NOT NULL,
    url text NOT NULL,
    description text,
    types text[] DEFAULT '{}'::text[] NOT NULL,
    models text[] DEFAULT '{}'::text[] NOT NULL,
    active boolean DEFAULT true NOT NULL,
    secret bytea NOT NULL,
    old_secret bytea,
    old_secret_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    seq bigint NOT NULL,
    CONSTRAINT webhook_check CHECK (((old_secret IS NULL) = (old_secret_until IS NULL)))
);

CREATE TABLE pedigree.webhook_attempt (
    lease uuid NOT NULL,
    webhook_id bigint NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    duration_ms integer NOT NULL,
    status integer,
    error text
);

CREATE TABLE pedigree.webhook_delivery (
    webhook_id bigint NOT NULL,
    seq bigint NOT NULL,
    model text NOT NULL COLLATE pg_catalog."C",
    state text DEFAULT 'pending'::text NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT webhook_delivery_check CHECK (((state = 'pending'::text) = (settled_at IS NULL))),
    CONSTRAINT webhook_delivery_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'dead'::text])))
);

CREATE TABLE pedigree.webhook_line (
    webhook_id bigint NOT NULL,
    model text NOT NULL COLLATE pg_catalog."C",
    due_at timestamp with time zone,
    lease uuid
);

ALTER TABLE pedigree.webhook ALTER COLUMN webhook_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pedigree.webhook_webhook_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY pedigree.access_token
    ADD CONSTRAINT access_token_pkey PRIMARY KEY (token_id);

ALTER TABLE pedigree.access_token
    ADD CONSTRAINT access_token_principal_not_reserved CHECK (((revoked_at IS NOT NULL) OR (lower(principal) !~ '^(sensor|service):'::text))) NOT VALID;

ALTER TABLE ONLY pedigree.access_token
    ADD CONSTRAINT access_token_secret_unique UNIQUE (secret_hash);

ALTER TABLE ONLY pedigree.artifact_file
    ADD CONSTRAINT artifact_file_pkey PRIMARY KEY (artifact_digest, path);

ALTER TABLE ONLY pedigree.artifact
    ADD CONSTRAINT artifact_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY pedigree.asset_event
    ADD CONSTRAINT asset_event_pkey PRIMARY KEY (instance_id, storage_id);

ALTER TABLE ONLY pedigree.awaited
    ADD CONSTRAINT awaited_pkey PRIMARY KEY (training_id);

ALTER TABLE ONLY pedigree.blob
    ADD CONSTRAINT blob_key_unique UNIQUE (key);

ALTER TABLE ONLY pedigree.blob
    ADD CONSTRAINT blob_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY pedigree.candidacy
    ADD CONSTRAINT candidacy_pkey PRIMARY KEY (model_id, version, stage);

ALTER TABLE ONLY pedigree.card_follower
    ADD CONSTRAINT card_follower_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY pedigree.check_run
    ADD CONSTRAINT check_run_pkey PRIMARY KEY (model_id, instance_id, event_id);

ALTER TABLE ONLY pedigree.dagster_instance
    ADD CONSTRAINT dagster_instance_pkey PRIMARY KEY (instance_id);

ALTER TABLE ONLY pedigree.data_profile
    ADD CONSTRAINT data_profile_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.data_verdict
    ADD CONSTRAINT data_verdict_pkey PRIMARY KEY (data_verdict_id);

ALTER TABLE ONLY pedigree.datasheet
    ADD CONSTRAINT datasheet_pkey PRIMARY KEY (asset, revision);

ALTER TABLE ONLY pedigree.decision
    ADD CONSTRAINT decision_pkey PRIMARY KEY (decision_id);

ALTER TABLE ONLY pedigree.drift_result
    ADD CONSTRAINT drift_result_pkey PRIMARY KEY (drift_id);

ALTER TABLE ONLY pedigree.environment
    ADD CONSTRAINT environment_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY pedigree.evaluation
    ADD CONSTRAINT evaluation_pkey PRIMARY KEY (model_id, version, revision);

ALTER TABLE ONLY pedigree.event_count
    ADD CONSTRAINT event_count_pkey PRIMARY KEY (type, detail);

ALTER TABLE ONLY pedigree.event
    ADD CONSTRAINT event_id_unique UNIQUE (event_id);

ALTER TABLE ONLY pedigree.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pedigree.failure
    ADD CONSTRAINT failure_pkey PRIMARY KEY (work, member);

ALTER TABLE ONLY pedigree.feed
    ADD CONSTRAINT feed_event_unique UNIQUE (id);

ALTER TABLE ONLY pedigree.feed
    ADD CONSTRAINT feed_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY pedigree.given_up_promotion
    ADD CONSTRAINT given_up_promotion_pkey PRIMARY KEY (given_up_id);

ALTER TABLE ONLY pedigree.kept_answer
    ADD CONSTRAINT kept_answer_pkey PRIMARY KEY (principal, key);

ALTER TABLE ONLY pedigree.lineage_edge
    ADD CONSTRAINT lineage_edge_pkey PRIMARY KEY (training_id, consumer, source);

ALTER TABLE ONLY pedigree.lineage_node
    ADD CONSTRAINT lineage_node_pkey PRIMARY KEY (training_id, node_id);

ALTER TABLE ONLY pedigree.migration
    ADD CONSTRAINT migration_name_unique UNIQUE (name);

ALTER TABLE ONLY pedigree.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (number);

ALTER TABLE ONLY pedigree.model_card
    ADD CONSTRAINT model_card_pkey PRIMARY KEY (model_id, version, revision);

ALTER TABLE ONLY pedigree.model_version
    ADD CONSTRAINT model_version_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.orphan
    ADD CONSTRAINT orphan_pkey PRIMARY KEY (key);

ALTER TABLE ONLY pedigree.quarantine_mark
    ADD CONSTRAINT quarantine_mark_pkey PRIMARY KEY (quarantine_id, model_id, version);

ALTER TABLE ONLY pedigree.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (quarantine_id);

ALTER TABLE ONLY pedigree.registered_model
    ADD CONSTRAINT registered_model_name_unique UNIQUE (name_key);

ALTER TABLE ONLY pedigree.registered_model
    ADD CONSTRAINT registered_model_pkey PRIMARY KEY (model_id);

ALTER TABLE ONLY pedigree.search_metric
    ADD CONSTRAINT search_metric_pkey PRIMARY KEY (key, value, model_id, version);

ALTER TABLE ONLY pedigree.search_record
    ADD CONSTRAINT search_record_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.search_term
    ADD CONSTRAINT search_term_pkey PRIMARY KEY (field, value, created_at, model_id, version);

ALTER TABLE ONLY pedigree.search_text
    ADD CONSTRAINT search_text_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.search_version
    ADD CONSTRAINT search_version_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.search_word
    ADD CONSTRAINT search_word_pkey PRIMARY KEY (word);

ALTER TABLE ONLY pedigree.sink
    ADD CONSTRAINT sink_pkey PRIMARY KEY (name);

ALTER TABLE ONLY pedigree.stage_request
    ADD CONSTRAINT stage_request_pkey PRIMARY KEY (request_id);

ALTER TABLE ONLY pedigree.staleness
    ADD CONSTRAINT staleness_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.tenure
    ADD CONSTRAINT tenure_pkey PRIMARY KEY (tenure_id);

ALTER TABLE ONLY pedigree.training
    ADD CONSTRAINT training_pkey PRIMARY KEY (training_id);

ALTER TABLE ONLY pedigree.unjudged
    ADD CONSTRAINT unjudged_pkey PRIMARY KEY (model_id, version);

ALTER TABLE ONLY pedigree.unsequenced
    ADD CONSTRAINT unsequenced_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pedigree.unserved_event
    ADD CONSTRAINT unserved_event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pedigree.upload_file
    ADD CONSTRAINT upload_file_pkey PRIMARY KEY (upload_id, digest);

ALTER TABLE ONLY pedigree.upload
    ADD CONSTRAINT upload_pkey PRIMARY KEY (upload_id);

ALTER TABLE ONLY pedigree.upload_session
    ADD CONSTRAINT upload_session_pkey PRIMARY KEY (upload_id);

ALTER TABLE ONLY pedigree.usage
    ADD CONSTRAINT usage_pkey PRIMARY KEY (usage_id);

ALTER TABLE ONLY pedigree.verdict
    ADD CONSTRAINT verdict_pkey PRIMARY KEY (verdict_id);

ALTER TABLE ONLY pedigree.webhook_attempt
    ADD CONSTRAINT webhook_attempt_pkey PRIMARY KEY (lease);

ALTER TABLE ONLY pedigree.webhook_delivery
    ADD CONSTRAINT webhook_delivery_pkey PRIMARY KEY (webhook_id, seq);

ALTER TABLE ONLY pedigree.webhook_line
    ADD CONSTRAINT webhook_line_pkey PRIMARY KEY (webhook_id, model);

ALTER TABLE ONLY pedigree.webhook
    ADD CONSTRAINT webhook_pkey PRIMARY KEY (webhook_id);

CREATE INDEX artifact_file_blob ON pedigree.artifact_file USING btree (blob_digest);

CREATE INDEX asset_event_asset ON pedigree.asset_event USING btree (instance_id, asset);

CREATE INDEX awaited_since ON pedigree.awaited USING btree (since);

CREATE INDEX candidacy_due ON pedigree.candidacy USING btree (next_evaluation_at) WHERE (next_evaluation_at IS NOT NULL);

CREATE INDEX check_run_newest ON pedigree.check_run USING btree (model_id, check_name, event_id DESC);

CREATE INDEX data_verdict_asset ON pedigree.data_verdict USING btree (asset, storage_id);

CREATE INDEX data_verdict_content ON pedigree.data_verdict USING btree (asset, data_version);

CREATE INDEX decision_of_version ON pedigree.decision USING btree (model_id, version, decision_id);

CREATE INDEX drift_result_html ON pedigree.drift_result USING btree (html);

CREATE INDEX drift_result_markdown ON pedigree.drift_result USING btree (markdown);

CREATE INDEX drift_result_newest ON pedigree.drift_result USING btree (model_id, version, asset, partition, drift_id);

CREATE INDEX event_of_model ON pedigree.event USING btree (model, id);

CREATE UNIQUE INDEX feed_event ON pedigree.feed USING btree (id);

CREATE UNIQUE INDEX given_up_promotion_open ON pedigree.given_up_promotion USING btree (model_id, version, stage) WHERE (retried_at IS NULL);

CREATE INDEX given_up_promotion_version ON pedigree.given_up_promotion USING btree (model_id, version);

CREATE INDEX kept_answer_age ON pedigree.kept_answer USING btree (answered_at);

CREATE INDEX lineage_node_anything ON pedigree.lineage_node USING btree (training_id) WHERE ((kind = ANY (ARRAY['step'::text, 'missing'::text])) AND (upstream IS NULL));

CREATE INDEX lineage_node_asset ON pedigree.lineage_node USING btree (asset, partition);

CREATE INDEX lineage_node_upstream ON pedigree.lineage_node USING gin (upstream) WHERE ((kind = ANY (ARRAY['step'::text, 'missing'::text])) AND (upstream <> '{}'::text[]));

CREATE INDEX model_card_blob ON pedigree.model_card USING btree (digest);

CREATE INDEX model_version_approved ON pedigree.model_version USING btree (model_id) WHERE ((approval_status = 'approved'::text) AND (approval_stage IS NOT NULL));

CREATE INDEX model_version_archive ON pedigree.model_version USING btree (model_id) WHERE (tier = 'archive'::text);

CREATE INDEX model_version_artifact ON pedigree.model_version USING btree (digest);

CREATE UNIQUE INDEX model_version_author ON pedigree.model_version USING btree (model_id, version, digest, created_by);

CREATE INDEX model_version_deleted ON pedigree.model_version USING btree (model_id, version) WHERE ((deleted_at IS NOT NULL) AND (collected_at IS NULL));

CREATE UNIQUE INDEX model_version_digest_unique ON pedigree.model_version USING btree (model_id, digest, copy) WHERE (deleted_at IS NULL);

CREATE INDEX quarantine_mark_version ON pedigree.quarantine_mark USING btree (model_id, version);

CREATE INDEX quarantine_open ON pedigree.quarantine USING btree (asset, partition) WHERE (released_at IS NULL);

CREATE INDEX registered_model_name_trigrams ON pedigree.registered_model USING gin (name pedigree.gin_trgm_ops);

CREATE INDEX search_text_words ON pedigree.search_text USING gin (pedigree.words_of_month(document, created_at));

CREATE INDEX search_version_commit ON pedigree.search_version USING hash (git_commit);

CREATE INDEX search_version_flavor ON pedigree.search_version USING btree (flavor, created_at, model_id, version);

CREATE INDEX search_version_name ON pedigree.search_version USING btree (name, version);

CREATE INDEX search_version_params ON pedigree.search_version USING gin (params jsonb_path_ops);

CREATE INDEX search_version_run ON pedigree.search_version USING hash (run_id);

CREATE INDEX search_version_stage ON pedigree.search_version USING btree (stage, created_at, model_id, version);

CREATE INDEX search_version_time ON pedigree.search_version USING btree (created_at, model_id, version);

CREATE INDEX search_word_trigrams ON pedigree.search_word USING gin (word pedigree.gin_trgm_ops);

CREATE UNIQUE INDEX stage_request_open ON pedigree.stage_request USING btree (model_id, version, stage, requested_by, only_asks) WHERE (outcome IS NULL);

CREATE INDEX stage_request_version ON pedigree.stage_request USING btree (model_id, version);

CREATE INDEX stage_request_waiting ON pedigree.stage_request USING btree (request_id) WHERE (outcome IS NULL);

CREATE INDEX staleness_stale ON pedigree.staleness USING btree (data_behind) WHERE stale;

CREATE UNIQUE INDEX tenure_exclusive ON pedigree.tenure USING btree (model_id, pointer, name) WHERE (exclusive AND (held_until IS NULL));

CREATE INDEX tenure_held ON pedigree.tenure USING btree (model_id, name, pointer, version) WHERE (held_until IS NULL);

CREATE INDEX tenure_of_model ON pedigree.tenure USING btree (model_id, tenure_id);

CREATE UNIQUE INDEX tenure_one_stage ON pedigree.tenure USING btree (model_id, version) WHERE ((pointer = 'stage'::text) AND (held_until IS NULL));

CREATE INDEX tenure_shared ON pedigree.tenure USING btree (model_id, pointer, name, COALESCE(held_until, 'infinity'::timestamp with time zone)) WHERE (NOT exclusive);

CREATE INDEX tenure_timeline ON pedigree.tenure USING btree (model_id, pointer, name, held_since);

CREATE INDEX tenure_version ON pedigree.tenure USING btree (model_id, version);

CREATE INDEX training_asset ON pedigree.training USING btree (asset, model_id) WHERE (asset IS NOT NULL);

CREATE UNIQUE INDEX training_run_unique ON pedigree.training USING btree (model_id, version, run_id, COALESCE(step_key, ''::text), restated);

CREATE INDEX training_version ON pedigree.training USING btree (model_id, version, created_at, training_id);

CREATE INDEX training_without_lineage ON pedigree.training USING btree (model_id, version, created_at) WHERE (NOT lineage_recorded);

CREATE INDEX unjudged_due ON pedigree.unjudged USING btree (due_at);

CREATE INDEX upload_file_digest ON pedigree.upload_file USING btree (digest);

CREATE INDEX upload_lease ON pedigree.upload USING btree (lease_until);

CREATE INDEX upload_session_lease ON pedigree.upload_session USING btree (lease_until);

CREATE UNIQUE INDEX usage_of_run ON pedigree.usage USING btree (model_id, version, run_id, asset, COALESCE(partition, ''::text));

CREATE INDEX usage_unsettled ON pedigree.usage USING btree (usage_id) WHERE (NOT settled);

CREATE INDEX verdict_latest ON pedigree.verdict USING btree (model_id, version, check_name, verdict_id DESC);

CREATE INDEX webhook_attempt_delivery ON pedigree.webhook_attempt USING btree (webhook_id, seq);

CREATE INDEX webhook_delivery_pending ON pedigree.webhook_delivery USING btree (webhook_id, model, seq) WHERE (state = 'pending'::text);

CREATE INDEX webhook_delivery_settled ON pedigree.webhook_delivery USING btree (settled_at) WHERE (state <> 'pending'::text);

CREATE INDEX webhook_line_due ON pedigree.webhook_line USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE TRIGGER card_written AFTER INSERT ON pedigree.model_card REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_card();

CREATE TRIGGER decision_append_only BEFORE DELETE OR UPDATE ON pedigree.decision FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.decision ENABLE ALWAYS TRIGGER decision_append_only;

CREATE TRIGGER decision_no_truncate BEFORE TRUNCATE ON pedigree.decision FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.decision ENABLE ALWAYS TRIGGER decision_no_truncate;

CREATE TRIGGER event_append_only BEFORE DELETE OR UPDATE ON pedigree.event FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.event ENABLE ALWAYS TRIGGER event_append_only;

CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON pedigree.event FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.event ENABLE ALWAYS TRIGGER event_no_truncate;

CREATE TRIGGER feed_append_only BEFORE DELETE OR UPDATE ON pedigree.feed FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.feed ENABLE ALWAYS TRIGGER feed_append_only;

CREATE TRIGGER feed_counted AFTER INSERT ON pedigree.feed REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_events();

CREATE TRIGGER feed_no_truncate BEFORE TRUNCATE ON pedigree.feed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();

ALTER TABLE pedigree.feed ENABLE ALWAYS TRIGGER feed_no_truncate;

CREATE TRIGGER model_added AFTER INSERT ON pedigree.registered_model REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_name();

CREATE TRIGGER model_changed AFTER UPDATE OF deleted_at, name ON pedigree.registered_model FOR EACH ROW WHEN (((old.deleted_at IS DISTINCT FROM new.deleted_at) OR (old.name IS DISTINCT FROM new.name))) EXECUTE FUNCTION pedigree.search_follows_model();

CREATE TRIGGER policy_changed BEFORE UPDATE OF policy ON pedigree.registered_model FOR EACH ROW WHEN ((old.policy IS DISTINCT FROM new.policy)) EXECUTE FUNCTION pedigree.count_policy_revision();

CREATE TRIGGER tenure_begun AFTER INSERT ON pedigree.tenure REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_tenure();

CREATE TRIGGER tenure_ended AFTER UPDATE ON pedigree.tenure REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_tenure();

CREATE TRIGGER tenure_named BEFORE INSERT ON pedigree.tenure FOR EACH ROW WHEN ((new.held_since >= transaction_timestamp())) EXECUTE FUNCTION pedigree.judge_pointer_name();

CREATE TRIGGER tenure_removed AFTER DELETE ON pedigree.tenure REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_tenure();

CREATE TRIGGER training_added AFTER INSERT ON pedigree.training REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_training();

CREATE TRIGGER training_changed AFTER UPDATE ON pedigree.training REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_training();

CREATE TRIGGER training_removed AFTER DELETE ON pedigree.training REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_training();

CREATE TRIGGER version_changed AFTER UPDATE ON pedigree.model_version REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_version();

ALTER TABLE ONLY pedigree.artifact_file
    ADD CONSTRAINT artifact_file_artifact_digest_fkey FOREIGN KEY (artifact_digest) REFERENCES pedigree.artifact(digest);

ALTER TABLE ONLY pedigree.artifact_file
    ADD CONSTRAINT artifact_file_blob_digest_fkey FOREIGN KEY (blob_digest) REFERENCES pedigree.blob(digest);

ALTER TABLE ONLY pedigree.awaited
    ADD CONSTRAINT awaited_training_id_fkey FOREIGN KEY (training_id) REFERENCES pedigree.training(training_id);

ALTER TABLE ONLY pedigree.candidacy
    ADD CONSTRAINT candidacy_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.check_run
    ADD CONSTRAINT check_run_model_id_fkey FOREIGN KEY (model_id) REFERENCES pedigree.registered_model(model_id);

ALTER TABLE ONLY pedigree.check_run
    ADD CONSTRAINT check_run_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.data_profile
    ADD CONSTRAINT data_profile_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.decision
    ADD CONSTRAINT decision_version FOREIGN KEY (model_id, version, digest, author) REFERENCES pedigree.model_version(model_id, version, digest, created_by);

ALTER TABLE ONLY pedigree.drift_result
    ADD CONSTRAINT drift_result_html_fkey FOREIGN KEY (html) REFERENCES pedigree.blob(digest);

ALTER TABLE ONLY pedigree.drift_result
    ADD CONSTRAINT drift_result_markdown_fkey FOREIGN KEY (markdown) REFERENCES pedigree.blob(digest);

ALTER TABLE ONLY pedigree.drift_result
    ADD CONSTRAINT drift_result_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.evaluation
    ADD CONSTRAINT evaluation_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.feed
    ADD CONSTRAINT feed_id_fkey FOREIGN KEY (id) REFERENCES pedigree.event(id);

ALTER TABLE ONLY pedigree.given_up_promotion
    ADD CONSTRAINT given_up_promotion_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.lineage_edge
    ADD CONSTRAINT lineage_edge_training_id_consumer_fkey FOREIGN KEY (training_id, consumer) REFERENCES pedigree.lineage_node(training_id, node_id);

ALTER TABLE ONLY pedigree.lineage_edge
    ADD CONSTRAINT lineage_edge_training_id_source_fkey FOREIGN KEY (training_id, source) REFERENCES pedigree.lineage_node(training_id, node_id);

ALTER TABLE ONLY pedigree.lineage_node
    ADD CONSTRAINT lineage_node_training_id_fkey FOREIGN KEY (training_id) REFERENCES pedigree.training(training_id);

ALTER TABLE ONLY pedigree.model_card
    ADD CONSTRAINT model_card_digest_fkey FOREIGN KEY (digest) REFERENCES pedigree.blob(digest);

ALTER TABLE ONLY pedigree.model_card
    ADD CONSTRAINT model_card_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.model_version
    ADD CONSTRAINT model_version_digest_fkey FOREIGN KEY (digest) REFERENCES pedigree.artifact(digest);

ALTER TABLE ONLY pedigree.model_version
    ADD CONSTRAINT model_version_model_id_fkey FOREIGN KEY (model_id) REFERENCES pedigree.registered_model(model_id);

ALTER TABLE ONLY pedigree.quarantine_mark
    ADD CONSTRAINT quarantine_mark_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.quarantine_mark
    ADD CONSTRAINT quarantine_mark_quarantine_id_fkey FOREIGN KEY (quarantine_id) REFERENCES pedigree.quarantine(quarantine_id);

ALTER TABLE ONLY pedigree.stage_request
    ADD CONSTRAINT stage_request_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.staleness
    ADD CONSTRAINT staleness_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.tenure
    ADD CONSTRAINT tenure_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.training
    ADD CONSTRAINT training_environment_hash_fkey FOREIGN KEY (environment_hash) REFERENCES pedigree.environment(hash);

ALTER TABLE ONLY pedigree.training
    ADD CONSTRAINT training_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.unjudged
    ADD CONSTRAINT unjudged_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.unsequenced
    ADD CONSTRAINT unsequenced_id_fkey FOREIGN KEY (id) REFERENCES pedigree.event(id);

ALTER TABLE ONLY pedigree.unserved_event
    ADD CONSTRAINT unserved_event_id_fkey FOREIGN KEY (id) REFERENCES pedigree.event(id);

ALTER TABLE ONLY pedigree.upload_file
    ADD CONSTRAINT upload_file_upload_id_fkey FOREIGN KEY (upload_id) REFERENCES pedigree.upload_session(upload_id) ON DELETE CASCADE;

ALTER TABLE ONLY pedigree.usage
    ADD CONSTRAINT usage_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.verdict
    ADD CONSTRAINT verdict_model_id_version_fkey FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version(model_id, version);

ALTER TABLE ONLY pedigree.webhook_attempt
    ADD CONSTRAINT webhook_attempt_webhook_id_seq_fkey FOREIGN KEY (webhook_id, seq) REFERENCES pedigree.webhook_delivery(webhook_id, seq) ON DELETE CASCADE;

ALTER TABLE ONLY pedigree.webhook_delivery
    ADD CONSTRAINT webhook_delivery_seq_fkey FOREIGN KEY (seq) REFERENCES pedigree.feed(seq);

ALTER TABLE ONLY pedigree.webhook_delivery
    ADD CONSTRAINT webhook_delivery_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES pedigree.webhook(webhook_id) ON DELETE CASCADE;

ALTER TABLE ONLY pedigree.webhook_line
    ADD CONSTRAINT webhook_line_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES pedigree.webhook(webhook_id) ON DELETE CASCADE;
