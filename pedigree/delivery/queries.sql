-- name: insert_webhook
-- Store a new webhook; it receives events from now on.
INSERT INTO pedigree.webhook (
    name, form, url, description, types, models, events, active, secret, created_at, created_by,
    last_updated_at, seq
)
SELECT %(name)s, %(form)s, %(url)s, %(description)s, %(types)s, %(models)s, %(events)s, %(active)s,
    %(secret)s, moment.at, %(actor)s, moment.at, (SELECT coalesce(max(seq), 0) FROM pedigree.feed)
FROM (SELECT clock_timestamp() AS at) AS moment
RETURNING *, clock_timestamp() AS now;

-- name: lock_webhook
-- One webhook, locked until the transaction ends.
SELECT *, clock_timestamp() AS now FROM pedigree.webhook
WHERE webhook_id = %(webhook_id)s
FOR UPDATE;

-- name: webhook
-- One webhook.
SELECT *, clock_timestamp() AS now FROM pedigree.webhook WHERE webhook_id = %(webhook_id)s;

-- name: webhooks
-- Webhooks after another.
SELECT * FROM pedigree.webhook WHERE webhook_id > %(after)s ORDER BY webhook_id LIMIT %(limit)s;

-- name: mlflow_webhooks
-- Webhooks in MLflow's form before another, the newest first.
SELECT * FROM pedigree.webhook
WHERE form = 'mlflow' AND (%(before)s::bigint IS NULL OR webhook_id < %(before)s)
ORDER BY webhook_id DESC
LIMIT %(limit)s;

-- name: update_webhook
-- Replace what people edit of a webhook.
UPDATE pedigree.webhook SET
    name = %(name)s,
    url = %(url)s,
    description = %(description)s,
    types = %(types)s,
    models = %(models)s,
    events = %(events)s,
    active = %(active)s,
    last_updated_at = clock_timestamp()
WHERE webhook_id = %(webhook_id)s
RETURNING *, clock_timestamp() AS now;

-- name: rotate_secret
-- Replace a webhook's secret; in our own form, the old one also signs for a while.
UPDATE pedigree.webhook SET
    secret = %(secret)s, last_updated_at = clock_timestamp(),
    old_secret = CASE WHEN form = 'pedigree' THEN secret END,
    old_secret_until = CASE WHEN form = 'pedigree' THEN clock_timestamp() + %(keep)s::interval END
WHERE webhook_id = %(webhook_id)s
RETURNING *, clock_timestamp() AS now;

-- name: delete_webhook
-- Delete a webhook with its secrets and its log.
DELETE FROM pedigree.webhook WHERE webhook_id = %(webhook_id)s;

-- name: webhooks_behind
-- The webhooks for which the feed is not read to its end.
SELECT webhook_id FROM pedigree.webhook
WHERE active AND seq < (SELECT coalesce(max(seq), 0) FROM pedigree.feed)
ORDER BY seq;

-- name: lock_webhook_behind
-- A webhook for which the feed is not read to its end, unless another process is reading it.
SELECT * FROM pedigree.webhook
WHERE webhook_id = %(webhook_id)s AND active
    AND seq < (SELECT coalesce(max(seq), 0) FROM pedigree.feed)
FOR UPDATE SKIP LOCKED;

-- name: insert_deliveries
-- Queue events for a webhook. The name of a model in the log is the ordering key, since it stays when the
-- model is renamed.
INSERT INTO pedigree.webhook_delivery (webhook_id, seq, model)
SELECT %(webhook_id)s, f.seq, coalesce(e.model, '')
FROM pedigree.feed f JOIN pedigree.event e USING (id)
WHERE f.seq = ANY (%(seqs)s::bigint[])
RETURNING model;

-- name: wake_lines
-- Make the ordering keys of some models due; one that is leased, or waits for a retry, becomes due
-- anyway. The end of a delivery holds the ordering key's lock, so this waits for it and misses none.
INSERT INTO pedigree.webhook_line (webhook_id, model, due_at)
SELECT %(webhook_id)s, model, clock_timestamp()
FROM (SELECT DISTINCT model FROM unnest(%(models)s::text[]) AS m (model) ORDER BY model) AS lines
ON CONFLICT (webhook_id, model) DO UPDATE
SET due_at = coalesce(webhook_line.due_at, excluded.due_at);

