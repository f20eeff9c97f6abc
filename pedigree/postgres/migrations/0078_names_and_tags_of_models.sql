-- One tag of a model or of a version, changed alone: the event says which, and not all the others.

-- A change of a version's description, owners or tags. `tag_changes` is a merge patch of the tags: a null
-- removes one.
CREATE OR REPLACE FUNCTION pedigree.apply_description(of_model bigint, of_version integer, body jsonb)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.model_version v SET
        description = CASE WHEN body ? 'description' THEN body ->> 'description' ELSE v.description END,
        owners = CASE WHEN body ? 'owners'
            THEN coalesce(pedigree.texts_of(body -> 'owners'), '{}') ELSE v.owners END,
        tags = CASE WHEN body ? 'tag_changes' THEN jsonb_strip_nulls(v.tags || (body -> 'tag_changes'))
            WHEN body ? 'tags' THEN body -> 'tags' ELSE v.tags END
    WHERE v.model_id = of_model AND v.version = of_version;
    IF body - '{description,owners,tags,tag_changes}'::text[] <> '{}'
        OR body ?& '{tags,tag_changes}'::text[]
    THEN
        PERFORM pedigree.refuse_change_of('the description of a version');
    END IF;
END
$$;

-- The same for a model; its policy is changed elsewhere.
CREATE OR REPLACE FUNCTION pedigree.apply_model(of_model bigint, body jsonb)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF body ?& '{tags,tag_changes}'::text[]
        OR NOT body ? 'policy' AND body - '{description,owners,tags,tag_changes}'::text[] <> '{}'
    THEN
        PERFORM pedigree.refuse_change_of('the description of a model');
    END IF;
    IF body ?| '{description,owners,tags,tag_changes}'::text[] THEN
        UPDATE pedigree.registered_model m SET
            description = CASE WHEN body ? 'description' THEN body ->> 'description'
                ELSE m.description END,
            owners = CASE WHEN body ? 'owners'
                THEN coalesce(pedigree.texts_of(body -> 'owners'), '{}') ELSE m.owners END,
            tags = CASE
                WHEN body ? 'tag_changes' THEN jsonb_strip_nulls(m.tags || (body -> 'tag_changes'))
                WHEN body ? 'tags' THEN body -> 'tags' ELSE m.tags END
        WHERE m.model_id = of_model;
    END IF;
END
$$;

-- A name may be had again: after its model was renamed or, where the caller asks for that, deleted.
-- `log_name` is what the column `model` of the model's events has. It never changes and belongs to one
-- model, so it finds the model's whole history; the bytes of an event have the name of its time.
ALTER TABLE pedigree.registered_model
    ADD COLUMN log_name text COLLATE "C",
    -- The number of its first version: above all that other models had under its name.
    ADD COLUMN first_version integer NOT NULL DEFAULT 1,
    -- Whether it was created under a name that another model may have had.
    ADD COLUMN is_again boolean NOT NULL DEFAULT false,
    -- The last registration, move, deletion or restoration of a version, or change of its description.
    ADD COLUMN last_updated_at timestamptz,
    ADD CONSTRAINT registered_model_first_version CHECK (first_version BETWEEN 1 AND next_version);

-- What changed them until now: moves, deletions, restorations and descriptions. The keys of an event's
-- bytes are sorted, so a description comes first in its body.
CREATE TEMPORARY TABLE changed_until_now ON COMMIT DROP AS
SELECT t.model_id, t.version, true AS is_of_model, max(greatest(t.held_since, t.held_until)) AS at
FROM pedigree.tenure t WHERE t.pointer = 'stage'
GROUP BY t.model_id, t.version
UNION ALL
SELECT m.model_id, e.version, e.type <> 'version.updated', max(coalesce(
    -- A row of an earlier release has no time.
    e.at, substring(convert_from(e.canonical, 'UTF8') FROM '"at":"([^"]+)","body":')::timestamptz
))
FROM pedigree.event e JOIN pedigree.registered_model m ON m.name = e.model
WHERE e.type IN ('version.deleted', 'version.restored', 'model.restored') OR (
    e.type IN ('version.updated', 'model.updated')
    AND position('"body":{"description":'::bytea IN e.canonical) > 0
)
GROUP BY m.model_id, e.version, e.type;

