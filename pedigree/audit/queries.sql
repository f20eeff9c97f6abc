-- name: record_events
-- Insert events in their order and queue them for the feed, in the transaction of their change.
WITH written AS (
    INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf, at)
    SELECT event_id, %(type)s, %(model)s, %(version)s, canonical, leaf, %(at)s
    FROM unnest(%(event_ids)s::uuid[], %(canonicals)s::bytea[], %(leaves)s::bytea[])
        WITH ORDINALITY AS new_event (event_id, canonical, leaf, place)
    ORDER BY place
    RETURNING id
)
INSERT INTO pedigree.unsequenced (id) SELECT id FROM written;

-- name: anything_unsequenced
-- Whether a committed event waits for its place in the feed.
SELECT EXISTS (SELECT FROM pedigree.unsequenced) AS waiting;

-- name: lead_sequencer
-- Become the only sequencer until the transaction ends; false when another process is.
SELECT pg_try_advisory_xact_lock(hashtextextended('pedigree.sequencer', 0)) AS leads;

-- name: sequence_events
-- Give every visible event a contiguous place. Ids of one model ascend in commit order, because the
-- model's row was locked before the id was assigned; so the order within a model is preserved.
WITH due AS (
    DELETE FROM pedigree.unsequenced RETURNING id
),
head AS (
    SELECT coalesce(max(seq), 0) AS seq FROM pedigree.feed
)
INSERT INTO pedigree.feed (seq, id)
SELECT head.seq + row_number() OVER (ORDER BY due.id), due.id
FROM due, head;

-- name: read_feed
-- Events after a place in the feed, oldest first.
SELECT feed.seq, event.canonical,
    EXISTS (SELECT FROM pedigree.unserved_event u WHERE u.id = event.id) AS is_flagged
FROM pedigree.feed
JOIN pedigree.event USING (id)
WHERE feed.seq > %(after)s
    AND (%(types)s::text[] IS NULL OR event.type = ANY (%(types)s::text[]))
    AND (%(visible)s::text[] IS NULL OR event.model = ANY (%(visible)s::text[]))
ORDER BY feed.seq
LIMIT %(limit)s;

-- name: read_feed_of_model
-- A model's events after a place in the feed, oldest first.
SELECT feed.seq, event.canonical,
    EXISTS (SELECT FROM pedigree.unserved_event u WHERE u.id = event.id) AS is_flagged
FROM pedigree.event
JOIN pedigree.feed USING (id)
WHERE event.model = %(model)s
    AND feed.seq > %(after)s
    AND (%(types)s::text[] IS NULL OR event.type = ANY (%(types)s::text[]))
ORDER BY feed.seq
LIMIT %(limit)s;

-- name: models_changed
-- The models that events of other types than some concern, between two places of the feed.
SELECT DISTINCT event.model
FROM pedigree.feed
JOIN pedigree.event USING (id)
WHERE feed.seq > %(after)s AND feed.seq <= %(until)s AND event.model IS NOT NULL
    AND event.type <> ALL (%(silent)s::text[]);

-- name: feed_head
-- The place of the newest event in the feed.
SELECT coalesce(max(seq), 0) AS seq FROM pedigree.feed;