-- name: read_up_to
-- Store the feed position of a webhook.
UPDATE pedigree.webhook SET seq = %(seq)s WHERE webhook_id = %(webhook_id)s;

-- name: lease_line
-- Lease the ordering key that is due longest. When the lease expires, it is due again.
WITH due AS MATERIALIZED (
    SELECT l.webhook_id, l.model
    FROM pedigree.webhook_line l
    JOIN pedigree.webhook w USING (webhook_id)
    WHERE l.due_at <= clock_timestamp() AND w.active
        AND l.webhook_id <> ALL (%(busy)s::bigint[])
    ORDER BY l.due_at
    LIMIT 1
    FOR UPDATE OF l SKIP LOCKED
)
UPDATE pedigree.webhook_line AS line
SET lease = %(lease)s, due_at = clock_timestamp() + %(length)s::interval
FROM due
WHERE line.webhook_id = due.webhook_id AND line.model = due.model
RETURNING line.webhook_id, line.model, coalesce(
    (SELECT m.name FROM pedigree.registered_model m WHERE m.log_name = line.model), line.model
) AS name;

-- name: first_of_line
-- The next delivery of an ordering key, with its receiver and secrets. A separate statement after
-- the one that took the lease: it sees what the previous lease wrote.
SELECT w.webhook_id, w.form, w.events, w.url, w.secret,
    CASE WHEN w.old_secret_until > clock_timestamp() THEN w.old_secret END AS old_secret,
    d.seq, d.part, d.failures, e.canonical, clock_timestamp() AS at,
    EXISTS (SELECT FROM pedigree.unserved_event u WHERE u.id = e.id) AS is_flagged
FROM pedigree.webhook_delivery d
JOIN pedigree.webhook w ON w.webhook_id = d.webhook_id
JOIN pedigree.feed f ON f.seq = d.seq
JOIN pedigree.event e ON e.id = f.id
WHERE d.webhook_id = %(webhook_id)s AND d.model = %(model)s AND d.state = 'pending'
ORDER BY d.seq
LIMIT 1;

-- name: lock_line
-- Lock an ordering key until the transaction ends.
SELECT lease FROM pedigree.webhook_line
WHERE webhook_id = %(webhook_id)s AND model = %(model)s
FOR UPDATE;

-- name: log_attempt
-- Log an attempt, unless it is logged already.
INSERT INTO pedigree.webhook_attempt (lease, webhook_id, seq, at, duration_ms, status, error)
VALUES (
    %(lease)s, %(webhook_id)s, %(seq)s, %(at)s, %(duration_ms)s, %(status)s, %(error)s
)
ON CONFLICT (lease) DO NOTHING;

-- name: settle_delivery
-- Set the state of a delivery after an attempt.
UPDATE pedigree.webhook_delivery SET
    state = %(state)s,
    part = %(part)s,
    failures = %(failures)s,
    settled_at = CASE WHEN %(state)s <> 'pending' THEN clock_timestamp() END
WHERE webhook_id = %(webhook_id)s AND seq = %(seq)s;

-- name: release_line
-- Release an ordering key: due at once, or after a wait, or not at all if nothing is pending.
UPDATE pedigree.webhook_line SET
    lease = NULL,
    due_at = CASE WHEN EXISTS (
        SELECT FROM pedigree.webhook_delivery d
        WHERE d.webhook_id = %(webhook_id)s AND d.model = %(model)s AND d.state = 'pending'
    ) THEN clock_timestamp() + %(wait)s::interval END
WHERE webhook_id = %(webhook_id)s AND model = %(model)s;

-- name: model_of_delivery
-- The ordering key of a delivery.
SELECT model FROM pedigree.webhook_delivery
WHERE webhook_id = %(webhook_id)s AND seq = %(seq)s;

-- name: ask_again
-- Restart a delivery.
UPDATE pedigree.webhook_delivery SET state = 'pending', part = 0, failures = 0, settled_at = NULL
WHERE webhook_id = %(webhook_id)s AND seq = %(seq)s;

