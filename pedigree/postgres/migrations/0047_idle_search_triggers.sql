-- Search triggers return at once when they have nothing to do, and derive each row once.
-- A trigger of a statement fires for zero rows, too: each registration, promotion and approval has
-- such statements. The text of each function is the previous one but for the early returns.

CREATE OR REPLACE FUNCTION pedigree.search_follows_training() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
    versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO models, versions
    FROM (SELECT DISTINCT model_id, version FROM changed) AS key;
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search(models, versions);
    END IF;
    RETURN NULL;
END
$$;

-- What is renewed in full has its record renewed with it; of the others only the record changes.
CREATE OR REPLACE FUNCTION pedigree.search_follows_version() RETURNS trigger LANGUAGE plpgsql AS $$
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
                after.created_by, after.deleted_at)
            IS DISTINCT FROM (before.description, before.owners, before.tags, before.flavor,
                before.created_at, before.created_by, before.deleted_at) AS is_found_by
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

CREATE OR REPLACE FUNCTION pedigree.search_follows_model() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    versions integer[];
BEGIN
    SELECT array_agg(version) INTO versions
    FROM pedigree.model_version WHERE model_id = NEW.model_id;
    IF versions IS NOT NULL THEN
        PERFORM pedigree.renew_search(
            array_fill(NEW.model_id, ARRAY[cardinality(versions)]), versions
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.search_follows_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM changed) THEN
        RETURN NULL;
    END IF;
    INSERT INTO pedigree.search_word
    SELECT DISTINCT source.word FROM changed
    JOIN pedigree.search_word_source source USING (model_id)
    ORDER BY source.word
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

-- The terms of aliases change only with an alias.
CREATE OR REPLACE FUNCTION pedigree.search_follows_tenure() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
    versions integer[];
    has_alias boolean;
BEGIN
    SELECT array_agg(model_id), array_agg(version), bool_or(is_alias)
    INTO models, versions, has_alias
    FROM (
        SELECT s.model_id, s.version, bool_or(changed.pointer = 'alias') AS is_alias FROM changed
        JOIN pedigree.search_version s USING (model_id, version)
        GROUP BY s.model_id, s.version
    ) AS key;
    IF models IS NULL THEN
        RETURN NULL;
    END IF;
    IF has_alias THEN
        DELETE FROM pedigree.search_term t
        USING unnest(models, versions) AS key (model_id, version), pedigree.search_version s,
            unnest(s.aliases) AS alias
        WHERE s.model_id = key.model_id AND s.version = key.version
            AND t.field = 'alias' AND t.value = alias AND t.created_at = s.created_at
            AND t.model_id = s.model_id AND t.version = s.version;
    END IF;
    UPDATE pedigree.search_version s SET stage = source.stage, aliases = source.aliases
    FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_source source USING (model_id, version)
    WHERE s.model_id = key.model_id AND s.version = key.version;
    IF has_alias THEN
        INSERT INTO pedigree.search_term
        SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
        JOIN pedigree.search_term_source source USING (model_id, version)
        WHERE source.field = 'alias';
    END IF;
    PERFORM pedigree.renew_search_record(models, versions);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.search_follows_card() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
    versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO models, versions
    FROM (SELECT DISTINCT model_id, version FROM changed) AS key;
    IF models IS NULL THEN
        RETURN NULL;
    END IF;
    UPDATE pedigree.search_text t SET document = source.document
    FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_text_source source USING (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version
        AND t.document IS DISTINCT FROM source.document;
    PERFORM pedigree.renew_search_record(models, versions);
    RETURN NULL;
END
$$;

-- CREATE OR REPLACE removes a function's settings; see 0015_search_record.sql for why they are set.
ALTER FUNCTION pedigree.search_follows_training() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION pedigree.search_follows_version() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION pedigree.search_follows_model() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION pedigree.search_follows_tenure() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION pedigree.search_follows_card() SET plan_cache_mode = force_generic_plan;
