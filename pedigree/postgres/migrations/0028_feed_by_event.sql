-- An event has one place in the feed, and a model's events are found there without reading the rest.

CREATE UNIQUE INDEX feed_event ON pedigree.feed (id);
