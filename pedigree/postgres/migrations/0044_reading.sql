-- Reads of one version, as functions. A session plans the statements of a PL/pgSQL function once.
-- Without that, Postgres plans each read of a database whose statements are not prepared, which
-- takes longer than the read itself.

-- The living versions that a number, a stage, an alias or `latest` names: at most two, since two
-- are already ambiguous. A row has the text of the version's record and what is stored beside it.
CREATE FUNCTION pedigree.find_versions(wanted_key text, wanted_version integer, wanted_pointer text)
RETURNS TABLE (
    model_name text, version integer, record text, signature text, verification text,
    generation bigint
)
LANGUAGE plpgsql STABLE ROWS 1 AS $$
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

-- The version that entered a stage last and still holds it, in the same form.
CREATE FUNCTION pedigree.find_holder(wanted_key text, wanted_stage text)
RETURNS TABLE (
    model_name text, version integer, record text, signature text, verification text,
    generation bigint
)
LANGUAGE plpgsql STABLE ROWS 1 AS $$
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

-- A token that is neither revoked nor expired, as JSON.
CREATE FUNCTION pedigree.find_token(wanted_hash bytea)
RETURNS TABLE (token text)
LANGUAGE plpgsql STABLE ROWS 1 AS $$
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
