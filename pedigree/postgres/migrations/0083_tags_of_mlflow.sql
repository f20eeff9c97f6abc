-- Lists of versions by tag, so that MLflow's clients find the newest versions with some tags without a look
-- at the others.

-- The versions of each tag with a value, in MLflow's order: the last change first, then by name, then the
-- highest number first. So several tags are read in parallel, as far as a page needs. Longer keys are not
-- in it, and longer values are cut, as in search_term.
CREATE TABLE pedigree.search_mlflow_tag (
    key text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    age bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    back integer NOT NULL,
    model_id bigint NOT NULL,
    PRIMARY KEY (key, value, age, name, back) INCLUDE (model_id)
);

CREATE FUNCTION pedigree.mlflow_tags_of(tags jsonb) RETURNS TABLE (key text, value text)
LANGUAGE sql STABLE AS $$
    SELECT tag.key, left(tag.value, 256) FROM jsonb_each_text(tags) AS tag WHERE length(tag.key) <= 250
$$;

CREATE VIEW pedigree.search_mlflow_tag_source AS
SELECT tag.key COLLATE "C" AS key, tag.value COLLATE "C" AS value, -m.updated_ms AS age, m.name,
    -m.version AS back, m.model_id
FROM pedigree.search_mlflow m
JOIN pedigree.search_version s USING (model_id, version)
CROSS JOIN LATERAL pedigree.mlflow_tags_of(s.tags) AS tag;

CREATE OR REPLACE FUNCTION pedigree.mlflow_follows_search() RETURNS trigger
LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    row pedigree.search_mlflow;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM pedigree.search_mlflow t
        WHERE t.model_id = OLD.model_id AND t.version = OLD.version
        RETURNING t.* INTO row;
        DELETE FROM pedigree.search_mlflow_tag t
        USING pedigree.mlflow_tags_of(OLD.tags) AS tag
        WHERE t.key = tag.key AND t.value = tag.value AND t.age = -row.updated_ms
            AND t.name = row.name AND t.back = -row.version;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        WITH made AS (
            INSERT INTO pedigree.search_mlflow SELECT m.* FROM pedigree.mlflow_row(NEW) AS m
            RETURNING *
        )
        INSERT INTO pedigree.search_mlflow_tag
        SELECT tag.key, tag.value, -made.updated_ms, made.name, -made.version, made.model_id
        FROM made CROSS JOIN pedigree.mlflow_tags_of(NEW.tags) AS tag;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION pedigree.mlflow_follows_version() RETURNS trigger
LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    now_ms bigint := pedigree.milliseconds(NEW.last_updated_at);
BEGIN
    UPDATE pedigree.search_mlflow_tag t SET age = -now_ms
    FROM pedigree.search_mlflow m
    JOIN pedigree.search_version s USING (model_id, version)
    CROSS JOIN LATERAL pedigree.mlflow_tags_of(s.tags) AS tag
    WHERE m.model_id = NEW.model_id AND m.version = NEW.version AND m.updated_ms <> now_ms
        AND t.key = tag.key AND t.value = tag.value AND t.age = -m.updated_ms AND t.name = m.name
        AND t.back = -m.version;
    UPDATE pedigree.search_mlflow t SET updated_ms = now_ms
    WHERE t.model_id = NEW.model_id AND t.version = NEW.version AND t.updated_ms <> now_ms;
    RETURN NULL;
END
$$;

INSERT INTO pedigree.search_mlflow_tag SELECT * FROM pedigree.search_mlflow_tag_source;
ANALYZE pedigree.search_mlflow_tag;
