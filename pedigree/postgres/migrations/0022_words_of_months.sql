-- The newest hits of words, without a look at the older ones: an index of words knows no order, so
-- each word is indexed together with its month, and the months are asked one after the other.

CREATE FUNCTION pedigree.month_of(at timestamptz) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (
        12 * date_part('year', at AT TIME ZONE 'UTC') + date_part('month', at AT TIME ZONE 'UTC')
    )::integer
$$;

-- The words of a text, each behind its month, and the month itself: 24300 is December 2024. As text
-- a tsvector has a blank and a quote before each word, and nowhere else, for no word has a blank.
CREATE FUNCTION pedigree.words_of_month(document tsvector, at timestamptz) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (
        pedigree.month_of(at)::text
        || replace(' ' || document::text, ' ''', ' ''' || pedigree.month_of(at)::text || ':')
    )::tsvector
$$;

-- The months in which there are versions, the newest first.
CREATE VIEW pedigree.search_month AS
SELECT generate_series(
    pedigree.month_of(max(created_at)), pedigree.month_of(min(created_at)), -1
) AS month
FROM pedigree.search_version;

-- What search_text should say: the words of name, description, tags and card, by weight. A tsvector
-- takes 1 MB at most; no version is refused for its length.
CREATE OR REPLACE VIEW pedigree.search_text_source AS
SELECT s.model_id, s.version, s.created_at,
    setweight(to_tsvector('pg_catalog.english', translate(s.name, '_-.', '   ')), 'A')
        || setweight(
            to_tsvector('pg_catalog.english', coalesce(left(v.description, 20000), '')), 'B'
        )
        || setweight(to_tsvector('pg_catalog.english', coalesce(left(tag.words, 20000), '')), 'C')
        || setweight(
            to_tsvector('pg_catalog.english', coalesce(left(card.markdown, 100000), '')), 'D'
        )
        AS document
FROM pedigree.search_version s
JOIN pedigree.model_version v USING (model_id, version)
CROSS JOIN LATERAL (
    SELECT string_agg(key || ' ' || value, ' ' ORDER BY key) AS words FROM jsonb_each_text(s.tags)
) AS tag
LEFT JOIN LATERAL (
    SELECT c.markdown FROM pedigree.model_card c
    WHERE c.model_id = s.model_id AND c.version = s.version
    ORDER BY c.revision DESC LIMIT 1
) AS card ON true;

DROP INDEX pedigree.search_text_document;
TRUNCATE pedigree.search_text;
INSERT INTO pedigree.search_text SELECT * FROM pedigree.search_text_source;
CREATE INDEX search_text_words ON pedigree.search_text
    USING gin (pedigree.words_of_month(document, created_at));
