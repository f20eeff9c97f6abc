-- What search looks at: a row for each living version, its words and numbers as rows, and its text.
-- All of it follows from the tables before. Triggers keep it so in the same transaction, whoever
-- writes: also the code of the version before, and COPY.

CREATE TABLE pedigree.search_version (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    -- The training that the version shows: its first.
    training_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    flavor text COLLATE "C" NOT NULL,
    stage text COLLATE "C" NOT NULL,
    aliases text[] COLLATE "C" NOT NULL,
    owners text[] COLLATE "C" NOT NULL,
    git_commit text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    tags jsonb NOT NULL,
    metrics jsonb NOT NULL,
    params jsonb NOT NULL
);

-- A word that a version has, such as ('tags.team', 'growth') or ('owner', 'ann'). The versions of
-- a word lie in the order of time, so the newest of them need no sorting, and the versions with two
-- words are where two such lists meet.
CREATE TABLE pedigree.search_term (
    field text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL
);

CREATE TABLE pedigree.search_metric (
    key text COLLATE "C" NOT NULL,
    value double precision NOT NULL,
    model_id bigint NOT NULL,
    version integer NOT NULL
);

CREATE TABLE pedigree.search_text (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    document tsvector NOT NULL
);

-- The words of all models' names: where a word that was looked for is none of them, the nearest
-- ones are meant.
CREATE TABLE pedigree.search_word (
    word text COLLATE "C" PRIMARY KEY
);

-- What search_version should say.
CREATE VIEW pedigree.search_source AS
SELECT
    v.model_id,
    v.version,
    first.training_id,
    m.name,
    v.created_at,
    v.created_by,
    v.flavor,
    coalesce(stage.name, 'none') AS stage,
    ARRAY(
        SELECT t.name FROM pedigree.tenure t
        WHERE t.model_id = v.model_id AND t.version = v.version
            AND t.pointer = 'alias' AND t.held_until IS NULL
        ORDER BY t.name
    ) AS aliases,
    v.owners,
    first.git_commit,
    first.run_id,
    v.tags,
    first.metrics,
    first.params
FROM pedigree.model_version v
JOIN pedigree.registered_model m USING (model_id)
JOIN LATERAL (
    SELECT t.* FROM pedigree.training t
    WHERE t.model_id = v.model_id AND t.version = v.version
    ORDER BY t.created_at, t.training_id LIMIT 1
) AS first ON true
LEFT JOIN pedigree.tenure stage
    ON stage.model_id = v.model_id AND stage.version = v.version
    AND stage.pointer = 'stage' AND stage.held_until IS NULL
WHERE v.deleted_at IS NULL AND m.deleted_at IS NULL;

-- What search_term should say. What is too long for an index is found without it.
CREATE VIEW pedigree.search_term_source AS
SELECT term.field, term.value, s.created_at, s.model_id, s.version
FROM pedigree.search_version s
CROSS JOIN LATERAL (
    SELECT 'tags.' || tag.key AS field, tag.value FROM jsonb_each_text(s.tags) AS tag
    UNION ALL
    (SELECT DISTINCT 'owner', owner FROM unnest(s.owners) AS owner)
    UNION ALL
    SELECT 'alias', alias FROM unnest(s.aliases) AS alias
    UNION ALL
    SELECT 'created_by', s.created_by
) AS term
WHERE length(term.field) <= 256 AND length(term.value) <= 256;

-- What search_metric should say.
CREATE VIEW pedigree.search_metric_source AS
SELECT metric.key, metric.value::double precision AS value, s.model_id, s.version
FROM pedigree.search_version s
CROSS JOIN LATERAL jsonb_each_text(s.metrics) AS metric
WHERE length(metric.key) <= 256;

-- What search_text should say: the words of name, description, tags and card, by weight, and the
-- month and the day as words that nobody can type. An index of words knows no order, but it can be
-- asked for those of one day. A tsvector takes 1 MB at most; no version is refused for its length.
CREATE VIEW pedigree.search_text_source AS
SELECT s.model_id, s.version, s.created_at,
    setweight(to_tsvector('pg_catalog.english', translate(s.name, '_-.', '   ')), 'A')
        || setweight(
            to_tsvector('pg_catalog.english', coalesce(left(v.description, 20000), '')), 'B'
        )
        || setweight(to_tsvector('pg_catalog.english', coalesce(left(tag.words, 20000), '')), 'C')
        || setweight(
            to_tsvector('pg_catalog.english', coalesce(left(card.markdown, 100000), '')), 'D'
        )
        || array_to_tsvector(ARRAY['@' || left(day.name, 7), '@' || day.name])
        AS document
