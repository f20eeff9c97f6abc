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

-- The models whose versions are states of assets, for every principal: a state is hidden from those who
-- may read none of its models, so all of these must be known.
CREATE FUNCTION pedigree.models_of_states(assets text[], data_versions text[])
RETURNS TABLE (place bigint, name text, is_version boolean)
LANGUAGE plpgsql STABLE AS $$
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
        WHERE v.model_id = o.model_id AND v.digest = o.data_version
    )
    FROM owner o
    JOIN pedigree.registered_model m USING (model_id);
END
$$;

-- The first versions, without deleted ones, that were trained after a version was registered and depend
-- on it: on its asset or the asset of a stage that it held, with its digest; the most certain ones first.
-- Each row has the number of all of them, of those that are not visible or that the asker does not see,
-- and of the further visible versions that have a later training without recorded lineage. The certainty
-- is unknown if such an asset is missing, or may be upstream of a missing node.
CREATE FUNCTION pedigree.trained_with(
    of_key text, of_version integer, registered_at timestamptz, visible text[], most integer
) RETURNS TABLE (
    seen bigint, hidden bigint, without_lineage bigint, name text, version integer, certainty text
)
LANGUAGE plpgsql STABLE SET plan_cache_mode TO 'force_custom_plan' AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH used AS MATERIALIZED (
        SELECT DISTINCT v.model_id, v.version, v.digest, made.asset || coalesce('/' || t.name, '') AS asset
        FROM pedigree.model_version v
        JOIN pedigree.registered_model m ON m.model_id = v.model_id
        JOIN pedigree.training made ON made.model_id = v.model_id AND made.version = v.version
        LEFT JOIN LATERAL (
            SELECT NULL AS name
            UNION ALL
            SELECT t.name FROM pedigree.tenure t
            WHERE t.model_id = v.model_id AND t.version = v.version AND t.pointer = 'stage'
        ) AS t ON true
        WHERE m.name_key = of_key AND v.version = of_version AND made.asset IS NOT NULL
    ), found AS (
        SELECT n.training_id, pedigree.lineage_certainty(n.certainty, n.kind) AS certainty
        FROM used
        JOIN pedigree.lineage_node n
            ON n.asset = used.asset AND n.data_version = used.digest AND n.kind <> 'step'
        UNION ALL
        SELECT n.training_id, 'unknown'
        FROM used
        JOIN pedigree.lineage_node n ON n.asset = used.asset AND n.kind = 'missing'
        UNION ALL
        SELECT n.training_id, 'unknown'
        FROM pedigree.lineage_node n
        WHERE n.kind IN ('step', 'missing') AND n.upstream IS NULL AND EXISTS (SELECT FROM used)
        UNION ALL
        SELECT n.training_id, 'unknown'
        FROM pedigree.lineage_node n
        WHERE n.kind IN ('step', 'missing') AND n.upstream <> '{}'
            AND n.upstream && (SELECT array_agg(used.asset) FROM used)
    ), depending AS MATERIALIZED (
        SELECT m.model_id, m.name, t.version, max(f.certainty) AS certainty,
            (visible IS NULL OR m.name = ANY (visible)) AND pedigree.sees_key(m.name_key) AS is_visible
        FROM found f
        JOIN pedigree.training t USING (training_id)
        JOIN pedigree.model_version trained
            ON trained.model_id = t.model_id AND trained.version = t.version
        JOIN pedigree.registered_model m ON m.model_id = t.model_id
        WHERE t.created_at >= registered_at
            AND NOT EXISTS (
                SELECT FROM used WHERE used.model_id = t.model_id AND used.version = t.version
            )
            AND trained.deleted_at IS NULL AND m.deleted_at IS NULL
        GROUP BY m.model_id, m.name, t.version
    ), number AS (
        SELECT count(*) FILTER (WHERE is_visible) AS seen,
            count(*) FILTER (WHERE NOT is_visible) AS hidden,
            (
                SELECT count(*) FROM (
                    SELECT DISTINCT t.model_id, t.version
                    FROM pedigree.training t
                    JOIN pedigree.registered_model m USING (model_id)
                    WHERE NOT t.lineage_recorded AND t.created_at >= registered_at
                        AND (visible IS NULL OR m.name = ANY (visible))
                        AND pedigree.sees_key(m.name_key)
                        AND (m.name_key, t.version) <> (of_key, of_version)
                ) AS blank
                WHERE (model_id, version) NOT IN (SELECT model_id, version FROM depending)
            ) AS without_lineage
        FROM depending
    )
    SELECT number.seen, number.hidden, number.without_lineage, first.name, first.version,
        first.certainty::text AS certainty
    FROM number
    LEFT JOIN LATERAL (
        SELECT name, version, certainty FROM depending
        WHERE is_visible
        -- What is certain has two degrees, which are one list.
        ORDER BY least(certainty, 'proved') DESC, name, version
        LIMIT most
    ) AS first ON true
    ORDER BY least(first.certainty, 'proved') DESC, first.name, first.version;
END
$$;