-- name: hurry_line
-- Make an ordering key due now, unless it is leased.
UPDATE pedigree.webhook_line SET due_at = clock_timestamp()
WHERE webhook_id = %(webhook_id)s AND model = %(model)s AND lease IS NULL;

-- name: deliveries
-- A webhook's deliveries before a position of the feed, newest first, each with its attempts.
SELECT d.webhook_id, d.seq, e.event_id::text AS event_id, e.type, coalesce(m.name, e.model) AS model,
    d.state, d.failures,
    CASE WHEN d.state = 'pending' THEN l.due_at END AS due_at,
    coalesce(tried.attempts, '[]') AS attempts
FROM pedigree.webhook_delivery d
JOIN pedigree.feed f ON f.seq = d.seq
JOIN pedigree.event e ON e.id = f.id
LEFT JOIN pedigree.registered_model m ON m.log_name = e.model
LEFT JOIN pedigree.webhook_line l ON l.webhook_id = d.webhook_id AND l.model = d.model
LEFT JOIN LATERAL (
    SELECT json_agg(
        json_build_object(
            'at', a.at, 'duration_ms', a.duration_ms, 'status', a.status, 'error', a.error
        ) ORDER BY a.at
    ) AS attempts
    FROM pedigree.webhook_attempt a
    WHERE a.webhook_id = d.webhook_id AND a.seq = d.seq
) AS tried ON true
WHERE d.webhook_id = %(webhook_id)s
    AND (%(before)s::bigint IS NULL OR d.seq < %(before)s)
    AND (%(seq)s::bigint IS NULL OR d.seq = %(seq)s)
    AND (%(state)s::text IS NULL OR d.state = %(state)s)
ORDER BY d.seq DESC
LIMIT %(limit)s;

-- name: forget_deliveries
-- Remove some deliveries that ended long ago.
DELETE FROM pedigree.webhook_delivery
WHERE (webhook_id, seq) IN (
    SELECT webhook_id, seq FROM pedigree.webhook_delivery
    WHERE state <> 'pending' AND settled_at < clock_timestamp() - %(kept)s::interval
    ORDER BY settled_at
    LIMIT 1000
    FOR UPDATE SKIP LOCKED
);

-- name: is_of_prompt
-- Whether an event belongs to a prompt, which is a model with a tag.
SELECT coalesce(lower(m.tags ->> %(tag)s) = 'true', false) AS is_prompt
FROM pedigree.feed f
JOIN pedigree.event e USING (id)
LEFT JOIN pedigree.registered_model m ON m.log_name = e.model
WHERE f.seq = %(seq)s;

-- name: run_of_source
-- The run that the source of a new version states, by the event of its creation.
SELECT o.run_id
FROM pedigree.feed f
JOIN pedigree.event e USING (id)
JOIN pedigree.registered_model m ON m.log_name = e.model
JOIN pedigree.version_source o ON o.model_id = m.model_id AND o.version = e.version
WHERE f.seq = %(seq)s;

-- name: next_of_model
-- The event of a model that follows another one.
SELECT following.canonical
FROM pedigree.feed f
JOIN pedigree.event e USING (id)
JOIN LATERAL (
    SELECT n.canonical FROM pedigree.event n
    WHERE n.model = e.model AND n.id > e.id
    ORDER BY n.id
    LIMIT 1
) AS following ON true
WHERE f.seq = %(seq)s;

-- name: earlier_descriptions
-- What was written of the description of a version, or of a model, before an event about it, in order.
SELECT earlier.canonical
FROM pedigree.feed f
JOIN pedigree.event e USING (id)
JOIN LATERAL (
    SELECT p.id, p.canonical FROM pedigree.event p
    WHERE p.model = e.model AND p.version = e.version AND p.id < e.id
        AND p.type IN ('version.created', 'version.updated')
    UNION ALL
    SELECT p.id, p.canonical FROM pedigree.event p
    WHERE e.version IS NULL AND p.model = e.model AND p.id < e.id
        AND p.type IN ('model.created', 'model.updated')
) AS earlier ON true
WHERE f.seq = %(seq)s
ORDER BY earlier.id;

