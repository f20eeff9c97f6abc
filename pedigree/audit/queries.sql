-- name: record_event
-- Write one event and queue it for its place in the feed, in the transaction of its change.
WITH written AS (
    INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf)
    VALUES (%(event_id)s, %(type)s, %(model)s, %(version)s, %(canonical)s, %(leaf)s)
    RETURNING id
)
INSERT INTO pedigree.unsequenced (id) SELECT id FROM written;

-- name: anything_unsequenced
-- Say whether a committed event still waits for its place.
SELECT EXISTS (SELECT FROM pedigree.unsequenced) AS waiting;

-- name: lead_sequencer
-- Become the one sequencer until the transaction ends; false when another process is.
SELECT pg_try_advisory_xact_lock(hashtextextended('pedigree.sequencer', 0)) AS leads;

-- name: sequence_events
-- Give every visible event a contiguous place. Ids of one model ascend in commit order, because the
-- model's row was locked before the id was drawn; so order within a model is kept.
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
-- Read events behind a place of the feed, oldest first.
SELECT feed.seq, event.canonical
FROM pedigree.feed
JOIN pedigree.event USING (id)
WHERE feed.seq > %(after)s
    AND (%(types)s::text[] IS NULL OR event.type = ANY (%(types)s::text[]))
ORDER BY feed.seq
LIMIT %(limit)s;

-- name: read_feed_of_model
-- Read a model's events behind a place of the feed, oldest first.
SELECT feed.seq, event.canonical
FROM pedigree.event
JOIN pedigree.feed USING (id)
WHERE event.model = %(model)s
    AND feed.seq > %(after)s
    AND (%(types)s::text[] IS NULL OR event.type = ANY (%(types)s::text[]))
ORDER BY feed.seq
LIMIT %(limit)s;

-- name: feed_head
-- The place of the newest event in the feed.
SELECT coalesce(max(seq), 0) AS seq FROM pedigree.feed;
