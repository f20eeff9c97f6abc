-- name: record_events
-- Insert events in their order and queue them for the feed, in the transaction of their change. The
-- actor is set before the function runs, and only for the transaction.
SELECT pedigree.record_events(
    %(event_ids)s::uuid[], %(type)s, %(model)s, %(version)s, %(at)s, %(canonicals)s::bytea[]
)
FROM set_config('pedigree.actor', %(actor)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: note_read
-- Write the event of a read unless this hour has it; return the seconds until the hour ends.
SELECT pedigree.note_read(
    %(reader)s, %(event)s::jsonb, %(hole)s, %(model)s::text, %(version)s::integer
) AS seconds
FROM set_config('pedigree.actor', %(reader)s, true) AS actor,
    set_config('pedigree.actor_source', %(actor_source)s, true) AS actor_source;

-- name: anything_unsequenced
-- Whether a committed event waits for its place in the feed.
SELECT EXISTS (SELECT FROM pedigree.unsequenced) AS waiting;

-- name: sequence_events
-- Give every visible event its place in the feed, after another process that is doing so.
SELECT pedigree.sequence_events();

-- name: read_feed
-- Events after a place in the feed, oldest first.
SELECT feed.seq, event.canonical,
    EXISTS (SELECT FROM pedigree.unserved_event u WHERE u.id = event.id) AS is_flagged
FROM pedigree.feed
JOIN pedigree.event USING (id)
WHERE feed.seq > %(after)s
    AND (%(types)s::text[] IS NULL OR event.type = ANY (%(types)s::text[]))
    AND (%(visible)s::text[] IS NULL OR event.model = ANY (pedigree.log_names_among(%(visible)s::text[])))
ORDER BY feed.seq
LIMIT %(limit)s;

-- name: read_feed_of_model
-- A model's events after a place in the feed, oldest first; also those from before it had its name.
SELECT feed.seq, event.canonical,
    EXISTS (SELECT FROM pedigree.unserved_event u WHERE u.id = event.id) AS is_flagged
FROM pedigree.event
JOIN pedigree.feed USING (id)
WHERE event.model = ANY (pedigree.log_names_of(%(model)s))
    AND feed.seq > %(after)s
    AND (%(types)s::text[] IS NULL OR event.type = ANY (%(types)s::text[]))
ORDER BY feed.seq
LIMIT %(limit)s;

-- name: read_feed_of_version
-- A version's events before a place in the feed, newest first.
SELECT feed.seq, event.canonical,
    EXISTS (SELECT FROM pedigree.unserved_event u WHERE u.id = event.id) AS is_flagged
FROM pedigree.event
JOIN pedigree.feed USING (id)
WHERE event.model = ANY (pedigree.log_names_of(%(model)s)) AND event.version = %(version)s
    AND (%(before)s::bigint IS NULL OR feed.seq < %(before)s::bigint)
ORDER BY feed.seq DESC
LIMIT %(limit)s;

-- name: place_of_time
-- The first place of the feed whose event is not before a time, by halving: times ascend with the
-- places, except those of transactions that overlapped. An event without a time is older than all
-- others. The reader sees all events.
WITH RECURSIVE halved (low, high) AS (
    SELECT 0::bigint, coalesce(max(seq), 0) + 1 FROM pedigree.feed
    UNION ALL
    SELECT CASE WHEN middle.is_earlier THEN middle.seq ELSE halved.low END,
        CASE WHEN middle.is_earlier THEN halved.high ELSE middle.seq END
    FROM halved
    CROSS JOIN LATERAL (
        SELECT f.seq, coalesce(e.at < %(moment)s, true) AS is_earlier
        FROM pedigree.feed f JOIN pedigree.event e USING (id)
        WHERE f.seq = (halved.low + halved.high) / 2
    ) AS middle
    WHERE halved.high - halved.low > 1
)
SELECT min(high) AS seq FROM halved;

-- name: newest_of_feed
-- The events that fit among the newest ones before a place of the feed, newest first. The bytes of an
-- event begin with its actor. The feed says how far it reads, since it has no policy: also who may see
-- few events reads no more.
WITH span AS MATERIALIZED (
    SELECT behind.id AS behind, coalesce((
        SELECT id FROM pedigree.feed WHERE id < behind.id
        ORDER BY id DESC OFFSET %(most_read)s - 1 LIMIT 1
    ), 0) AS first
    FROM (
        SELECT coalesce(
            (SELECT id FROM pedigree.feed WHERE seq = %(behind)s),
            (SELECT max(id) + 1 FROM pedigree.feed)
        ) AS id
    ) AS behind
)
SELECT f.seq, e.canonical,
    EXISTS (SELECT FROM pedigree.unserved_event u WHERE u.id = e.id) AS is_flagged
FROM pedigree.event e
JOIN pedigree.feed f USING (id)
WHERE e.id < (SELECT behind FROM span) AND e.id >= (SELECT first FROM span)
    AND f.seq >= %(first)s
    AND (%(type)s::text IS NULL OR e.type = %(type)s::text)
    AND e.type <> ALL (%(without)s::text[])
    AND (%(visible)s::text[] IS NULL OR e.model = ANY (pedigree.log_names_among(%(visible)s::text[])))
    AND (%(since)s::timestamptz IS NULL OR e.at >= %(since)s::timestamptz)
    AND (%(until)s::timestamptz IS NULL OR coalesce(e.at < %(until)s::timestamptz, true))
    AND (
        %(actor)s::bytea IS NULL
        OR "substring"(e.canonical, 1, length(%(actor)s::bytea)) = %(actor)s::bytea
    )
ORDER BY e.id DESC
LIMIT %(limit)s;

-- name: last_read_of_feed
-- The last place that newest_of_feed reads; no row if there is none before it.
SELECT last.seq
FROM (
    SELECT seq, id FROM pedigree.feed
    WHERE id < coalesce(
        (SELECT id FROM pedigree.feed WHERE seq = %(behind)s), 9223372036854775807
    )
    ORDER BY id DESC OFFSET %(most_read)s - 1 LIMIT 1
) AS last
WHERE last.seq > %(first)s;

-- name: newest_of_model
-- The events that fit among the newest ones of a model before a place of the feed, newest first.
SELECT f.seq, e.canonical,
    EXISTS (SELECT FROM pedigree.unserved_event u WHERE u.id = e.id) AS is_flagged
FROM (
    SELECT of_model.*
    FROM unnest(pedigree.log_names_of(%(model)s)) AS line
    CROSS JOIN LATERAL (
        SELECT * FROM pedigree.event
        WHERE model = line AND id < coalesce(
            (SELECT id FROM pedigree.feed WHERE seq = %(behind)s), 9223372036854775807
        )
        ORDER BY id DESC LIMIT %(most_read)s
    ) AS of_model
    ORDER BY of_model.id DESC LIMIT %(most_read)s
) AS e
JOIN pedigree.feed f USING (id)
WHERE f.seq >= %(first)s
    AND (%(type)s::text IS NULL OR e.type = %(type)s::text)
    AND e.type <> ALL (%(without)s::text[])
    AND (%(visible)s::text[] IS NULL OR e.model = ANY (pedigree.log_names_among(%(visible)s::text[])))
    AND (%(since)s::timestamptz IS NULL OR e.at >= %(since)s::timestamptz)
    AND (%(until)s::timestamptz IS NULL OR coalesce(e.at < %(until)s::timestamptz, true))
    AND (
        %(actor)s::bytea IS NULL
        OR "substring"(e.canonical, 1, length(%(actor)s::bytea)) = %(actor)s::bytea
    )
ORDER BY e.id DESC
LIMIT %(limit)s;

-- name: last_read_of_model
-- The last place that newest_of_model reads; no row if the model has no event before it.
SELECT f.seq
FROM (
    SELECT of_model.id
    FROM unnest(pedigree.log_names_of(%(model)s)) AS line
    CROSS JOIN LATERAL (
        SELECT id FROM pedigree.event
        WHERE model = line AND id < coalesce(
            (SELECT id FROM pedigree.feed WHERE seq = %(behind)s), 9223372036854775807
        )
        ORDER BY id DESC LIMIT %(most_read)s
    ) AS of_model
    ORDER BY of_model.id DESC OFFSET %(most_read)s - 1 LIMIT 1
) AS e
JOIN pedigree.feed f USING (id)
WHERE f.seq > %(first)s;

-- name: newest_of_type
-- The events that fit among the newest ones of a rare type before a place of the feed, newest first.
SELECT f.seq, e.canonical,
    EXISTS (SELECT FROM pedigree.unserved_event u WHERE u.id = e.id) AS is_flagged
FROM (
    SELECT * FROM pedigree.event
    WHERE type = %(type)s AND id < coalesce(
        (SELECT id FROM pedigree.feed WHERE seq = %(behind)s), 9223372036854775807
    )
    ORDER BY id DESC LIMIT %(most_read)s
) AS e
JOIN pedigree.feed f USING (id)
WHERE f.seq >= %(first)s
    AND e.type <> ALL (%(without)s::text[])
    AND (%(visible)s::text[] IS NULL OR e.model = ANY (pedigree.log_names_among(%(visible)s::text[])))
    AND (%(since)s::timestamptz IS NULL OR e.at >= %(since)s::timestamptz)
    AND (%(until)s::timestamptz IS NULL OR coalesce(e.at < %(until)s::timestamptz, true))
    AND (
        %(actor)s::bytea IS NULL
        OR "substring"(e.canonical, 1, length(%(actor)s::bytea)) = %(actor)s::bytea
    )
ORDER BY e.id DESC
LIMIT %(limit)s;

-- name: last_read_of_type
-- The last place that newest_of_type reads; no row if there is no event of the type before it.
SELECT f.seq
FROM (
    SELECT id FROM pedigree.event
    WHERE type = %(type)s AND id < coalesce(
        (SELECT id FROM pedigree.feed WHERE seq = %(behind)s), 9223372036854775807
    )
    ORDER BY id DESC OFFSET %(most_read)s - 1 LIMIT 1
) AS e
JOIN pedigree.feed f USING (id)
WHERE f.seq > %(first)s;

-- name: models_changed
-- The models that events of other types than some concern, between two places of the feed.
SELECT DISTINCT coalesce(m.name, event.model) AS model
FROM pedigree.feed
JOIN pedigree.event USING (id)
LEFT JOIN pedigree.registered_model m ON m.log_name = event.model
WHERE feed.seq > %(after)s AND feed.seq <= %(until)s AND event.model IS NOT NULL
    AND event.type <> ALL (%(silent)s::text[]);

-- name: feed_entries
-- What the events after a place in the feed concern, oldest first, without what they say. Those that
-- begin with some bytes, which name their actor, are marked.
SELECT feed.seq, event.type, coalesce(m.name, event.model) AS model, event.version,
    substring(event.canonical FOR octet_length(%(begins)s::bytea)) = %(begins)s::bytea AS is_marked
FROM pedigree.feed
JOIN pedigree.event USING (id)
LEFT JOIN pedigree.registered_model m ON m.log_name = event.model
WHERE feed.seq > %(after)s
ORDER BY feed.seq
LIMIT %(limit)s;

-- name: feed_head
-- The place of the newest event in the feed.
SELECT coalesce(max(seq), 0) AS seq FROM pedigree.feed;

-- name: log_state
-- The log's identity, the newest place of the feed, the newest checkpoint, and the keys that sign.
SELECT i.registry_id, coalesce(c.size, 0) AS size, c.root,
    (SELECT coalesce(max(seq), 0) FROM pedigree.feed) AS head,
    (
        SELECT coalesce(array_agg(public_key), '{}') FROM pedigree.log_key WHERE retired_at IS NULL
    ) AS keys
FROM pedigree.registry_identity i
LEFT JOIN (
    SELECT size, root FROM pedigree.log_checkpoint ORDER BY size DESC LIMIT 1
) AS c ON true;

-- name: lead_sealer
-- Become the only sealer until the transaction ends; false when another process is.
SELECT pg_try_advisory_xact_lock(hashtextextended('pedigree.sealer', 0)) AS leads;

-- name: wait_for_sealer
-- Wait until no sealer leads, and let none lead until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('pedigree.sealer', 0));