-- name: note_sink
-- Record a new sink; it gets the feed from its beginning.
INSERT INTO pedigree.sink (name) VALUES (%(name)s) ON CONFLICT (name) DO NOTHING;

-- name: has_undelivered
-- Whether there are events that one of some sinks has not received.
SELECT EXISTS (
    SELECT FROM unnest(%(names)s::text[]) AS wanted (name)
    LEFT JOIN pedigree.sink s USING (name)
    WHERE coalesce(s.seq, 0) < (SELECT coalesce(max(seq), 0) FROM pedigree.feed)
) AS undelivered;

-- name: lease_sink
-- Lease a sink; no row if another worker has the lease, or there is nothing new. A lease that ends
-- later than any that begins now is of a clock that has jumped back since.
UPDATE pedigree.sink
SET lease = %(lease)s, lease_until = clock_timestamp() + %(length)s::interval
WHERE name = %(name)s
    AND (
        lease_until <= clock_timestamp()
        OR lease_until > clock_timestamp() + %(length)s::interval
    )
    AND seq < (SELECT coalesce(max(seq), 0) FROM pedigree.feed)
RETURNING seq;

-- name: settle_sink
-- Store the feed position that a sink acknowledged, and release its lease, if it is still held.
UPDATE pedigree.sink
SET seq = %(seq)s, lease = NULL, lease_until = '-infinity'
WHERE name = %(name)s AND lease = %(lease)s;

-- name: measures
-- The counts and the lags, each as a number with its labels. An event without a position in the feed
-- is counted, too, so a count never decreases.
WITH head AS MATERIALIZED (
    SELECT coalesce(max(seq), 0) AS seq FROM pedigree.feed
),
unsealed AS MATERIALIZED (
    SELECT e.id, e.type, e.canonical FROM pedigree.unsequenced JOIN pedigree.event e USING (id)
),
outbox AS (
    SELECT w.webhook_id, queued.pending,
        -- For events after its position, it is not known yet whether the webhook receives them.
        least(queued.first, CASE WHEN w.seq < head.seq THEN w.seq + 1 END) AS first
    FROM pedigree.webhook w
    CROSS JOIN head
    CROSS JOIN LATERAL (
        SELECT count(*) AS pending, min(d.seq) AS first FROM pedigree.webhook_delivery d
        WHERE d.webhook_id = w.webhook_id AND d.state = 'pending'
    ) AS queued
    WHERE w.active
),
fed AS (
    SELECT s.name, head.seq - s.seq AS behind,
        CASE WHEN s.seq < head.seq THEN s.seq + 1 END AS first
    FROM pedigree.sink s CROSS JOIN head
),
waiting AS (
    SELECT 'outbox_age' AS measure, webhook_id::text AS label, first FROM outbox
    UNION ALL SELECT 'sink_lag', name, first FROM fed
)
SELECT 'events' AS measure, type AS label, detail, sum(count)::float8 AS value
FROM (
    SELECT type, detail, count FROM pedigree.event_count
    UNION ALL SELECT type, pedigree.event_detail(type, canonical), 1 FROM unsealed
) AS counted
GROUP BY type, detail
UNION ALL SELECT 'unsealed', '', '', count(*) FROM unsealed
UNION ALL SELECT 'sealer_lag', '', '', coalesce(
    (SELECT pedigree.age_of_event(canonical) FROM unsealed ORDER BY id LIMIT 1), 0
)
UNION ALL SELECT 'outbox_pending', webhook_id::text, '', pending FROM outbox
UNION ALL SELECT 'sink_behind', name, '', behind FROM fed
UNION ALL SELECT 'failing_members', work, '', count(*) FROM pedigree.failure GROUP BY work
UNION ALL SELECT waiting.measure, waiting.label, '', coalesce(
    pedigree.age_of_event(event.canonical), 0
)
FROM waiting
LEFT JOIN pedigree.feed ON feed.seq = waiting.first
LEFT JOIN pedigree.event ON event.id = feed.id;
