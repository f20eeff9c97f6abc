-- What a list shows of a model, as one row a model: the lists of models, their facets and their counts
-- read nothing else. The row is written in the transaction of each change that it shows.

-- Texts are compared without regard to case and to compatible characters.
CREATE FUNCTION pedigree.folded(given text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT lower(normalize(given, NFKC))
$$;

CREATE TABLE pedigree.search_model (
    -- First what counts are made of, since every count reads it of all models.
    model_id bigint PRIMARY KEY,
    -- The number of its living versions, and of their open stage requests.
    versions integer NOT NULL,
    requests integer NOT NULL,
    -- The stages that its versions hold, by name.
    stages text[] COLLATE "C" NOT NULL,
    team text COLLATE "C",
    -- In their order, each once.
    owners text[] COLLATE "C" NOT NULL,
    -- Of the champion, else of the latest version.
    risk_class text COLLATE "C",
    -- Why somebody should look at it.
    attention text[] COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    -- The version that entered production last and holds it.
    champion integer,
    champion_since timestamptz,
    -- Its highest living version.
    latest integer,
    latest_stage text COLLATE "C",
    latest_at timestamptz,
    -- The champion metric of its policy, and its value for the champion, else for the latest version.
    metric text COLLATE "C",
    value double precision,
    -- Its values for the last twelve living versions, the oldest first; NULL where a version has none.
    trend double precision[] NOT NULL,
    -- The oldest open stage request.
    asking integer,
    request_id bigint,
    asking_since timestamptz,
    -- Of the champion, as last seen; NULL if that is not known.
    stale boolean,
    stale_seen_at timestamptz,
    -- Whether the newest comparison of any asset with the champion's training data found drift, and when
    -- the newest was recorded; NULL without a comparison.
    drifted boolean,
    drift_at timestamptz,
    -- The champion and the latest version, if they are in quarantine.
    quarantined integer[] NOT NULL,
    -- The beginning of the description, which a list has room for.
    description text,
    -- Name and description, folded.
    words text COLLATE "C" NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX search_model_name ON pedigree.search_model (name_key);

-- The drift of a version by its assets, newest first.
CREATE INDEX drift_result_of_asset ON pedigree.drift_result (model_id, version, asset, drift_id);

-- Which versions live and what they are comes from pedigree.search_version, of which fsck compares each row
-- with the catalog.
CREATE VIEW pedigree.search_model_source AS
SELECT m.model_id,
    (
        SELECT count(*)::integer FROM pedigree.search_version v WHERE v.model_id = m.model_id
    ) AS versions,
    asked.requests,
    ARRAY(
        WITH RECURSIVE held AS (
            (
                SELECT t.name FROM pedigree.tenure t
                WHERE t.model_id = m.model_id AND t.held_until IS NULL AND t.pointer = 'stage'
                ORDER BY t.name LIMIT 1
            )
            UNION ALL
            SELECT further.name FROM held CROSS JOIN LATERAL (
                SELECT t.name FROM pedigree.tenure t
                WHERE t.model_id = m.model_id AND t.held_until IS NULL AND t.pointer = 'stage'
                    AND t.name > held.name
                ORDER BY t.name LIMIT 1
            ) AS further
        )
        SELECT name FROM held ORDER BY name
    ) AS stages,
    (m.tags ->> 'team') COLLATE "C" AS team,
    ARRAY(
        SELECT owner FROM unnest(m.owners) WITH ORDINALITY AS given (owner, place)
        GROUP BY owner ORDER BY min(place)
    ) AS owners,
    CASE WHEN champion.version IS NULL THEN latest.risk_class ELSE of_champion.risk_class END
        AS risk_class,
    array_remove(ARRAY[
        CASE WHEN asked.requests > 0 THEN 'waiting' END,
        CASE WHEN kept.stale THEN 'stale' END,
        CASE WHEN drift.drifted THEN 'drifted' END,
        CASE WHEN barred.quarantined <> '{}' THEN 'quarantined' END,
        CASE WHEN champion.version IS NULL THEN 'no_production' END
    ], NULL) COLLATE "C" AS attention,
    m.name, m.name_key, m.created_at,
    champion.version AS champion, champion.held_since AS champion_since,
    latest.version AS latest, latest.stage AS latest_stage, latest.created_at AS latest_at,
    headline.metric,
    CASE WHEN champion.version IS NULL THEN (latest.metrics ->> headline.metric)::double precision
        ELSE (of_champion.metrics ->> headline.metric)::double precision END AS value,
    CASE WHEN headline.metric IS NULL THEN '{}' ELSE ARRAY(
        SELECT (newest.metrics ->> headline.metric)::double precision FROM (
            SELECT v.version, v.metrics FROM pedigree.search_version v
            WHERE v.model_id = m.model_id ORDER BY v.version DESC LIMIT 12
        ) AS newest
        ORDER BY newest.version
    ) END AS trend,
    oldest.version AS asking, oldest.request_id, oldest.at AS asking_since,
    kept.stale, kept.seen_at AS stale_seen_at,
    drift.drifted, drift.at AS drift_at,
    barred.quarantined,
    "left"(m.description, 300) AS description,
    pedigree.folded("left"(m.name || ' ' || coalesce(m.description, ''), 20000)) COLLATE "C" AS words
FROM pedigree.registered_model m
CROSS JOIN LATERAL (SELECT (m.policy #>> '{champion_metric,metric}') COLLATE "C" AS metric) AS headline
LEFT JOIN LATERAL (
    SELECT t.version, t.held_since FROM pedigree.tenure t
    WHERE t.model_id = m.model_id AND t.held_until IS NULL AND t.pointer = 'stage'
        AND t.name = 'production'
    ORDER BY t.tenure_id DESC LIMIT 1
) AS champion ON true
LEFT JOIN pedigree.search_version of_champion
    ON of_champion.model_id = m.model_id AND of_champion.version = champion.version
LEFT JOIN LATERAL (
    SELECT v.version, v.stage, v.created_at, v.metrics, v.risk_class, v.quarantined
    FROM pedigree.search_version v
    WHERE v.model_id = m.model_id ORDER BY v.version DESC LIMIT 1
) AS latest ON true
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS requests, min(r.request_id) AS request_id
    FROM pedigree.stage_request r WHERE r.model_id = m.model_id AND r.outcome IS NULL
) AS asked
LEFT JOIN pedigree.stage_request oldest ON oldest.request_id = asked.request_id
LEFT JOIN pedigree.staleness kept
    ON kept.model_id = m.model_id AND kept.version = champion.version
CROSS JOIN LATERAL (
    WITH RECURSIVE newest AS (
        (
            SELECT d.asset, d.drifted, d.recorded_at FROM pedigree.drift_result d
            WHERE d.model_id = m.model_id AND d.version = champion.version
            ORDER BY d.asset DESC, d.drift_id DESC LIMIT 1
        )
        UNION ALL
        SELECT further.* FROM newest CROSS JOIN LATERAL (
            SELECT d.asset, d.drifted, d.recorded_at FROM pedigree.drift_result d
            WHERE d.model_id = m.model_id AND d.version = champion.version AND d.asset < newest.asset
            ORDER BY d.asset DESC, d.drift_id DESC LIMIT 1
        ) AS further
    )
    SELECT bool_or(newest.drifted) AS drifted, max(newest.recorded_at) AS at FROM newest
) AS drift
CROSS JOIN LATERAL (
    SELECT ARRAY(
        SELECT DISTINCT one.version FROM (VALUES
            (champion.version, of_champion.quarantined), (latest.version, latest.quarantined)
        ) AS one (version, quarantined)
        WHERE one.quarantined
        ORDER BY one.version
    ) AS quarantined
) AS barred
WHERE m.deleted_at IS NULL;

-- Renew rows, except for the number of versions, which its own trigger counts: counting a model's versions
-- takes longer the more it has. The rows are locked first, so the second statement sees what concurrent
-- changes of the same models committed.
CREATE FUNCTION pedigree.renew_search_model(models bigint[]) RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM FROM pedigree.search_model t
    WHERE t.model_id = ANY (models) ORDER BY t.model_id FOR NO KEY UPDATE;
    UPDATE pedigree.search_model t SET
        name = s.name, name_key = s.name_key, created_at = s.created_at, description = s.description,
        words = s.words, owners = s.owners, team = s.team, stages = s.stages, champion = s.champion,
        champion_since = s.champion_since, latest = s.latest, latest_stage = s.latest_stage,
        latest_at = s.latest_at, metric = s.metric, value = s.value, trend = s.trend,
        risk_class = s.risk_class, requests = s.requests, asking = s.asking,
        request_id = s.request_id, asking_since = s.asking_since, stale = s.stale,
        stale_seen_at = s.stale_seen_at, drifted = s.drifted, drift_at = s.drift_at,
        quarantined = s.quarantined, attention = s.attention
    FROM unnest(models) AS key (model_id)
    JOIN pedigree.search_model_source s USING (model_id)
    WHERE t.model_id = key.model_id
        AND (t.name, t.name_key, t.created_at, t.description, t.words, t.owners, t.team, t.stages,
            t.champion, t.champion_since, t.latest, t.latest_stage, t.latest_at, t.metric, t.value,
            t.trend, t.risk_class, t.requests, t.asking, t.request_id, t.asking_since, t.stale,
            t.stale_seen_at, t.drifted, t.drift_at, t.quarantined, t.attention)
        IS DISTINCT FROM (s.name, s.name_key, s.created_at, s.description, s.words, s.owners, s.team,
            s.stages, s.champion, s.champion_since, s.latest, s.latest_stage, s.latest_at, s.metric,
            s.value, s.trend, s.risk_class, s.requests, s.asking, s.request_id, s.asking_since,
            s.stale, s.stale_seen_at, s.drifted, s.drift_at, s.quarantined, s.attention);
END
$$;

-- A model appears, changes, is deleted or restored.
CREATE FUNCTION pedigree.search_model_follows_model() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.deleted_at IS NOT NULL THEN
        DELETE FROM pedigree.search_model WHERE model_id = NEW.model_id;
    ELSIF TG_OP = 'INSERT' OR OLD.deleted_at IS NOT NULL THEN
        INSERT INTO pedigree.search_model
        SELECT * FROM pedigree.search_model_source WHERE model_id = NEW.model_id;
    ELSE
        PERFORM pedigree.renew_search_model(ARRAY[NEW.model_id]);
    END IF;
    RETURN NULL;
END
$$;

-- Versions appear in search, or leave it.
CREATE FUNCTION pedigree.search_model_follows_versions() RETURNS trigger
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
    models bigint[];
    numbers integer[];
BEGIN
    SELECT array_agg(each.model_id), array_agg(each.number) INTO models, numbers FROM (
        SELECT c.model_id, count(*)::integer AS number FROM changed c
        GROUP BY c.model_id ORDER BY c.model_id
    ) AS each;
    IF models IS NULL THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' AND numbers = '{1}' THEN
        -- A registration: what changes is known without a look at other versions.
        UPDATE pedigree.search_model t SET
            versions = t.versions + 1, latest = c.version, latest_stage = c.stage,
            latest_at = c.created_at,
            value = CASE WHEN t.champion IS NULL
                THEN (c.metrics ->> t.metric)::double precision ELSE t.value END,
            trend = CASE WHEN t.metric IS NULL THEN '{}' ELSE (
                t.trend || (c.metrics ->> t.metric)::double precision
            )[greatest(cardinality(t.trend) - 10, 1):] END,
            risk_class = CASE WHEN t.champion IS NULL THEN c.risk_class ELSE t.risk_class END
        FROM changed c
        WHERE t.model_id = c.model_id AND c.version > coalesce(t.latest, 0)
            AND c.stage <> 'production' AND (c.stage = 'none' OR c.stage = ANY (t.stages))
            AND NOT c.quarantined AND t.quarantined = '{}';
        IF FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    UPDATE pedigree.search_model t SET versions = t.versions + sign * key.number
    FROM unnest(models, numbers) AS key (model_id, number)
    WHERE t.model_id = key.model_id;
    PERFORM pedigree.renew_search_model(models);
    RETURN NULL;
END
$$;

-- The state of versions changes; of stages, see the next function.
CREATE FUNCTION pedigree.search_model_follows_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
BEGIN
    SELECT array_agg(DISTINCT after.model_id) INTO models
    FROM after JOIN before USING (model_id, version)
    WHERE (after.risk_class, after.quarantined) IS DISTINCT FROM (before.risk_class, before.quarantined);
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search_model(models);
    END IF;
    RETURN NULL;
END
$$;

-- Stages change hands. A version that enters one while it is registered is not in search yet; the row
-- follows when it is. The trigger runs after that of pedigree.search_version, by its name.
CREATE FUNCTION pedigree.search_model_follows_tenure() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
BEGIN
    SELECT array_agg(DISTINCT c.model_id) INTO models FROM changed c
    WHERE c.pointer = 'stage' AND (TG_OP <> 'INSERT' OR EXISTS (
        SELECT FROM pedigree.search_version s
        WHERE s.model_id = c.model_id AND s.version = c.version
    ));
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search_model(models);
    END IF;
    RETURN NULL;
END
$$;

-- Requests, staleness and drift change.
CREATE FUNCTION pedigree.search_model_follows_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    models bigint[];
BEGIN
    SELECT array_agg(DISTINCT c.model_id) INTO models FROM changed c;
    IF models IS NOT NULL THEN
        PERFORM pedigree.renew_search_model(models);
    END IF;
    RETURN NULL;
END
$$;

-- The triggers come first: their locks keep out changes until the rows are there.
CREATE TRIGGER model_shown AFTER INSERT ON pedigree.registered_model
    FOR EACH ROW EXECUTE FUNCTION pedigree.search_model_follows_model();
CREATE TRIGGER model_shown_changed AFTER UPDATE OF name, name_key, description, owners, tags, policy, deleted_at
    ON pedigree.registered_model
    FOR EACH ROW WHEN (
        (OLD.name, OLD.name_key, OLD.description, OLD.owners, OLD.tags, OLD.policy, OLD.deleted_at)
        IS DISTINCT FROM
        (NEW.name, NEW.name_key, NEW.description, NEW.owners, NEW.tags, NEW.policy, NEW.deleted_at)
    ) EXECUTE FUNCTION pedigree.search_model_follows_model();
CREATE TRIGGER found_version_added AFTER INSERT ON pedigree.search_version
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_versions();
CREATE TRIGGER found_version_removed AFTER DELETE ON pedigree.search_version
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_versions();
CREATE TRIGGER found_version_changed AFTER UPDATE ON pedigree.search_version
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_state();
CREATE TRIGGER tenure_shown_begun AFTER INSERT ON pedigree.tenure REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_tenure();
CREATE TRIGGER tenure_shown_ended AFTER UPDATE ON pedigree.tenure REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_tenure();
CREATE TRIGGER tenure_shown_removed AFTER DELETE ON pedigree.tenure REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_tenure();
CREATE TRIGGER request_made AFTER INSERT ON pedigree.stage_request REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_rows();
CREATE TRIGGER request_changed AFTER UPDATE ON pedigree.stage_request REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_rows();
CREATE TRIGGER request_removed AFTER DELETE ON pedigree.stage_request REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_rows();
CREATE TRIGGER staleness_kept AFTER INSERT ON pedigree.staleness REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_rows();
CREATE TRIGGER staleness_changed AFTER UPDATE ON pedigree.staleness REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_rows();
CREATE TRIGGER staleness_removed AFTER DELETE ON pedigree.staleness REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_rows();
CREATE TRIGGER drift_recorded AFTER INSERT ON pedigree.drift_result REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_rows();
CREATE TRIGGER drift_unshown AFTER DELETE ON pedigree.drift_result REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.search_model_follows_rows();

INSERT INTO pedigree.search_model SELECT * FROM pedigree.search_model_source;
