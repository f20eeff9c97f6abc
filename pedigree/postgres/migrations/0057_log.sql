-- The audit log: a Merkle tree (RFC 6962) over the feed, whose leaf i is the event with seq i + 1.

-- Only the hashes of full blocks of 256 are stored, level by level: level 1 is over leaves, level 2
-- over the hashes of level 1. Level 0 is event.leaf.
CREATE TABLE pedigree.log_block (
    level smallint NOT NULL CHECK (level >= 1),
    index bigint NOT NULL CHECK (index >= 0),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, index)
);

-- The keys that sign checkpoints. Events say the same, so that the log itself proves it.
CREATE TABLE pedigree.log_key (
    public_key bytea PRIMARY KEY CHECK (length(public_key) = 32),
    added_at timestamptz NOT NULL,
    retired_at timestamptz,
    -- Encrypted with PEDIGREE_SECRET_KEY; only of a key that is kept here.
    private_key bytea,
    -- A key that was replaced still signs until then.
    signs_until timestamptz
);

-- The size and the root of the tree, as a signed note (https://c2sp.org/tlog-checkpoint).
CREATE TABLE pedigree.log_checkpoint (
    size bigint PRIMARY KEY CHECK (size > 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    note text NOT NULL,
    sealed_at timestamptz NOT NULL
);

CREATE TRIGGER log_block_append_only BEFORE UPDATE OR DELETE ON pedigree.log_block
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER log_block_no_truncate BEFORE TRUNCATE ON pedigree.log_block
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER log_checkpoint_append_only BEFORE UPDATE OR DELETE ON pedigree.log_checkpoint
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER log_checkpoint_no_truncate BEFORE TRUNCATE ON pedigree.log_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();
ALTER TABLE pedigree.log_block ENABLE ALWAYS TRIGGER log_block_append_only;
ALTER TABLE pedigree.log_block ENABLE ALWAYS TRIGGER log_block_no_truncate;
ALTER TABLE pedigree.log_checkpoint ENABLE ALWAYS TRIGGER log_checkpoint_append_only;
ALTER TABLE pedigree.log_checkpoint ENABLE ALWAYS TRIGGER log_checkpoint_no_truncate;