FROM pedigree.search_version s
JOIN pedigree.model_version v USING (model_id, version)
CROSS JOIN LATERAL to_char(s.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day (name)
CROSS JOIN LATERAL (
    SELECT string_agg(key || ' ' || value, ' ' ORDER BY key) AS words FROM jsonb_each_text(s.tags)
) AS tag
LEFT JOIN LATERAL (
    SELECT c.markdown FROM pedigree.model_card c
    WHERE c.model_id = s.model_id AND c.version = s.version
    ORDER BY c.revision DESC LIMIT 1
) AS card ON true;

-- What search_word should say at least.
CREATE VIEW pedigree.search_word_source AS
SELECT m.model_id, word.word
FROM pedigree.registered_model m
CROSS JOIN LATERAL regexp_split_to_table(lower(m.name), '[^[:alnum:]]+') AS word (word)
WHERE word.word <> '';

INSERT INTO pedigree.search_version SELECT * FROM pedigree.search_source ORDER BY created_at;
INSERT INTO pedigree.search_term SELECT * FROM pedigree.search_term_source;
INSERT INTO pedigree.search_metric SELECT * FROM pedigree.search_metric_source;
INSERT INTO pedigree.search_text SELECT * FROM pedigree.search_text_source;
INSERT INTO pedigree.search_word SELECT DISTINCT word FROM pedigree.search_word_source;

ALTER TABLE pedigree.search_version ADD PRIMARY KEY (model_id, version);
ALTER TABLE pedigree.search_term ADD PRIMARY KEY (field, value, created_at, model_id, version);
ALTER TABLE pedigree.search_metric ADD PRIMARY KEY (key, value, model_id, version);
ALTER TABLE pedigree.search_text ADD PRIMARY KEY (model_id, version);

CREATE INDEX search_version_time ON pedigree.search_version (created_at, model_id, version);
CREATE INDEX search_version_name ON pedigree.search_version (name, version);
CREATE INDEX search_version_stage
    ON pedigree.search_version (stage, created_at, model_id, version);
CREATE INDEX search_version_flavor
    ON pedigree.search_version (flavor, created_at, model_id, version);
-- Few versions have the same one, and it may be of any length: a hash is enough.
CREATE INDEX search_version_commit ON pedigree.search_version USING hash (git_commit);
CREATE INDEX search_version_run ON pedigree.search_version USING hash (run_id);
CREATE INDEX search_version_params ON pedigree.search_version USING gin (params jsonb_path_ops);
CREATE INDEX search_text_document ON pedigree.search_text USING gin (document);

-- Trigrams, where they may be created: without them there is no tolerance of typing errors.
DO $$
DECLARE
    home text;
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA pedigree;
    SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_trgm';
    EXECUTE format(
        'CREATE INDEX search_word_trigrams ON pedigree.search_word USING gin (word %I.gin_trgm_ops)',
        home
    );
    EXECUTE format(
        'CREATE INDEX registered_model_name_trigrams ON pedigree.registered_model'
        ' USING gin (name %I.gin_trgm_ops)',
        home
    );
EXCEPTION
    WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
        NULL;
END
$$;

-- Make what search looks at anew for some versions.
CREATE FUNCTION pedigree.renew_search(models bigint[], versions integer[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(models, versions) AS key (model_id, version)
        JOIN pedigree.search_version s USING (model_id, version)
    ) THEN
        PERFORM pedigree.forget_search(models, versions);
    END IF;
    INSERT INTO pedigree.search_version
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_source source USING (model_id, version);
    INSERT INTO pedigree.search_term
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_term_source source USING (model_id, version);
    INSERT INTO pedigree.search_metric
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_metric_source source USING (model_id, version);
    INSERT INTO pedigree.search_text
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_text_source source USING (model_id, version);
END
$$;

CREATE FUNCTION pedigree.forget_search(models bigint[], versions integer[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM pedigree.search_term t
    USING unnest(models, versions) AS key (model_id, version), pedigree.search_term_source source
    WHERE source.model_id = key.model_id AND source.version = key.version
        AND t.field = source.field AND t.value = source.value
        AND t.created_at = source.created_at AND t.model_id = source.model_id
        AND t.version = source.version;
    DELETE FROM pedigree.search_metric t
    USING unnest(models, versions) AS key (model_id, version), pedigree.search_metric_source source
    WHERE source.model_id = key.model_id AND source.version = key.version
        AND t.key = source.key AND t.value = source.value
        AND t.model_id = source.model_id AND t.version = source.version;
    DELETE FROM pedigree.search_text t
    USING unnest(models, versions) AS key (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
    DELETE FROM pedigree.search_version t
    USING unnest(models, versions) AS key (model_id, version)
    WHERE t.model_id = key.model_id AND t.version = key.version;
END
$$;

CREATE FUNCTION pedigree.search_follows_training() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
    versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO models, versions
    FROM (SELECT DISTINCT model_id, version FROM changed) AS key;
    PERFORM pedigree.renew_search(models, versions);
    RETURN NULL;
END
$$;

CREATE TRIGGER training_added AFTER INSERT ON pedigree.training
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_training();
CREATE TRIGGER training_changed AFTER UPDATE ON pedigree.training
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_training();
CREATE TRIGGER training_removed AFTER DELETE ON pedigree.training
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_training();

-- A version that is new has no training yet, so only its changes are followed.
CREATE FUNCTION pedigree.search_follows_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
    versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO models, versions
    FROM after JOIN before USING (model_id, version)
    WHERE (after.description, after.owners, after.tags, after.flavor, after.created_at,
            after.created_by, after.deleted_at)
        IS DISTINCT FROM (before.description, before.owners, before.tags, before.flavor,
            before.created_at, before.created_by, before.deleted_at);
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search(models, versions);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER version_changed AFTER UPDATE ON pedigree.model_version
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_version();

-- A row for each model, since every registration updates its model and this must cost it nothing.
CREATE FUNCTION pedigree.search_follows_model() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    versions integer[];
BEGIN
    SELECT array_agg(version) INTO versions
    FROM pedigree.model_version WHERE model_id = NEW.model_id;
    PERFORM pedigree.renew_search(
        array_fill(NEW.model_id, ARRAY[coalesce(cardinality(versions), 0)]), versions
    );
    RETURN NULL;
END
$$;

CREATE TRIGGER model_changed AFTER UPDATE OF deleted_at, name ON pedigree.registered_model
    FOR EACH ROW
    WHEN ((OLD.deleted_at, OLD.name) IS DISTINCT FROM (NEW.deleted_at, NEW.name))
    EXECUTE FUNCTION pedigree.search_follows_model();

-- In the words' order, so that two new models do not wait for each other.
CREATE FUNCTION pedigree.search_follows_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pedigree.search_word
    SELECT DISTINCT source.word FROM changed
    JOIN pedigree.search_word_source source USING (model_id)
    ORDER BY source.word
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER model_added AFTER INSERT ON pedigree.registered_model
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_name();

CREATE FUNCTION pedigree.search_follows_tenure() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
    versions integer[];
BEGIN
    SELECT array_agg(model_id), array_agg(version) INTO models, versions
    FROM (
        SELECT DISTINCT s.model_id, s.version FROM changed
        JOIN pedigree.search_version s USING (model_id, version)
    ) AS key;
    DELETE FROM pedigree.search_term t
    USING unnest(models, versions) AS key (model_id, version), pedigree.search_version s,
        unnest(s.aliases) AS alias
    WHERE s.model_id = key.model_id AND s.version = key.version
        AND t.field = 'alias' AND t.value = alias AND t.created_at = s.created_at
        AND t.model_id = s.model_id AND t.version = s.version;
    UPDATE pedigree.search_version s SET stage = source.stage, aliases = source.aliases
    FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_source source USING (model_id, version)
    WHERE s.model_id = key.model_id AND s.version = key.version;
    INSERT INTO pedigree.search_term
    SELECT source.* FROM unnest(models, versions) AS key (model_id, version)
    JOIN pedigree.search_term_source source USING (model_id, version)
    WHERE source.field = 'alias';
    RETURN NULL;
END
$$;

CREATE TRIGGER tenure_begun AFTER INSERT ON pedigree.tenure
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_tenure();
CREATE TRIGGER tenure_ended AFTER UPDATE ON pedigree.tenure
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_tenure();
CREATE TRIGGER tenure_removed AFTER DELETE ON pedigree.tenure
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_tenure();

CREATE FUNCTION pedigree.search_follows_card() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.search_text t SET document = source.document
    FROM changed JOIN pedigree.search_text_source source USING (model_id, version)
    WHERE t.model_id = changed.model_id AND t.version = changed.version;
    RETURN NULL;
END
$$;

CREATE TRIGGER card_written AFTER INSERT ON pedigree.model_card
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_follows_card();
