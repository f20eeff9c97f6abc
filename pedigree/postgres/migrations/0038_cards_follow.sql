-- Cards follow the feed: each card knows the newest event that it shows, and a follower of the feed
-- knows how far it has drawn. Search indexes what people wrote, not the text that cards are drawn with.

-- The newest event of its model that a card shows. A card of before does not know it, so it is stale.
ALTER TABLE pedigree.model_card ADD COLUMN event_id bigint NOT NULL DEFAULT 0;

-- The newest event of a model in one step; ids of one model ascend in the order of commits.
CREATE INDEX event_of_model ON pedigree.event (model, id);
DROP INDEX pedigree.event_model;

CREATE TABLE pedigree.card_follower (
    -- One follower for all processes, hence one row.
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    -- The event up to which all cards are drawn.
    seq bigint NOT NULL,
    -- Of the next event, which concerns many versions of its model: the last version that is drawn.
    version integer NOT NULL DEFAULT 0,
    lease uuid,
    lease_until timestamptz NOT NULL DEFAULT '-infinity'
);

-- Cards of before are drawn when they are read, or when something happens to their version. Where
-- nothing has happened yet, the first follower adds the row.
INSERT INTO pedigree.card_follower (seq) SELECT max(seq) FROM pedigree.feed HAVING count(*) > 0;

-- What search_text should say: the words of name, description, tags and the card's notes, by weight.
-- A tsvector takes 1 MB at most; no version is refused for its length.
CREATE OR REPLACE VIEW pedigree.search_text_source AS
SELECT s.model_id, s.version, s.created_at,
    setweight(to_tsvector('pg_catalog.english', translate(s.name, '_-.', '   ')), 'A')
        || setweight(
            to_tsvector('pg_catalog.english', coalesce(left(v.description, 20000), '')), 'B'
        )
        || setweight(to_tsvector('pg_catalog.english', coalesce(left(tag.words, 20000), '')), 'C')
        || setweight(
            to_tsvector('pg_catalog.english', coalesce(left(card.words, 100000), '')), 'D'
        )
        AS document
FROM pedigree.search_version s
JOIN pedigree.model_version v USING (model_id, version)
CROSS JOIN LATERAL (
    SELECT string_agg(key || ' ' || value, ' ' ORDER BY key) AS words FROM jsonb_each_text(s.tags)
) AS tag
LEFT JOIN LATERAL (
    SELECT string_agg(note.value #>> '{}', ' ' ORDER BY note.place) AS words
    FROM (
        SELECT c.notes FROM pedigree.model_card c
        WHERE c.model_id = s.model_id AND c.version = s.version
        ORDER BY c.revision DESC LIMIT 1
    ) AS newest
    -- A note is a text or a list of texts.
    CROSS JOIN LATERAL jsonb_path_query(newest.notes, 'strict $.**')
        WITH ORDINALITY AS note (value, place)
    WHERE jsonb_typeof(note.value) = 'string'
) AS card ON true;

-- A card that is drawn again mostly has the notes of the card before, and thus the same words.
CREATE OR REPLACE FUNCTION pedigree.search_follows_card() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.search_text t SET document = source.document
    FROM changed JOIN pedigree.search_text_source source USING (model_id, version)
    WHERE t.model_id = changed.model_id AND t.version = changed.version
        AND t.document IS DISTINCT FROM source.document;
    PERFORM pedigree.renew_search_record(array_agg(model_id), array_agg(version)) FROM changed;
    RETURN NULL;
END
$$;
ALTER FUNCTION pedigree.search_follows_card() SET plan_cache_mode = force_generic_plan;

DROP INDEX pedigree.search_text_words;
TRUNCATE pedigree.search_text;
INSERT INTO pedigree.search_text SELECT * FROM pedigree.search_text_source;
CREATE INDEX search_text_words ON pedigree.search_text
    USING gin (pedigree.words_of_month(document, created_at));