-- name: log_ranges
-- Hashes of the log's tree in some ranges of levels, one after the other: leaves of events, and
-- of full blocks.
SELECT w.level, w.start, w.stop, CASE WHEN w.level = 0 THEN (
    SELECT string_agg(e.leaf, ''::bytea ORDER BY f.seq)
    FROM pedigree.feed f JOIN pedigree.event e USING (id)
    WHERE f.seq > w.start AND f.seq <= w.stop
) ELSE (
    SELECT string_agg(b.hash, ''::bytea ORDER BY b.index) FROM pedigree.log_block b
    WHERE b.level = w.level AND b.index >= w.start AND b.index < w.stop
) END AS hashes
FROM unnest(%(levels)s::smallint[], %(starts)s::bigint[], %(stops)s::bigint[])
    AS w (level, start, stop);

-- name: log_gap
-- The first index of a range that has no hash; null if each has one.
SELECT min(wanted.index) AS index
FROM generate_series(%(start)s::bigint, %(stop)s::bigint - 1) AS wanted (index)
WHERE CASE WHEN %(level)s = 0 THEN NOT EXISTS (
    SELECT FROM pedigree.feed f JOIN pedigree.event e USING (id) WHERE f.seq = wanted.index + 1
) ELSE NOT EXISTS (
    SELECT FROM pedigree.log_block b WHERE b.level = %(level)s AND b.index = wanted.index
) END;

