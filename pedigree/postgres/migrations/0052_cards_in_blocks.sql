-- Model cards are written in blocks: a follower of the feed draws many cards at one snapshot, and
-- one call writes all of them in one transaction.

-- Insert drawn cards with their events, after the bytes of the cards are live. A card has the model's
-- key, the version and its next revision, the digest, the text, the notes, the newest event of the
-- model at the snapshot, and its event, in which a hole stands for the time. Returns the places of
-- the cards that another process overtook with a newer revision; a card of a version or a model that
-- was deleted since is skipped.
CREATE FUNCTION pedigree.add_cards(cards jsonb) RETURNS integer[]
LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    keys text[] := ARRAY(SELECT each ->> 'name_key' FROM jsonb_array_elements(cards) AS each);
    model record;
    card record;
    newest bigint;
    revision integer;
    overtaken integer[] := '{}';
    rows jsonb[] := '{}';
BEGIN
    -- In one order, so that no two blocks wait for each other; what follows sees what they changed.
    PERFORM FROM pedigree.registered_model m WHERE m.name_key = ANY (keys)
    ORDER BY m.model_id FOR NO KEY UPDATE;
    FOR model IN
        SELECT m.model_id, m.name, m.name_key, pedigree.time_of_change(m.name) AS at
        FROM pedigree.registered_model m
        WHERE m.name_key = ANY (keys) AND m.deleted_at IS NULL
        ORDER BY m.model_id
    LOOP
        newest := (SELECT coalesce(max(e.id), 0) FROM pedigree.event e WHERE e.model = model.name);
        FOR card IN
            SELECT each.value, each.place, (each.value ->> 'version')::integer AS version
            FROM jsonb_array_elements(cards) WITH ORDINALITY AS each (value, place)
            WHERE each.value ->> 'name_key' = model.name_key
            ORDER BY each.place
        LOOP
            CONTINUE WHEN NOT EXISTS (
                SELECT FROM pedigree.model_version v
                WHERE v.model_id = model.model_id AND v.version = card.version
                    AND v.deleted_at IS NULL
            );
            SELECT coalesce(max(c.revision), 0) + 1 INTO revision FROM pedigree.model_card c
            WHERE c.model_id = model.model_id AND c.version = card.version;
            IF revision <> (card.value ->> 'revision')::integer THEN
                overtaken := overtaken || card.place::integer;
                CONTINUE;
            END IF;
            PERFORM pedigree.record_filled_events(
                jsonb_build_array(card.value -> 'event'), ARRAY[card.value ->> 'hole'],
                ARRAY[pedigree.time_in_json(model.at)], model.name, card.version, model.at
            );
            rows := rows || (card.value || jsonb_build_object(
                'model_id', model.model_id, 'name', model.name, 'created_at', model.at,
                'is_current', (card.value ->> 'newest_event')::bigint = newest
            ));
        END LOOP;
    END LOOP;
    -- One statement, so that search follows all cards at once. The events of the cards make no card
    -- stale that was drawn in the newest state of its model.
    INSERT INTO pedigree.model_card (
        model_id, version, revision, digest, markdown, notes, created_at, event_id
    )
    SELECT r.model_id, r.version, r.revision, r.digest, r.markdown, r.notes, r.created_at,
        CASE WHEN r.is_current THEN (
            SELECT max(e.id) FROM pedigree.event e WHERE e.model = r.name
        ) ELSE r.newest_event END
    FROM unnest(rows) AS row (value), jsonb_to_record(row.value) AS r (
        model_id bigint, version integer, revision integer, digest text, markdown text,
        notes jsonb, created_at timestamptz, name text, is_current boolean, newest_event bigint
    );
    RETURN overtaken;
END
$$;

-- The words of a version's text are only those of the notes of its newest card, so a card whose
-- notes are those of the card before changes no words.
CREATE OR REPLACE FUNCTION pedigree.search_follows_card() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
    versions integer[];
    worded_models bigint[];
    worded_versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version),
        array_agg(model_id) FILTER (WHERE is_worded), array_agg(version) FILTER (WHERE is_worded)
    INTO models, versions, worded_models, worded_versions
    FROM (
        SELECT c.model_id, c.version, bool_or(c.notes IS DISTINCT FROM coalesce((
            SELECT before.notes FROM pedigree.model_card before
            WHERE before.model_id = c.model_id AND before.version = c.version
                AND before.revision < c.revision
            ORDER BY before.revision DESC LIMIT 1
        ), '{}')) AS is_worded
        FROM changed c GROUP BY c.model_id, c.version
    ) AS key;
    IF worded_models IS NOT NULL THEN
        UPDATE pedigree.search_text t SET document = source.document
        FROM unnest(worded_models, worded_versions) AS key (model_id, version)
        JOIN pedigree.search_text_source source USING (model_id, version)
        WHERE t.model_id = key.model_id AND t.version = key.version
            AND t.document IS DISTINCT FROM source.document;
    END IF;
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search_record(models, versions);
    END IF;
    RETURN NULL;
END
$$;
-- CREATE OR REPLACE removes a function's settings; see 0015_search_record.sql for why they are set.
ALTER FUNCTION pedigree.search_follows_card() SET plan_cache_mode = force_generic_plan;
