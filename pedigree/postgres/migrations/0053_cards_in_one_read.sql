-- A card is drawn from one read, and one statement writes all cards of a block.

-- The lineage of a training, as one JSON document: parsing it is much faster than reading thousands
-- of small rows.
CREATE FUNCTION pedigree.graph_of(of_training uuid, is_raced boolean) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN json_build_object(
        'nodes', (
            SELECT coalesce(json_agg(node ORDER BY node.node_id), '[]')
            FROM (
                SELECT node_id, kind, asset, partition, storage_id, run_id, data_version,
                    code_version, at,
                    CASE WHEN kind IN ('step', 'missing') THEN upstream
                        ELSE coalesce(upstream, '{}') END AS upstream
                FROM pedigree.lineage_node WHERE training_id = of_training
            ) AS node
        ),
        'edges', (
            SELECT coalesce(json_agg(edge ORDER BY edge.consumer, edge.source), '[]')
            FROM (
                -- The source's kind is needed only for an edge of an earlier release.
                SELECT e.consumer, e.source, e.capture, coalesce(e.certainty, (
                    SELECT pedigree.lineage_certainty(NULL, source.kind)
                    FROM pedigree.lineage_node source
                    WHERE source.training_id = e.training_id AND source.node_id = e.source
                )) AS certainty
                FROM pedigree.lineage_edge e WHERE e.training_id = of_training
            ) AS edge
        ),
        'raced', is_raced
    )::text;
END
$$;

-- What the cards of some living versions show: a row for each version whose newest card does not
-- show its event yet, or for each version whose event is NULL. All rows are of one snapshot, that of
-- the calling statement. A version has its newest card, the newest event of its model, its record as
-- find_versions has it, its first training with lineage and packages, the newest verdicts of each
-- check for each of its settings (those of the named checks first, and only their details), and its
-- newest tenures; `total` counts all verdicts, or tenures.
CREATE FUNCTION pedigree.read_for_cards(
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

-- As before, by one statement instead of several for each card.
CREATE OR REPLACE FUNCTION pedigree.add_cards(cards jsonb) RETURNS integer[]
LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    keys text[] := ARRAY(SELECT each ->> 'name_key' FROM jsonb_array_elements(cards) AS each);
    overtaken integer[];
BEGIN
    -- In one order, so that no two blocks wait for each other; what follows sees what they changed.
    PERFORM FROM pedigree.registered_model m WHERE m.name_key = ANY (keys)
    ORDER BY m.model_id FOR NO KEY UPDATE;
    WITH model AS MATERIALIZED (
        SELECT m.model_id, m.name, m.name_key, pedigree.time_of_change(m.name) AS at,
            (SELECT coalesce(max(e.id), 0) FROM pedigree.event e WHERE e.model = m.name) AS newest
        FROM pedigree.registered_model m
        WHERE m.name_key = ANY (keys) AND m.deleted_at IS NULL
    ), given AS MATERIALIZED (
        SELECT card.*, model.model_id, model.name, model.at, model.newest,
            coalesce((
                SELECT max(c.revision) FROM pedigree.model_card c
                WHERE c.model_id = model.model_id AND c.version = card.version
            ), 0) + 1 <> card.revision AS is_overtaken
        FROM ROWS FROM (jsonb_to_recordset(cards) AS (
            name_key text, version integer, revision integer, newest_event bigint, digest text,
            markdown text, notes jsonb, hole text, event jsonb
        )) WITH ORDINALITY AS card (
            name_key, version, revision, newest_event, digest, markdown, notes, hole, event, place
        )
        JOIN model USING (name_key)
        WHERE EXISTS (
            SELECT FROM pedigree.model_version v
            WHERE v.model_id = model.model_id AND v.version = card.version
                AND v.deleted_at IS NULL
        )
    ), filled AS MATERIALIZED (
        SELECT given.name, given.version, given.at, given.place, given.event,
            convert_to(replace(
                given.event ->> 'canonical', given.hole, pedigree.time_in_json(given.at)
            ), 'UTF8') AS canonical
        FROM given WHERE NOT given.is_overtaken
    ), written AS (
        INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf, at)
        SELECT (filled.event ->> 'event_id')::uuid, filled.event ->> 'type', filled.name,
            filled.version, filled.canonical, sha256('\x00'::bytea || filled.canonical), filled.at
        FROM filled ORDER BY filled.place
        RETURNING id, model
    ), queued AS (
        INSERT INTO pedigree.unsequenced (id) SELECT id FROM written
    ), shown AS (
        SELECT model, max(id) AS id FROM written GROUP BY model
    ), added AS (
        -- The events of the cards make no card stale that was drawn in the newest state of its model.
        INSERT INTO pedigree.model_card (
            model_id, version, revision, digest, markdown, notes, created_at, event_id
        )
        SELECT given.model_id, given.version, given.revision, given.digest, given.markdown,
            given.notes, given.at,
            CASE WHEN given.newest_event = given.newest THEN shown.id ELSE given.newest_event END
        FROM given JOIN shown ON shown.model = given.name
        WHERE NOT given.is_overtaken
    )
    SELECT coalesce(array_agg(given.place::integer ORDER BY given.place), '{}') INTO overtaken
    FROM given WHERE given.is_overtaken;
    RETURN overtaken;
END
$$;

-- A record with another digest of the model card, which is its last field.
CREATE FUNCTION pedigree.record_with_card(record json, digest text) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (
        regexp_replace(record::text, '(null|"[^"]*")\}$', '') || coalesce(to_json(digest)::text, 'null')
        || '}'
    )::json
$$;

-- A new card changes only its digest in the record of its version, and the words of its notes.
CREATE OR REPLACE FUNCTION pedigree.search_follows_card() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    worded_models bigint[];
    worded_versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO worded_models, worded_versions
    FROM (
        SELECT DISTINCT c.model_id, c.version
        FROM changed c
        WHERE c.notes IS DISTINCT FROM coalesce((
            SELECT before.notes FROM pedigree.model_card before
            WHERE before.model_id = c.model_id AND before.version = c.version
                AND before.revision < c.revision
            ORDER BY before.revision DESC LIMIT 1
        ), '{}')
    ) AS key;
    IF worded_models IS NOT NULL THEN
        UPDATE pedigree.search_text t SET document = source.document
        FROM unnest(worded_models, worded_versions) AS key (model_id, version)
        JOIN pedigree.search_text_source source USING (model_id, version)
        WHERE t.model_id = key.model_id AND t.version = key.version
            AND t.document IS DISTINCT FROM source.document;
    END IF;
    UPDATE pedigree.search_record t SET record = pedigree.record_with_card(t.record, newest.digest)
    FROM (SELECT DISTINCT c.model_id, c.version FROM changed c) AS key
    CROSS JOIN LATERAL (
        SELECT c.digest FROM pedigree.model_card c
        WHERE c.model_id = key.model_id AND c.version = key.version
        ORDER BY c.revision DESC LIMIT 1
    ) AS newest
    WHERE t.model_id = key.model_id AND t.version = key.version;
    RETURN NULL;
END
$$;
-- CREATE OR REPLACE removes a function's settings; see 0015_search_record.sql for why they are set.
ALTER FUNCTION pedigree.search_follows_card() SET plan_cache_mode = force_generic_plan;
