-- Webhooks: who is told of which events, and what became of each telling.

CREATE TABLE pedigree.webhook (
    webhook_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url text NOT NULL,
    description text,
    -- Types of events or patterns of them, and names of models or patterns of them; none: all.
    types text[] NOT NULL DEFAULT '{}',
    models text[] NOT NULL DEFAULT '{}',
    active boolean NOT NULL DEFAULT true,
    -- Encrypted; the key is in the settings of whoever delivers.
    secret bytea NOT NULL,
    -- The secret before, which signs as well until receivers know the new one.
    old_secret bytea,
    old_secret_until timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    -- Up to here the feed has been read for it.
    seq bigint NOT NULL,
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
);

-- One event for one webhook.
CREATE TABLE pedigree.webhook_delivery (
    webhook_id bigint NOT NULL REFERENCES pedigree.webhook (webhook_id) ON DELETE CASCADE,
    seq bigint NOT NULL REFERENCES pedigree.feed (seq),
    -- The event's model; '' where it has none.
    model text COLLATE "C" NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    -- How often it failed since it was asked for.
    failures integer NOT NULL DEFAULT 0,
    settled_at timestamptz,
    PRIMARY KEY (webhook_id, seq),
    CHECK ((state = 'pending') = (settled_at IS NULL))
);

CREATE INDEX webhook_delivery_pending ON pedigree.webhook_delivery (webhook_id, model, seq)
    WHERE state = 'pending';
CREATE INDEX webhook_delivery_settled ON pedigree.webhook_delivery (settled_at)
    WHERE state <> 'pending';

-- The deliveries of one model to one webhook go one after the other: whoever holds the line's lease
-- delivers its first one.
CREATE TABLE pedigree.webhook_line (
    webhook_id bigint NOT NULL REFERENCES pedigree.webhook (webhook_id) ON DELETE CASCADE,
    model text COLLATE "C" NOT NULL,
    -- When its first delivery may be tried, which is when a lease ends; null where none is pending.
    due_at timestamptz,
    lease uuid,
    PRIMARY KEY (webhook_id, model)
);

CREATE INDEX webhook_line_due ON pedigree.webhook_line (due_at) WHERE due_at IS NOT NULL;

-- The log: each try, by the lease under which it was made.
CREATE TABLE pedigree.webhook_attempt (
    lease uuid PRIMARY KEY,
    webhook_id bigint NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    -- What the receiver answered; null where no answer came.
    status integer,
    error text,
    FOREIGN KEY (webhook_id, seq) REFERENCES pedigree.webhook_delivery (webhook_id, seq)
        ON DELETE CASCADE
);

CREATE INDEX webhook_attempt_delivery ON pedigree.webhook_attempt (webhook_id, seq);
