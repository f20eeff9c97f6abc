-- Requests for a version's way into a stage, which wait until its gates are passed.

CREATE TABLE pedigree.stage_request (
    request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    from_stage text COLLATE "C" NOT NULL,
    stage text COLLATE "C" NOT NULL,
    reason text,
    -- Who asked may not move versions: somebody who may must approve.
    only_asks boolean NOT NULL,
    requested_by text NOT NULL,
    requested_by_source text NOT NULL,
    at timestamptz NOT NULL,
    outcome text CHECK (
        outcome IN ('performed', 'withdrawn', 'rejected', 'superseded', 'deleted')
    ),
    closed_at timestamptz,
    closed_by text,
    -- How it stood when it was last looked at, and when time alone changes that.
    waits_for text[] NOT NULL,
    next_evaluation_at timestamptz,
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version),
    CHECK ((outcome IS NULL) = (closed_at IS NULL)),
    CHECK ((outcome IS NULL) = (closed_by IS NULL))
);

CREATE UNIQUE INDEX stage_request_open
    ON pedigree.stage_request (model_id, version, stage, requested_by, only_asks)
    WHERE outcome IS NULL;
CREATE INDEX stage_request_version ON pedigree.stage_request (model_id, version);
CREATE INDEX stage_request_waiting ON pedigree.stage_request (request_id) WHERE outcome IS NULL;

-- What somebody asked a stage for is not archived meanwhile.
CREATE OR REPLACE FUNCTION pedigree.wanted_tiers(only_model bigint)
RETURNS TABLE (model_id bigint, version integer, tier text, wanted text, why text)
LANGUAGE sql STABLE AS $$
WITH ruled AS (
    SELECT m.model_id, (m.policy #>> '{retention,keep_production}')::integer AS keep
    FROM pedigree.registered_model m
    WHERE m.deleted_at IS NULL AND (only_model IS NULL OR m.model_id = only_model)
        AND ((m.policy #>> '{retention,keep_production}') IS NOT NULL OR EXISTS (
            SELECT FROM pedigree.model_version v
            WHERE v.model_id = m.model_id AND v.tier = 'archive'
        ))
), ordered AS (
    SELECT m.model_id, stage.value ->> 'name' AS name, stage.place
    FROM ruled
    JOIN pedigree.registered_model m ON m.model_id = ruled.model_id
    CROSS JOIN LATERAL jsonb_array_elements(coalesce(
        m.policy -> 'stages',
        '[{"name": "candidate"}, {"name": "staging"}, {"name": "production"}]'
    )) WITH ORDINALITY AS stage (value, place)
), last_tenure AS (
    SELECT DISTINCT ON (t.model_id, t.name, t.version)
        t.model_id, t.name, t.version, t.tenure_id, t.ended_by, o.place, v.quarantine_reason,
        v.approval_status
    FROM ruled
    JOIN pedigree.tenure t ON t.model_id = ruled.model_id
    JOIN pedigree.model_version v ON v.model_id = t.model_id AND v.version = t.version
    LEFT JOIN ordered o ON o.model_id = t.model_id AND o.name = t.name
    WHERE t.pointer = 'stage' AND t.name <> 'archived' AND v.deleted_at IS NULL
    ORDER BY t.model_id, t.name, t.version, t.tenure_id DESC
), holder AS (
    SELECT DISTINCT ON (l.model_id, l.name) l.model_id, l.name, l.version
    FROM last_tenure l
    WHERE l.ended_by IS NULL
    ORDER BY l.model_id, l.name, l.tenure_id DESC
), target AS (
    -- As the query rollback_target of the lifecycle finds it.
    SELECT DISTINCT ON (l.model_id, l.name) l.model_id, l.name, l.version
    FROM holder h
    JOIN last_tenure l ON l.model_id = h.model_id AND l.name = h.name
    WHERE l.version <> h.version AND l.ended_by <> 'rollback'
        AND l.quarantine_reason IS NULL AND l.approval_status <> 'rejected'
        AND NOT EXISTS (
            SELECT FROM last_tenure further
            WHERE further.model_id = l.model_id AND further.version = l.version
                AND further.tenure_id > l.tenure_id AND further.place > l.place
        )
    ORDER BY l.model_id, l.name, l.tenure_id DESC
), production AS (
    SELECT l.model_id, l.version,
        row_number() OVER (PARTITION BY l.model_id ORDER BY l.tenure_id DESC) AS place
    FROM last_tenure l
    WHERE l.name = 'production'
), pointed AS (
    SELECT t.model_id, t.version, min('it holds the ' || t.pointer || ' ' || t.name) AS why
    FROM ruled
    JOIN pedigree.tenure t ON t.model_id = ruled.model_id
    WHERE t.held_until IS NULL AND NOT (t.pointer = 'stage' AND t.name = 'archived')
    GROUP BY t.model_id, t.version
), aimed AS (
    SELECT t.model_id, t.version, min('a rollback of ' || t.name || ' returns to it') AS why
    FROM target t
    GROUP BY t.model_id, t.version
), kept AS (
    SELECT v.model_id, v.version, v.tier, p.place, r.keep,
        CASE
            WHEN pointed.why IS NOT NULL THEN pointed.why
            WHEN aimed.why IS NOT NULL THEN aimed.why
            WHEN v.hold_reason IS NOT NULL THEN 'it is on legal hold'
            WHEN v.approval_status = 'pending' THEN 'its approval is open'
            WHEN EXISTS (
                SELECT FROM pedigree.stage_request q
                WHERE q.model_id = v.model_id AND q.version = v.version AND q.outcome IS NULL
            ) THEN 'somebody asked a stage for it'
            WHEN r.keep IS NULL THEN 'its model archives nothing'
            WHEN p.place IS NULL THEN 'it never held production'
            WHEN p.place <= r.keep THEN 'it is one of the latest production versions'
        END AS why
    FROM ruled r
    JOIN pedigree.model_version v ON v.model_id = r.model_id
    LEFT JOIN production p ON p.model_id = v.model_id AND p.version = v.version
    LEFT JOIN pointed ON pointed.model_id = v.model_id AND pointed.version = v.version
    LEFT JOIN aimed ON aimed.model_id = v.model_id AND aimed.version = v.version
    WHERE v.deleted_at IS NULL
)
SELECT k.model_id, k.version, k.tier,
    CASE WHEN k.why IS NULL THEN 'archive' ELSE 'standard' END,
    coalesce(k.why, (k.place - 1) || ' versions held production since')
FROM kept k;
$$;