-- name: add_checkpoint
-- Store a checkpoint with the full blocks that the tree gained.
WITH gained AS (
    INSERT INTO pedigree.log_block (level, index, hash)
    SELECT * FROM unnest(%(levels)s::smallint[], %(indexes)s::bigint[], %(hashes)s::bytea[])
)
INSERT INTO pedigree.log_checkpoint (size, root, note, sealed_at)
VALUES (%(size)s, %(root)s, %(note)s, clock_timestamp());

-- name: log_checkpoint
-- The newest checkpoint that covers an event; the newest one of all for 0. Its note has the
-- cosignatures.
SELECT c.size, c.root, c.sealed_at, pedigree.cosigned_note(c) AS note
FROM pedigree.log_checkpoint c
WHERE c.size >= %(seq)s ORDER BY c.size DESC LIMIT 1;

-- name: log_checkpoint_of_size
-- The checkpoint of exactly this size. Its note has the cosignatures.
SELECT c.size, c.root, c.sealed_at, pedigree.cosigned_note(c) AS note
FROM pedigree.log_checkpoint c
WHERE c.size = %(size)s;

-- name: stored_log_keys
-- The private keys that are kept in the database and sign now.
SELECT public_key, private_key FROM pedigree.log_key
WHERE private_key IS NOT NULL AND retired_at IS NULL
    AND (signs_until IS NULL OR signs_until > clock_timestamp())
