-- The search of the MLflow protocol: by other fields and in other orders than ours.

-- Milliseconds since 1970, rounded down, as MLflow's clients read times.
CREATE FUNCTION pedigree.milliseconds(at timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT floor(extract(epoch FROM at) * 1000)::bigint
$$;

-- What that search compares and sorts by, of each version that a search finds. It is narrow, so that a
-- search that no index serves reads little.
CREATE TABLE pedigree.search_mlflow (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    -- The same as in search_term, whose key has it.
    created_at timestamptz NOT NULL,
    updated_ms bigint NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    is_prompt boolean NOT NULL,
    PRIMARY KEY (model_id, version)
);

-- The orders of MLflow. Numbers that descend while names ascend are negated, so that a page begins at one
-- place of the index.
CREATE INDEX search_mlflow_newest ON pedigree.search_mlflow ((-updated_ms), name, (-version));
CREATE INDEX search_mlflow_model ON pedigree.search_mlflow (name, (-updated_ms), (-version));
CREATE INDEX search_mlflow_name ON pedigree.search_mlflow (name, (-version));
CREATE INDEX search_mlflow_run ON pedigree.search_mlflow USING hash (run_id) WHERE run_id <> '';
CREATE INDEX search_mlflow_bytes ON pedigree.search_mlflow USING hash (source);
CREATE INDEX search_mlflow_prompt ON pedigree.search_mlflow (model_id) WHERE is_prompt;

-- A row of it, from the row of our own search.
CREATE FUNCTION pedigree.mlflow_row(s pedigree.search_version) RETURNS SETOF pedigree.search_mlflow
LANGUAGE sql STABLE AS $$
    SELECT s.model_id, s.version, s.name, s.created_at, pedigree.milliseconds(coalesce(v.last_updated_at, s.created_at)),
        coalesce(o.run_id, s.run_id, ''),
        coalesce(o.source, 'pedigree://artifacts/' || s.digest, ''),
        coalesce(s.tags ->> 'mlflow.prompt.is_prompt' = 'true', false)
    FROM pedigree.model_version v
    LEFT JOIN pedigree.version_source o USING (model_id, version)
    WHERE v.model_id = s.model_id AND v.version = s.version
$$;

CREATE VIEW pedigree.search_mlflow_source AS
SELECT row.* FROM pedigree.search_version s CROSS JOIN LATERAL pedigree.mlflow_row(s) AS row;

CREATE FUNCTION pedigree.mlflow_follows_search() RETURNS trigger
LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan' AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM pedigree.search_mlflow t
        WHERE t.model_id = OLD.model_id AND t.version = OLD.version;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO pedigree.search_mlflow SELECT row.* FROM pedigree.mlflow_row(NEW) AS row;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER mlflow_row_added AFTER INSERT OR DELETE ON pedigree.search_version
    FOR EACH ROW EXECUTE FUNCTION pedigree.mlflow_follows_search();
CREATE TRIGGER mlflow_row_changed AFTER UPDATE ON pedigree.search_version FOR EACH ROW
    WHEN (
        (OLD.name, OLD.created_at, OLD.run_id, OLD.digest, OLD.tags)
        IS DISTINCT FROM (NEW.name, NEW.created_at, NEW.run_id, NEW.digest, NEW.tags)
    )
    EXECUTE FUNCTION pedigree.mlflow_follows_search();

CREATE FUNCTION pedigree.mlflow_follows_version() RETURNS trigger
LANGUAGE plpgsql SET plan_cache_mode = 'force_generic_plan' AS $$
BEGIN
    UPDATE pedigree.search_mlflow t SET updated_ms = pedigree.milliseconds(NEW.last_updated_at)
    WHERE t.model_id = NEW.model_id AND t.version = NEW.version
        AND t.updated_ms <> pedigree.milliseconds(NEW.last_updated_at);
    RETURN NULL;
END
$$;

CREATE TRIGGER version_updated AFTER UPDATE OF last_updated_at ON pedigree.model_version FOR EACH ROW
    WHEN (OLD.last_updated_at IS DISTINCT FROM NEW.last_updated_at)
    EXECUTE FUNCTION pedigree.mlflow_follows_version();

INSERT INTO pedigree.search_mlflow SELECT * FROM pedigree.search_mlflow_source;
ANALYZE pedigree.search_mlflow;
