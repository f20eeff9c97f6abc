-- Overrides: a person with the right to it lets a version enter a stage past gates that it has not
-- passed. And nobody decides about a version whose bytes they trained.

CREATE TABLE pedigree.stage_override (
    override_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    digest text COLLATE "C" NOT NULL,
    author text NOT NULL,
    from_stage text COLLATE "C" NOT NULL,
    to_stage text COLLATE "C" NOT NULL,
    -- The model's generation after it. An approval of the generation before stays valid.
    generation bigint NOT NULL,
    -- The gates that were not passed, with their reasons.
    gates jsonb NOT NULL CHECK (jsonb_typeof(gates) = 'array' AND gates <> '[]'),
    reason text NOT NULL CHECK (reason <> ''),
    overridden_by text NOT NULL,
    overridden_by_source text NOT NULL,
    -- Who created the token by which they acted; NULL without a token.
    issued_by text,
    at timestamptz NOT NULL,
    CONSTRAINT override_version FOREIGN KEY (model_id, version, digest, author)
        REFERENCES pedigree.model_version (model_id, version, digest, created_by),
    CONSTRAINT override_generation UNIQUE (model_id, generation)
);

CREATE INDEX override_of_version ON pedigree.stage_override (model_id, version, override_id);

CREATE TRIGGER override_append_only BEFORE UPDATE OR DELETE ON pedigree.stage_override
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER override_no_truncate BEFORE TRUNCATE ON pedigree.stage_override
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();
ALTER TABLE pedigree.stage_override ENABLE ALWAYS TRIGGER override_append_only;
ALTER TABLE pedigree.stage_override ENABLE ALWAYS TRIGGER override_no_truncate;

-- Whether a person, by whatever identity, registered a version or trained its bytes.
CREATE FUNCTION pedigree.is_author(of_model bigint, of_version integer, name text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT EXISTS (
    SELECT FROM pedigree.model_version v
    WHERE v.model_id = of_model AND v.version = of_version
        AND pedigree.person_of(v.created_by) = pedigree.person_of(is_author.name)
) OR EXISTS (
    SELECT FROM pedigree.training t
    WHERE t.model_id = of_model AND t.version = of_version
        AND pedigree.person_of(t.created_by) = pedigree.person_of(is_author.name)
)
$$;

-- Nobody decides about their own version: not by another identity either, nor by a token that they
-- created for somebody else.
CREATE FUNCTION pedigree.refuse_author() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- Each table has its own name for who acts.
    actor text := to_jsonb(NEW) ->> TG_ARGV[0];
BEGIN
    IF pedigree.is_author(NEW.model_id, NEW.version, actor)
        OR pedigree.is_author(NEW.model_id, NEW.version, NEW.issued_by)
    THEN
        RAISE EXCEPTION '% is violated: % is an author of the version', TG_ARGV[1], actor USING
            ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
            CONSTRAINT = TG_ARGV[1];
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER decision_of_another BEFORE INSERT ON pedigree.decision
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_author('decided_by', 'decision_not_by_author');
CREATE TRIGGER override_by_another BEFORE INSERT ON pedigree.stage_override
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_author('overridden_by', 'override_not_by_author');
ALTER TABLE pedigree.decision ENABLE ALWAYS TRIGGER decision_of_another;
ALTER TABLE pedigree.stage_override ENABLE ALWAYS TRIGGER override_by_another;

-- Whether a version began a tenure by an override.
CREATE FUNCTION pedigree.is_overridden(
    of_model bigint, of_version integer, pointer text, name text, since timestamptz
) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT pointer = 'stage' AND EXISTS (
    SELECT FROM pedigree.stage_override o
    WHERE o.model_id = of_model AND o.version = of_version AND o.to_stage = name AND o.at = since
)
$$;

-- What follows adds to each version how many overrides it had. The record that search keeps has the
-- number only if there are some, so no record of before changes.

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
         LIMIT 1) AS model_card_digest,
    ( SELECT count(*)
           FROM pedigree.stage_override o
          WHERE o.model_id = v.model_id AND o.version = v.version) AS overrides
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
    ( SELECT t.verification
           FROM pedigree.training t
          WHERE ((t.model_id = r.model_id) AND (t.version = r.version_id))
          ORDER BY ((t.verification ->> 'status'::text) <> 'verified'::text), t.created_at, t.training_id
         LIMIT 1) AS verification,
    overrides
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
        first.ci_build, first.metrics, first.params, first.trainings,
        coalesce(stage.name, 'none'), stage.held_since, coalesce(alias.names, '{}'), card.digest,
        CASE WHEN first.trainings = 1 THEN first.verification ELSE (
            SELECT t.verification
            FROM pedigree.training t
            WHERE t.model_id = v.model_id AND t.version = v.version
            ORDER BY t.verification ->> 'status' <> 'verified', t.created_at, t.training_id
            LIMIT 1
        ) END,
        (
            SELECT count(*) FROM pedigree.stage_override o
            WHERE o.model_id = v.model_id AND o.version = v.version
        )
    )::pedigree.version_in_full AS version
FROM pedigree.model_version v
JOIN pedigree.registered_model m USING (model_id)
JOIN pedigree.artifact a ON a.digest = v.digest
JOIN pedigree.first_training first ON first.model_id = v.model_id AND first.version = v.version
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

CREATE OR REPLACE FUNCTION pedigree.record_shown(r pedigree.version_in_full) RETURNS SETOF json
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN r.overrides > 0 THEN replace(
        to_json(shown)::text, ',"model_card_digest":',
        format(',"overrides":%s,"model_card_digest":', r.overrides)
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

-- As before, and whether a tenure began by an override.
CREATE OR REPLACE FUNCTION pedigree.read_for_cards(
    names text[], name_keys text[], versions integer[], event_ids bigint[], checks text[], most integer
)
RETURNS TABLE (
    model_name text, version integer, record text, signature text, verification text,
    generation bigint, training text, graph text, packages text[], verdicts text, tenures text,
    revision integer, digest text, markdown text, notes jsonb, created_at timestamptz,
    event_id bigint, newest_event bigint, at timestamptz
)
LANGUAGE plpgsql STABLE SET plan_cache_mode = 'force_generic_plan' AS $$
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
            to_json(t)::text,
            pedigree.graph_of(t.training_id, t.raced),
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
        JOIN LATERAL (
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
