-- Who may see which models, for the policies of roles.sql. The transaction's setting pedigree.models is
-- '*' for all models, or a regular expression that the keys of their names match. Without the setting a
-- read is an error: an empty result would be taken for one that has no rows.

-- The roles of the database as they were last applied: the checksum of roles.sql.
CREATE TABLE pedigree.applied_roles (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    checksum text COLLATE "C" NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION pedigree.note_roles(of_text text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO pedigree.applied_roles (checksum) VALUES (of_text)
    ON CONFLICT (is_only) DO UPDATE
    SET checksum = excluded.checksum, applied_at = excluded.applied_at
$$;

-- An event has the name of its model, not its key.
CREATE INDEX registered_model_name ON pedigree.registered_model (name);

-- Whether the transaction's asker may see the model of a key.
CREATE FUNCTION pedigree.sees_key(name_key text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    models text := current_setting('pedigree.models', true);
BEGIN
    IF models IS NULL OR models = '' THEN
        RAISE EXCEPTION 'somebody reads the registry: the setting pedigree.models is empty'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN models = '*' OR name_key ~ models;
END
$$;

-- Whether the transaction's asker may see a model.
CREATE FUNCTION pedigree.sees(of_model bigint) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN pedigree.sees_key(
        (SELECT m.name_key FROM pedigree.registered_model m WHERE m.model_id = of_model)
    );
END
$$;

-- Whether the transaction's asker may see what concerns the model of a name. What concerns no single
-- model is for those who see all.
CREATE FUNCTION pedigree.sees_name(of_name text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(pedigree.sees_key(
        (SELECT m.name_key FROM pedigree.registered_model m WHERE m.name = of_name)
    ), false);
END
$$;

-- The names of models whose keys match patterns of LIKE, also deleted ones. A policy would keep LIKE from
-- the index, since it is not leakproof; so the function looks and then leaves out what is not seen.
CREATE FUNCTION pedigree.models_named(keys text[]) RETURNS TABLE (name text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT m.name FROM pedigree.registered_model m
    WHERE m.name_key LIKE ANY (keys) AND pedigree.sees_key(m.name_key);
END
$$;

-- Whether the database keeps the private key of a public one, which only the sealer reads.
CREATE FUNCTION pedigree.is_stored_key(key bytea) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM pedigree.log_key k WHERE k.public_key = key AND k.private_key IS NOT NULL
    );
END
$$;