ORDER BY added_at DESC;

-- name: log_keys
-- All keys of the log, the newest first.
SELECT public_key, added_at, retired_at, signs_until, pedigree.is_stored_key(public_key) AS is_stored
FROM pedigree.log_key ORDER BY added_at DESC;

-- name: add_log_key
-- Note that a key signs from now on; no row if the log had it before.
INSERT INTO pedigree.log_key (public_key, private_key, added_at)
VALUES (%(public_key)s, %(private_key)s, clock_timestamp())
ON CONFLICT DO NOTHING
RETURNING added_at;

-- name: retire_log_key
-- Note that a key does not sign any more.
UPDATE pedigree.log_key SET retired_at = clock_timestamp(), private_key = NULL
WHERE public_key = %(public_key)s AND retired_at IS NULL
RETURNING retired_at;

-- name: replace_stored_log_keys
-- Let the stored keys sign for a while only, beside the key that replaces them.
UPDATE pedigree.log_key SET signs_until = clock_timestamp() + %(overlap)s::interval
WHERE private_key IS NOT NULL AND retired_at IS NULL AND public_key <> %(public_key)s
    AND signs_until IS NULL;

-- name: log_event
-- The bytes of the event at a place of the feed.
SELECT canonical FROM pedigree.feed JOIN pedigree.event USING (id) WHERE seq = %(seq)s;

-- name: log_events
-- The bytes of all events in the order of the feed.
SELECT f.seq, e.canonical FROM pedigree.feed f JOIN pedigree.event e USING (id) ORDER BY f.seq;

-- name: pending_events
-- The bytes of the events that have no place in the feed yet.
SELECT e.canonical FROM pedigree.unsequenced u JOIN pedigree.event e USING (id) ORDER BY e.id;

-- name: log_checkpoints
-- Checkpoints of more events than a number, the oldest first. Their notes have the cosignatures.
SELECT c.size, pedigree.cosigned_note(c) AS note
FROM pedigree.log_checkpoint c WHERE c.size > %(after)s ORDER BY c.size LIMIT 1000;

-- name: checkpoint_to_anchor
-- The newest checkpoint, unless it is anchored, or the newest anchor is younger than an interval.
SELECT c.size, c.note, i.registry_id
FROM (SELECT size, note FROM pedigree.log_checkpoint ORDER BY size DESC LIMIT 1) AS c,
    pedigree.registry_identity i
WHERE NOT EXISTS (
    SELECT FROM pedigree.log_anchor a
    WHERE a.size >= c.size OR a.anchored_at > clock_timestamp() - %(interval)s::interval
);

-- name: add_log_anchor
-- Note that a checkpoint is anchored.
INSERT INTO pedigree.log_anchor (size, key, anchored_at)
VALUES (%(size)s, %(key)s, clock_timestamp())
ON CONFLICT DO NOTHING;

-- name: log_anchors
-- All anchors, the oldest first.
SELECT size, key, anchored_at FROM pedigree.log_anchor ORDER BY size;

-- name: newest_log_anchor
-- The newest anchor.
SELECT size, key, anchored_at FROM pedigree.log_anchor ORDER BY size DESC LIMIT 1;