UPDATE pedigree.registered_model m SET log_name = m.name, last_updated_at = greatest(
    m.created_at,
    (SELECT max(v.created_at) FROM pedigree.model_version v WHERE v.model_id = m.model_id),
    (SELECT max(c.at) FROM changed_until_now c WHERE c.model_id = m.model_id AND c.is_of_model)
);
ALTER TABLE pedigree.registered_model
    ALTER COLUMN log_name SET NOT NULL,
    ALTER COLUMN last_updated_at SET NOT NULL,
    ADD CONSTRAINT registered_model_log_name_unique UNIQUE (log_name);

-- Null until a version is changed for the first time. Its record has it only then.
ALTER TABLE pedigree.model_version ADD COLUMN last_updated_at timestamptz;
ALTER TABLE pedigree.model_version DISABLE TRIGGER version_changed, DISABLE TRIGGER version_state_changed;
UPDATE pedigree.model_version v SET last_updated_at = c.at
FROM (SELECT model_id, version, max(at) AS at FROM changed_until_now GROUP BY model_id, version) AS c
WHERE c.model_id = v.model_id AND c.version = v.version AND c.at > v.created_at;
ALTER TABLE pedigree.model_version ENABLE TRIGGER version_changed, ENABLE TRIGGER version_state_changed;
UPDATE pedigree.search_record r SET record = replace(r.record::text, ',"model_card_digest":', format(
    ',"last_updated_at":"%s","model_card_digest":',
    to_char(v.last_updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
))::json
FROM pedigree.model_version v
WHERE v.model_id = r.model_id AND v.version = r.version AND v.last_updated_at IS NOT NULL;

-- The names that models had, until they were renamed, each with the next number of its model then.
CREATE TABLE pedigree.former_name (
    name text COLLATE "C" NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    model_id bigint NOT NULL REFERENCES pedigree.registered_model,
    first_version integer NOT NULL,
    next_version integer NOT NULL,
    held_until timestamptz NOT NULL,
    PRIMARY KEY (model_id, held_until)
);
CREATE INDEX former_name_key ON pedigree.former_name (name_key, held_until);

-- A model that was deleted loses its name to another one, but its row keeps it: no key of a name has a `/`.
CREATE FUNCTION pedigree.numbered_name(name text, model_id bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN name || '/' || model_id;

CREATE FUNCTION pedigree.is_superseded(name_key text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN position('/' IN name_key) > 0;

-- The highest number that a name had with another model: 0 without a version, and null if none had it.
CREATE FUNCTION pedigree.highest_of_name(of_name text, of_key text, of_model bigint) RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT max(had.next_version) - 1 FROM (
            SELECT f.next_version FROM pedigree.former_name f
            WHERE f.name_key = of_key AND f.model_id <> of_model
            UNION ALL
            SELECT m.next_version FROM pedigree.registered_model m
            WHERE (m.name_key = of_key OR m.name = of_name) AND m.model_id <> of_model
        ) AS had
    );
END
$$;

-- Names change hands one at a time; taken before any model is locked.
CREATE FUNCTION pedigree.lock_names(VARIADIC keys text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('pedigree.name:' || key, 0))
    FROM (SELECT DISTINCT unnest(keys) AS key ORDER BY key) AS each;
END
$$;

-- What a new model has from the start. A name that a model had until it was renamed is had again only
-- where the caller says so.
CREATE FUNCTION pedigree.name_new_model() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    highest integer;
BEGIN
    IF NEW.log_name IS NOT NULL THEN
        RETURN NEW;  -- a row of another registry, which is copied as it is
    END IF;
    PERFORM pedigree.lock_names(NEW.name_key);
    highest := pedigree.highest_of_name(NEW.name, NEW.name_key, NEW.model_id);
    IF EXISTS (
        SELECT FROM pedigree.registered_model m WHERE m.name_key = NEW.name_key
    ) THEN
        NULL;  -- the constraint of names decides
    ELSIF highest IS NOT NULL AND NOT NEW.is_again THEN
        RAISE EXCEPTION 'the name % belonged to another model', NEW.name
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'registered_model_name_again';
    END IF;
    NEW.first_version := coalesce(highest, 0) + 1;
    NEW.next_version := NEW.first_version;
    NEW.last_updated_at := NEW.created_at;
    NEW.log_name := CASE WHEN NEW.is_again THEN pedigree.numbered_name(NEW.name, NEW.model_id)
        ELSE NEW.name END;
    RETURN NEW;
END
$$;

CREATE TRIGGER model_named BEFORE INSERT ON pedigree.registered_model
    FOR EACH ROW EXECUTE FUNCTION pedigree.name_new_model();

-- The log's name of the model that has a name; of a version, of the model that has or had it.
CREATE FUNCTION pedigree.log_name_of(of_name text, of_version integer) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- Nearly every model: one that has had its name since its creation, and no other before it.
    IF EXISTS (
        SELECT FROM pedigree.registered_model m
        WHERE m.log_name = of_name AND m.name = of_name AND m.first_version = 1
            AND NOT pedigree.is_superseded(m.name_key)
    ) THEN
        RETURN of_name;
    END IF;
    RETURN coalesce((
        SELECT m.log_name FROM pedigree.registered_model m
        WHERE m.name = of_name AND (
            NOT pedigree.is_superseded(m.name_key)
            OR (of_version >= m.first_version AND of_version < m.next_version)
        )
        ORDER BY coalesce(of_version >= m.first_version AND of_version < m.next_version, false) DESC,
            NOT pedigree.is_superseded(m.name_key) DESC
        LIMIT 1
    ), of_name);
END
$$;

-- The log's names of the models whose history is found under a name: of those that have it, also after
-- their deletion; without one, of the model that had it last.
CREATE FUNCTION pedigree.log_names_of(of_name text) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found text[] := ARRAY(
        SELECT m.log_name FROM pedigree.registered_model m WHERE m.name = of_name ORDER BY m.model_id
    );
BEGIN
    IF cardinality(found) > 0 THEN
        RETURN found;
    END IF;
    RETURN ARRAY(
        SELECT m.log_name FROM pedigree.former_name f JOIN pedigree.registered_model m USING (model_id)
        WHERE f.name = of_name ORDER BY f.held_until DESC LIMIT 1
    );
END
$$;

-- The log's names of the models that have one of some names.
CREATE FUNCTION pedigree.log_names_among(names text[]) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(SELECT m.log_name FROM pedigree.registered_model m WHERE m.name = ANY (names));
END
$$;

-- The name that the content of an event states, if the model of its row had that name.
CREATE FUNCTION pedigree.name_in_event(line text, content jsonb) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    stated text := content ->> 'model';
BEGIN
    IF stated IS NOT DISTINCT FROM line THEN
        RETURN line;
    END IF;
    RETURN CASE WHEN EXISTS (
        SELECT FROM pedigree.registered_model m
        WHERE m.log_name = line AND (m.name = stated OR EXISTS (
            SELECT FROM pedigree.former_name f WHERE f.model_id = m.model_id AND f.name = stated
        ))
    ) THEN stated ELSE line END;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.time_of_change(model_name text) RETURNS timestamptz
LANGUAGE plpgsql AS $$
DECLARE
    line text := pedigree.log_name_of(model_name, NULL);
BEGIN
    RETURN greatest(clock_timestamp(), (
        SELECT e.at FROM pedigree.event e
        WHERE e.model >= line AND e.model <= line
        ORDER BY e.model DESC, e.id DESC LIMIT 1
    ));
END
$$;

CREATE OR REPLACE FUNCTION pedigree.record_events(event_ids uuid[], of_type text, of_model text, of_version integer, at timestamptz, canonicals bytea[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
    line text := pedigree.log_name_of(of_model, of_version);
BEGIN
    PERFORM pedigree.require_time(at, of_model);
    FOR place IN 1 .. cardinality(event_ids) LOOP
        IF pedigree.is_own_event(
            canonicals[place], event_ids[place], of_type, of_model, of_version, at, actor
        ) IS NOT TRUE THEN
            PERFORM pedigree.refuse_event();
        END IF;
    END LOOP;
    WITH written AS (
        INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf, at)
        SELECT event_id, of_type, line, of_version, canonical,
            sha256('\x00'::bytea || canonical), record_events.at
        FROM unnest(event_ids, canonicals) WITH ORDINALITY AS given (event_id, canonical, place)
        ORDER BY place
        RETURNING id
    )
    INSERT INTO pedigree.unsequenced (id) SELECT id FROM written;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.record_filled_events(events jsonb, holes text[], fillings text[], of_model text, of_version integer, at timestamptz) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
    line text := pedigree.log_name_of(of_model, of_version);
    are_own boolean;
BEGIN
    WITH filled AS MATERIALIZED (
        SELECT (e ->> 'event_id')::uuid AS event_id, e ->> 'type' AS type, place,
            convert_to(pedigree.filled(e ->> 'canonical', holes, fillings), 'UTF8') AS canonical
        FROM jsonb_array_elements(events) WITH ORDINALITY AS given (e, place)
    ), written AS (
        INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf, at)
        SELECT event_id, type, line, of_version, canonical, sha256('\x00'::bytea || canonical),
            record_filled_events.at
        FROM filled ORDER BY place
        RETURNING id
    ), queued AS (
        INSERT INTO pedigree.unsequenced (id) SELECT id FROM written
    )
    SELECT bool_and(coalesce(pedigree.is_own_event(
        canonical, event_id, type, of_model, of_version, record_filled_events.at, actor
    ), false)) INTO are_own FROM filled;
    IF are_own IS FALSE THEN
        PERFORM pedigree.refuse_event();
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.add_cards(cards jsonb) RETURNS integer[]
LANGUAGE plpgsql
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
AS $$
DECLARE
    keys text[] := ARRAY(SELECT each ->> 'name_key' FROM jsonb_array_elements(cards) AS each);
    overtaken integer[];
BEGIN
    -- In one order, so that no two blocks wait for each other; what follows sees what they changed.
    PERFORM FROM pedigree.registered_model m WHERE m.name_key = ANY (keys)
    ORDER BY m.model_id FOR NO KEY UPDATE;
    WITH model AS MATERIALIZED (
        SELECT m.model_id, m.name_key, m.log_name, pedigree.time_of_change(m.name) AS at,
            (SELECT coalesce(max(e.id), 0) FROM pedigree.event e WHERE e.model = m.log_name) AS newest
        FROM pedigree.registered_model m
        WHERE m.name_key = ANY (keys) AND m.deleted_at IS NULL
    ), given AS MATERIALIZED (
        SELECT card.*, model.model_id, model.log_name, model.at, model.newest,
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
        SELECT given.log_name, given.version, given.at, given.place, given.event,
            convert_to(replace(
                given.event ->> 'canonical', given.hole, pedigree.time_in_json(given.at)
            ), 'UTF8') AS canonical
        FROM given WHERE NOT given.is_overtaken
    ), written AS (
        INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf, at)
        SELECT (filled.event ->> 'event_id')::uuid, filled.event ->> 'type', filled.log_name,
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
        FROM given JOIN shown ON shown.model = given.log_name
        WHERE NOT given.is_overtaken
    )
    SELECT coalesce(array_agg(given.place::integer ORDER BY given.place), '{}') INTO overtaken
    FROM given WHERE given.is_overtaken;
    RETURN overtaken;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.write_cards(cards jsonb) RETURNS integer[]
LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
AS $$
DECLARE
    actor jsonb := pedigree.acting_in_event();
    overtaken integer[] := pedigree.add_cards(cards);
BEGIN
    IF EXISTS (
        SELECT FROM pedigree.event e
        WHERE e.event_id = ANY (ARRAY(
            SELECT (card #>> '{event,event_id}')::uuid FROM jsonb_array_elements(cards) AS card
        )) AND pedigree.is_own_event(
            e.canonical, e.event_id, e.type, (
                SELECT m.name FROM pedigree.registered_model m WHERE m.log_name = e.model
            ), e.version, e.at, actor
        ) IS NOT TRUE
    ) THEN
        PERFORM pedigree.refuse_event();
    END IF;
    RETURN overtaken;
END
$$;

-- Create a model with its event, unless its name (case folded) is taken; whether it did. With `again`, the
-- name of a model that was deleted, or had it until it was renamed, is not taken. The bytes of the event
-- have a hole for the time, and may have others for the number of the first version and the model's id.
DROP FUNCTION pedigree.create_model(text, text, jsonb, text);
CREATE FUNCTION pedigree.create_model(
    of_name text, of_key text, event jsonb, hole text, again boolean DEFAULT false
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := clock_timestamp();
    made record;
BEGIN
    IF again THEN
        PERFORM pedigree.lock_names(of_key);
        PERFORM pedigree.supersede(of_name, of_key);
    END IF;
    INSERT INTO pedigree.registered_model (name, name_key, created_at, created_by, is_again)
    VALUES (of_name, of_key, at, pedigree.acting_in_event() ->> 'name', again)
    ON CONFLICT ON CONSTRAINT registered_model_name_unique DO NOTHING
    RETURNING model_id, first_version INTO made;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM pedigree.record_events(
        ARRAY[(event ->> 'event_id')::uuid], 'model.created', of_name, NULL, at,
        ARRAY[convert_to(pedigree.filled(
            event ->> 'canonical',
            ARRAY[format('"%sfirst"', hole), format('"%smodel"', hole), hole],
            ARRAY[made.first_version::text, made.model_id::text, pedigree.time_in_json(at)]
        ), 'UTF8')]
    );
    RETURN true;
END
$$;

-- Take a name from the model that was deleted with it, in the same spelling; it can never be restored.
CREATE FUNCTION pedigree.supersede(of_name text, of_key text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.registered_model m SET name_key = pedigree.numbered_name(of_key, m.model_id)
    WHERE m.name_key = of_key AND m.name = of_name AND m.deleted_at IS NOT NULL;
END
$$;

-- A model gets another name. It has it again only where the caller says so, and only if no number of
-- its versions was one of the name's other models.
CREATE FUNCTION pedigree.apply_name(of_model bigint, body jsonb, change jsonb, at timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    m pedigree.registered_model;
    highest integer := pedigree.highest_of_name(body ->> 'to', change ->> 'name_key', of_model);
    again boolean := coalesce((change ->> 'again')::boolean, false);
BEGIN
    SELECT * INTO m FROM pedigree.registered_model r WHERE r.model_id = of_model;
    IF m.name IS DISTINCT FROM body ->> 'from' OR m.deleted_at IS NOT NULL
        OR (body ->> 'model_id')::bigint IS DISTINCT FROM of_model
        OR (body ->> 'first_version')::integer
            IS DISTINCT FROM greatest(m.first_version, highest + 1)
    THEN
        PERFORM pedigree.refuse_change_of('the name of a model');
    END IF;
    IF highest IS NOT NULL AND NOT (
        again AND (m.first_version > highest OR m.first_version = m.next_version)
    ) THEN
        RAISE EXCEPTION 'the name % belonged to another model', body ->> 'to'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'registered_model_name_again';
    END IF;
    IF again THEN
        PERFORM pedigree.supersede(body ->> 'to', change ->> 'name_key');
    END IF;
    INSERT INTO pedigree.former_name (
        name, name_key, model_id, first_version, next_version, held_until
    ) VALUES (m.name, m.name_key, of_model, m.first_version, m.next_version, at);
    UPDATE pedigree.registered_model r SET
        name = body ->> 'to', name_key = change ->> 'name_key', last_updated_at = at,
        first_version = greatest(r.first_version, highest + 1),
        next_version = greatest(r.next_version, highest + 1)
    WHERE r.model_id = of_model;
    UPDATE pedigree.model_version v SET last_updated_at = at
    WHERE v.model_id = of_model AND v.deleted_at IS NULL;
    UPDATE pedigree.upload_session s SET model = body ->> 'to' WHERE s.model = m.name;
    INSERT INTO pedigree.search_word
    SELECT DISTINCT s.word FROM pedigree.search_word_source s WHERE s.model_id = of_model
    ORDER BY s.word
    ON CONFLICT DO NOTHING;
END
$$;

-- When a model or a version was last changed, by the rules of MLflow: tags, aliases and owners do not count.
CREATE FUNCTION pedigree.note_update(
    of_model bigint, of_version integer, kind text, body jsonb, at timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    is_move boolean := kind = ANY ('{version.stage_changed,version.deleted,version.restored}');
BEGIN
    IF is_move OR kind = 'model.restored' OR (kind = 'model.updated' AND body ? 'description') THEN
        UPDATE pedigree.registered_model m SET last_updated_at = at WHERE m.model_id = of_model;
    END IF;
    IF is_move OR kind = ANY ('{version.sealed,version.registration_failed}')
        OR (kind = 'version.updated' AND body ? 'description')
    THEN
        UPDATE pedigree.model_version v SET last_updated_at = at
        WHERE v.model_id = of_model AND v.version = of_version;
    END IF;
END
$$;

-- The moments in the records. That of a version is there only if it was changed since its creation, so
-- stored records of others stay as they are.
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
    COALESCE(first.metrics, '{}'::jsonb) AS metrics,
    COALESCE(first.params, '{}'::jsonb) AS params,
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
    ( SELECT count(*) AS count
           FROM pedigree.stage_override o
          WHERE ((o.model_id = v.model_id) AND (o.version = v.version))) AS overrides,
    v.state,
    v.state_reason,
    v.last_updated_at
   FROM (((pedigree.model_version v
     JOIN pedigree.registered_model m USING (model_id))
     LEFT JOIN LATERAL ( SELECT t.training_id,
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
            t.created_by_source,
            t.config,
            t.lineage_recorded,
            t.verification,
            t.description,
            t.owners,
            t.tags,
            t.risk_class,
            t.risk_assessment_id,
            t.drift_monitor_id,
            t.datasheet_uri,
            t.restated
           FROM pedigree.training t
          WHERE ((t.model_id = v.model_id) AND (t.version = v.version))
          ORDER BY t.created_at, t.training_id
         LIMIT 1) first ON (true))
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
         LIMIT 1), '{"reason": "no training of it is known", "spread": null, "status": "not possible"}'::jsonb) AS verification,
    overrides,
    state,
    state_reason,
    last_updated_at
   FROM pedigree.version_record r;

CREATE OR REPLACE VIEW pedigree.version_in_bulk AS
 SELECT first.training_id,
    ROW(v.model_id, m.name, m.name_key, m.generation, v.version, v.digest, a.size, v.flavor,
        v.signature, v.description, v.owners, v.tags, v.approval_status, v.approval_notes,
        v.approved_by, v.approval_timestamp, v.risk_class, v.risk_assessment_id, v.drift_monitor_id,
        v.datasheet_uri, v.quarantine_reason, v.hold_reason, v.created_at, v.created_by,
        v.created_by_source, first.run_id, first.git_commit, first.git_dirty, first.git_source,
        first.code_version, first.training_data_digest, first.training_data_version,
        first.validation_dataset_id, first.environment_hash, first.ci_build, COALESCE(first.metrics,
        '{}'::jsonb), COALESCE(first.params, '{}'::jsonb), COALESCE(first.trainings, (0)::bigint),
        COALESCE(stage.name, 'none'::text), stage.held_since, COALESCE(alias.names, '{}'::text[]),
        card.digest,
        CASE
            WHEN (first.trainings = 1) THEN first.verification
            ELSE COALESCE(( SELECT t.verification
               FROM pedigree.training t
              WHERE ((t.model_id = v.model_id) AND (t.version = v.version))
              ORDER BY ((t.verification ->> 'status'::text) <> 'verified'::text), t.created_at, t.training_id
             LIMIT 1), '{"reason": "no training of it is known", "spread": null, "status": "not possible"}'::jsonb)
        END, ( SELECT count(*) AS count
           FROM pedigree.stage_override o
          WHERE ((o.model_id = v.model_id) AND (o.version = v.version))), v.state, v.state_reason,
        v.last_updated_at)::pedigree.version_in_full AS version
   FROM ((((((pedigree.model_version v
     JOIN pedigree.registered_model m USING (model_id))
     LEFT JOIN pedigree.artifact a ON ((a.digest = v.digest)))
     LEFT JOIN pedigree.first_training first ON (((first.model_id = v.model_id) AND (first.version = v.version))))
     LEFT JOIN pedigree.tenure stage ON (((stage.model_id = v.model_id) AND (stage.version = v.version) AND (stage.pointer = 'stage'::text) AND (stage.held_until IS NULL))))
     LEFT JOIN ( SELECT tenure.model_id,
            tenure.version,
            array_agg(tenure.name ORDER BY tenure.name) AS names
           FROM pedigree.tenure
          WHERE ((tenure.pointer = 'alias'::text) AND (tenure.held_until IS NULL))
          GROUP BY tenure.model_id, tenure.version) alias ON (((alias.model_id = v.model_id) AND (alias.version = v.version))))
     LEFT JOIN ( SELECT DISTINCT ON (model_card.model_id, model_card.version) model_card.model_id,
            model_card.version,
            model_card.digest
           FROM pedigree.model_card
          ORDER BY model_card.model_id, model_card.version, model_card.revision DESC) card ON (((card.model_id = v.model_id) AND (card.version = v.version))))
  WHERE ((v.deleted_at IS NULL) AND (m.deleted_at IS NULL));

CREATE OR REPLACE FUNCTION pedigree.record_shown(r pedigree.version_in_full) RETURNS SETOF json
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN r.overrides > 0 OR r.state <> 'sealed' OR r.last_updated_at IS NOT NULL THEN replace(
        to_json(shown)::text, ',"model_card_digest":', concat(
            CASE WHEN r.overrides > 0 THEN format(',"overrides":%s', r.overrides) END,
            CASE WHEN r.state <> 'sealed' THEN format(
                ',"state":%s,"state_reason":%s', to_json(r.state),
                coalesce(to_json(r.state_reason), 'null')
            ) END,
            CASE WHEN r.last_updated_at IS NOT NULL THEN format(
                ',"last_updated_at":"%s"',
                to_char(r.last_updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
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

CREATE OR REPLACE VIEW pedigree.model_record AS
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
    held.aliases,
    m.last_updated_at
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

-- Small changes of large functions, whose other lines stay as they are.
DO $edits$
DECLARE
    edit record;
    definition text;
BEGIN
    FOR edit IN
        SELECT * FROM (VALUES
            ('create_version', 'SET next_version = next_version + 1,',
                'SET next_version = next_version + 1, last_updated_at = model.at,'),
            ('read_for_cards', 'e.model = m.name', 'e.model = m.log_name'),
            ('apply_event', '    CASE kind', '    PERFORM pedigree.note_update(of_model, of_version, kind, body, at);
    CASE kind'),
            ('apply_event', '        WHEN ''model.deleted'' THEN', '        WHEN ''model.renamed'' THEN
            PERFORM pedigree.apply_name(of_model, body, change, at);
        WHEN ''model.deleted'' THEN')
        ) AS given (name, before, after)
    LOOP
        definition := pg_get_functiondef(('pedigree.' || edit.name)::regproc);
        IF position(edit.before IN definition) = 0 THEN
            RAISE EXCEPTION 'the function % has no %', edit.name, edit.before;
        END IF;
        EXECUTE replace(definition, edit.before, edit.after);
    END LOOP;
END
$edits$;
