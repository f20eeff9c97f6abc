-- What a principal of some models pays for the policies.

-- Whether the transaction's asker may see the model of a key. The setting pedigree.models is '*' for all
-- models, an array of patterns of LIKE ('{...}'), or a regular expression ('^...'): to match one takes ten
-- times as long, but it can also say which models are refused.
CREATE OR REPLACE FUNCTION pedigree.sees_key(name_key text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    models text := current_setting('pedigree.models', true);
BEGIN
    IF models IS NULL OR models = '' THEN
        RAISE EXCEPTION 'somebody reads the registry: the setting pedigree.models is empty'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN CASE
        WHEN models = '*' THEN true
        WHEN models LIKE '{%' THEN name_key LIKE ANY (models::text[])
        ELSE name_key ~ models
    END;
END
$$;

-- Reads of one version are functions of the owner, and judge the key themselves: the policies of two
-- tables would take longer than the rest of the read. The owner sees all.
CREATE OR REPLACE FUNCTION pedigree.find_versions(
    wanted_key text, wanted_version integer, wanted_pointer text
) RETURNS TABLE (
    model_name text, version integer, record text, signature text, verification text, generation bigint
)
LANGUAGE plpgsql STABLE ROWS 1 AS $$
BEGIN
    IF session_user <> current_user AND NOT pedigree.sees_key(wanted_key) THEN
        RETURN;
    END IF;
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

CREATE OR REPLACE FUNCTION pedigree.find_holder(wanted_key text, wanted_stage text)
RETURNS TABLE (
    model_name text, version integer, record text, signature text, verification text, generation bigint
)
LANGUAGE plpgsql STABLE ROWS 1 AS $$
BEGIN
    IF session_user <> current_user AND NOT pedigree.sees_key(wanted_key) THEN
        RETURN;
    END IF;
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

-- What has a model is seen if the model is. A policy that looks the model up takes a fifth of the time of
-- one that calls a function for each row, and reads the patterns once for each statement.
DO $policies$
DECLARE
    guarded record;
BEGIN
    FOR guarded IN
        SELECT c.oid::regclass AS relation, coalesce(
            '(SELECT m.model_id IS NOT NULL AS seen FROM pedigree.registered_model m WHERE '
                || given.of_model || ')',
            'coalesce(name_key LIKE ANY ((SELECT CASE'
                ' WHEN current_setting(''pedigree.models'', true) LIKE ''{%'''
                ' THEN current_setting(''pedigree.models'', true)::text[] END AS patterns)::text[]),'
                ' pedigree.sees_key(name_key))'
        ) AS is_seen
        FROM (VALUES
            ('decision', 'm.model_id = decision.model_id'),
            ('event', 'm.name = event.model'),
            ('model_card', 'm.model_id = model_card.model_id'),
            ('model_version', 'm.model_id = model_version.model_id'),
            ('registered_model', NULL),
            ('search_record', 'm.model_id = search_record.model_id')
        ) AS given (name, of_model)
        JOIN pg_class c ON c.relnamespace = 'pedigree'::regnamespace AND c.relname = given.name
        WHERE EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'seen')
    LOOP
        EXECUTE format(
            'ALTER POLICY seen ON %s USING (current_setting(''pedigree.models'', true) = ''*'' OR %s)',
            guarded.relation, guarded.is_seen
        );
    END LOOP;
END
$policies$;

DROP FUNCTION pedigree.sees(bigint);
DROP FUNCTION pedigree.sees_name(text);

-- The names of models, for searches: without the policy of their table, under which LIKE has no index.
-- search_version has the same names, and no policy either.
CREATE VIEW pedigree.search_name AS SELECT model_id, name FROM pedigree.registered_model;

-- Give every visible event a contiguous place. Ids of one model ascend in commit order, because the model's
-- row was locked before the id was assigned; so the order within a model is preserved. The statement after
-- the lock sees all that the previous leader committed. What another leader began to give places to may lack
-- the newest events, such as the caller's own, so the caller waits for it; but not for one that is suspended.
CREATE OR REPLACE FUNCTION pedigree.sequence_events() RETURNS void
LANGUAGE plpgsql SET lock_timeout TO '500ms' AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('pedigree.sequencer', 0)) THEN
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended('pedigree.sequencer', 0));
        EXCEPTION WHEN lock_not_available THEN
            RETURN;
        END;
    END IF;
    WITH due AS (
        DELETE FROM pedigree.unsequenced RETURNING id
    ), head AS (
        SELECT coalesce(max(seq), 0) AS seq FROM pedigree.feed
    )
    INSERT INTO pedigree.feed (seq, id)
    SELECT head.seq + row_number() OVER (ORDER BY due.id), due.id
    FROM due, head;
END
$$;

-- The models that the asker sees and that have some blobs as files of living versions. Each model is judged
-- once, and not each of its versions.
CREATE FUNCTION pedigree.models_of_blobs(digests text[]) RETURNS TABLE (digest text, name text)
LANGUAGE plpgsql STABLE SET enable_seqscan TO 'off' AS $$
BEGIN
    RETURN QUERY
    SELECT held.digest, m.name
    FROM (
        SELECT DISTINCT f.blob_digest AS digest, v.model_id
        FROM pedigree.artifact_file f
        JOIN pedigree.model_version v ON v.digest = f.artifact_digest
        WHERE f.blob_digest = ANY (digests) AND v.deleted_at IS NULL
    ) AS held
    JOIN pedigree.registered_model m USING (model_id)
    WHERE pedigree.sees_key(m.name_key);
END
$$;