-- name: log_blocks
-- All stored blocks of the log's tree.
SELECT level, index, hash FROM pedigree.log_block;

-- name: sealed_leaves
-- The leaves of all sealed events, in the order of the feed.
SELECT e.leaf FROM pedigree.feed f JOIN pedigree.event e USING (id)
WHERE f.seq <= (SELECT coalesce(max(size), 0) FROM pedigree.log_checkpoint)
ORDER BY f.seq;

-- name: sealed_events
-- The bytes of sealed events after a place in the feed.
SELECT e.canonical FROM pedigree.feed f JOIN pedigree.event e USING (id)
WHERE f.seq > %(after)s AND f.seq <= (SELECT max(size) FROM pedigree.log_checkpoint)
ORDER BY f.seq LIMIT %(limit)s;

-- name: anchor_to_cosign
-- The newest anchor, unless a witness cosigned it, or its newest cosignature is younger than an
-- interval; and what the witness is known to have cosigned.
SELECT c.size, c.note, a.key, c.sealed_at, clock_timestamp() AS now,
    coalesce(k.size, 0) AS known, k.cosigned_at AS known_at
FROM (SELECT size, key FROM pedigree.log_anchor ORDER BY size DESC LIMIT 1) AS a
JOIN pedigree.log_checkpoint c USING (size)
LEFT JOIN (
    SELECT size, cosigned_at, added_at FROM pedigree.log_cosignature
    WHERE public_key = %(public_key)s ORDER BY size DESC LIMIT 1
) AS k ON true
WHERE coalesce(k.size, 0) < c.size
    AND coalesce(k.added_at <= clock_timestamp() - %(interval)s::interval, true);

-- name: add_log_cosignature
-- Store a cosignature of a witness.
INSERT INTO pedigree.log_cosignature (public_key, size, line, cosigned_at, added_at)
VALUES (%(public_key)s, %(size)s, %(line)s, %(cosigned_at)s, clock_timestamp())
ON CONFLICT DO NOTHING;

-- name: cosigned_sizes
-- The newest checkpoints that cover an event and have cosignatures, with the keys of the witnesses.
SELECT size, array_agg(public_key) AS keys, max(cosigned_at) AS cosigned_at
FROM pedigree.log_cosignature WHERE size >= %(seq)s
GROUP BY size ORDER BY size DESC LIMIT 100;

-- name: newest_cosignatures
-- The newest cosignature of each witness.
SELECT DISTINCT ON (public_key) public_key, size, cosigned_at
FROM pedigree.log_cosignature ORDER BY public_key, size DESC;

-- name: anchor_to_stamp
-- The newest anchor, unless an authority stamped it, or its newest stamp is younger than an
-- interval.
SELECT c.size, c.note, a.key, clock_timestamp() AS now
FROM (SELECT size, key FROM pedigree.log_anchor ORDER BY size DESC LIMIT 1) AS a
JOIN pedigree.log_checkpoint c USING (size)
WHERE NOT EXISTS (
    SELECT FROM pedigree.log_timestamp t
    WHERE t.authority = %(authority)s
        AND (t.size >= c.size OR t.added_at > clock_timestamp() - %(interval)s::interval)
);

-- name: add_log_timestamp
-- Store the reply of an authority of time stamps.
INSERT INTO pedigree.log_timestamp (authority, size, reply, stamped_at, added_at)
VALUES (%(authority)s, %(size)s, %(reply)s, %(stamped_at)s, clock_timestamp())
ON CONFLICT DO NOTHING;

-- name: newest_timestamps
-- The newest time stamp of each authority.
SELECT DISTINCT ON (authority) authority, size, stamped_at
FROM pedigree.log_timestamp ORDER BY authority, size DESC;

-- name: log_timestamps
-- Time stamps with their notes as the log signed them, the oldest sizes first.
SELECT t.size, t.authority, t.reply, c.note
FROM pedigree.log_timestamp t JOIN pedigree.log_checkpoint c USING (size)
WHERE (t.size, t.authority) > (%(after)s, %(authority)s)
ORDER BY t.size, t.authority LIMIT 100;

-- name: begin_asking
-- Ask a witness or an authority for a minute, unless another process does; no row if it does.
INSERT INTO pedigree.log_asking AS a (member, until)
VALUES (%(member)s, clock_timestamp() + interval '1 minute')
ON CONFLICT (member) DO UPDATE SET until = excluded.until WHERE a.until <= clock_timestamp()
RETURNING true AS begun;

-- name: end_asking
-- Let other processes ask.
UPDATE pedigree.log_asking SET until = clock_timestamp() WHERE member = %(member)s;
