-- name: insert_card
-- Insert the next revision of a card; no row if another process did so, or the version is deleted.
INSERT INTO pedigree.model_card (
    model_id, version, revision, digest, markdown, notes, created_at, event_id
)
SELECT %(model_id)s, %(version)s, %(revision)s, %(digest)s, %(markdown)s, %(notes)s, %(at)s,
    %(event_id)s
FROM pedigree.model_card
WHERE model_id = %(model_id)s AND version = %(version)s
HAVING coalesce(max(revision), 0) + 1 = %(revision)s AND EXISTS (
    SELECT FROM pedigree.model_version v
    WHERE v.model_id = %(model_id)s AND v.version = %(version)s AND v.deleted_at IS NULL
)
RETURNING revision;

-- name: note_event
-- Record that a version's card shows an event that has not changed its text.
UPDATE pedigree.model_card SET event_id = %(event_id)s
WHERE revision = %(revision)s AND version = %(version)s AND event_id < %(event_id)s
    AND model_id = (SELECT model_id FROM pedigree.registered_model WHERE name_key = %(name_key)s);

-- name: card_state
-- A version's newest card, if it has one, and the newest event of its model.
SELECT c.revision, c.digest, c.markdown, c.notes, c.created_at, c.event_id,
    coalesce((SELECT max(e.id) FROM pedigree.event e WHERE e.model = m.log_name), 0) AS newest_event,
    clock_timestamp() AS at
FROM pedigree.registered_model m
LEFT JOIN LATERAL (
    SELECT * FROM pedigree.model_card
    WHERE model_id = m.model_id AND version = %(version)s
    ORDER BY revision DESC
    LIMIT 1
) AS c ON true
WHERE m.name_key = %(name_key)s;

-- name: cards_to_draw
-- What the cards of some living versions show, a row for each; those whose newest card shows their
-- event are left out, unless the event is NULL.
SELECT * FROM pedigree.read_for_cards(
    %(names)s::text[], %(name_keys)s::text[], %(versions)s::integer[], %(event_ids)s::bigint[],
    %(checks)s::text[], %(most)s
);

-- name: note_events
-- Record that cards show events that have not changed their texts.
UPDATE pedigree.model_card c SET event_id = shown.newest_event
FROM jsonb_to_recordset(%(cards)s::jsonb)
    AS shown (name_key text, version integer, revision integer, newest_event bigint)
JOIN pedigree.registered_model m USING (name_key)
WHERE c.model_id = m.model_id AND c.version = shown.version AND c.revision = shown.revision
    AND c.event_id < shown.newest_event;

-- name: add_cards
-- Insert drawn cards with their events; the places of those that others overtook.
SELECT pedigree.write_cards(%(cards)s::jsonb) AS overtaken
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: card_digests
-- The newest revisions of a version's card.
SELECT c.digest
FROM pedigree.model_card c
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND c.version = %(version)s
ORDER BY c.revision DESC
LIMIT %(limit)s;

-- name: newest_event
-- The newest event of a model.
SELECT coalesce(max(id), 0) AS id FROM pedigree.event
WHERE model = pedigree.log_name_of(%(model)s, NULL);

-- name: anything_to_draw
-- Whether an event waits for its place in the feed, or follows what cards show.
SELECT EXISTS (SELECT FROM pedigree.unsequenced) OR EXISTS (
    SELECT FROM pedigree.feed
    WHERE feed.seq > coalesce((SELECT max(follower.seq) FROM pedigree.card_follower follower), 0)
) AS waiting;

-- name: lease_follower
-- Acquire the lease; no row when another process holds it, or when there is no new event. A lease
-- that ends later than any that begins now is of a clock that has jumped back since.
INSERT INTO pedigree.card_follower AS follower (seq, lease, lease_until)
SELECT 0, %(lease)s, clock_timestamp() + %(length)s::interval
ON CONFLICT (is_only) DO UPDATE SET lease = excluded.lease, lease_until = excluded.lease_until
WHERE (follower.lease_until <= clock_timestamp() OR follower.lease_until > excluded.lease_until)
    AND follower.seq < (SELECT coalesce(max(seq), 0) FROM pedigree.feed)
RETURNING seq, version;

-- name: settle_follower
-- Record how far cards are drawn and release the lease, unless another process already holds it.
UPDATE pedigree.card_follower
SET seq = %(seq)s, version = %(version)s, lease = NULL, lease_until = '-infinity'
WHERE lease = %(lease)s;

-- name: events_to_draw
-- Events of models after a place of the feed, and their ids.
SELECT feed.seq, feed.id AS event_id, event.type, coalesce(m.name, event.model) AS model,
    event.version, event.canonical
FROM pedigree.feed
JOIN pedigree.event USING (id)
LEFT JOIN pedigree.registered_model m ON m.log_name = event.model
WHERE feed.seq > %(seq)s
ORDER BY feed.seq
LIMIT %(limit)s;

-- name: versions_to_draw
-- The versions of a model after a number that are not deleted.
SELECT v.version
FROM pedigree.model_version v
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name_key = %(name_key)s AND v.version > %(after)s AND v.deleted_at IS NULL
ORDER BY v.version
LIMIT %(limit)s;
