"""The tables, as the list of changes that led to them.

A database holds in `PRAGMA user_version` how many of these it has seen, and takes the rest when it is opened. Add at
the end, and never change what is there: it has run on other people's machines.
"""

from typing import Final

MIGRATIONS: Final = (
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,        -- of the request, as buttons and log lines name it
        kind TEXT NOT NULL,         -- drawing, question, enlargement
        state TEXT NOT NULL,        -- see `State`; once it was accepted, done, failed, cancelled or interrupted
        owner INTEGER NOT NULL,     -- who asked
        guild INTEGER,
        channel INTEGER,
        message INTEGER,
        private INTEGER NOT NULL,   -- only the owner sees it
        spoiler INTEGER NOT NULL,
        model TEXT NOT NULL,
        asked REAL NOT NULL,        -- seconds since 1970
        ended REAL,
        request TEXT NOT NULL,      -- JSON, by kind
        result TEXT                 -- JSON, by kind; NULL until it is done
    ) STRICT;
    CREATE INDEX jobs_by_owner ON jobs (owner, asked);
    CREATE INDEX jobs_by_guild ON jobs (guild, asked);
    CREATE INDEX jobs_by_state ON jobs (state) WHERE state = 'accepted';
    CREATE INDEX jobs_by_time ON jobs (asked);
    """,
    """
    CREATE TABLE servers (
        guild INTEGER PRIMARY KEY,
        settings TEXT NOT NULL      -- JSON: what the server chose; what is not there is as config.toml says
    ) STRICT;
    CREATE TABLE blocked (
        guild INTEGER NOT NULL,
        member INTEGER NOT NULL,
        since REAL NOT NULL,
        PRIMARY KEY (guild, member)
    ) STRICT;
    CREATE TABLE uses (             -- what counts towards the limits an hour: kept apart, to outlive a deleted job
        job TEXT PRIMARY KEY,
        member INTEGER NOT NULL,
        guild INTEGER,
        asked REAL NOT NULL
    ) STRICT;
    CREATE INDEX uses_by_member ON uses (member, asked);
    CREATE INDEX uses_by_guild ON uses (guild, asked);
    CREATE TABLE reports (
        message INTEGER NOT NULL,
        member INTEGER NOT NULL,    -- who reported it
        reported REAL NOT NULL,
        PRIMARY KEY (message, member)
    ) STRICT;
    """,
    """
    ALTER TABLE jobs ADD COLUMN conversation TEXT;      -- of a question: the first one's id; its pictures are under it
    ALTER TABLE jobs ADD COLUMN parent TEXT;            -- the question that this one goes on from
    CREATE INDEX jobs_by_conversation ON jobs (conversation, owner);
    CREATE INDEX jobs_by_parent ON jobs (parent);
    CREATE INDEX jobs_by_message ON jobs (message);
    CREATE TABLE pictures (
        conversation TEXT NOT NULL,
        number INTEGER NOT NULL,    -- from 0
        owner INTEGER NOT NULL,     -- who handed it in
        name TEXT NOT NULL,
        data BLOB NOT NULL,         -- the file, as it was handed in
        PRIMARY KEY (conversation, number)
    ) STRICT;
    -- However a question goes, the conversation closes over the gap, and pictures go with the last question of whoever
    -- handed them in.
    CREATE TRIGGER jobs_deleted AFTER DELETE ON jobs BEGIN
        UPDATE jobs SET parent = OLD.parent WHERE parent = OLD.id;
        DELETE FROM pictures WHERE conversation = OLD.conversation AND owner = OLD.owner
            AND NOT EXISTS (SELECT 1 FROM jobs WHERE conversation = OLD.conversation AND owner = OLD.owner);
    END;
    """,
    """
    ALTER TABLE jobs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;     -- how often it was begun
    ALTER TABLE jobs ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;        -- files of the result that Discord has
    ALTER TABLE jobs ADD COLUMN told REAL;                              -- when its member heard that nothing came of it
    ALTER TABLE jobs ADD COLUMN failure TEXT;                           -- JSON: why
    ALTER TABLE jobs ADD COLUMN notes TEXT NOT NULL DEFAULT '[]';       -- JSON: small lines under the result
    ALTER TABLE jobs ADD COLUMN reply_to INTEGER;                       -- the message that asked
    ALTER TABLE jobs ADD COLUMN token TEXT;                             -- of the interaction, until `token_ends`
    ALTER TABLE jobs ADD COLUMN token_ends REAL;
    ALTER TABLE jobs ADD COLUMN channel_open INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN language TEXT NOT NULL DEFAULT 'en-US';
    ALTER TABLE jobs ADD COLUMN file_bytes INTEGER NOT NULL DEFAULT 10485760;
    UPDATE jobs SET told = coalesce(ended, asked) WHERE state IN ('failed', 'cancelled', 'interrupted');
    UPDATE jobs SET state = 'delivered' WHERE state = 'done';
    UPDATE jobs SET state = 'failed' WHERE state = 'interrupted';
    UPDATE jobs SET channel_open = 1 WHERE state = 'accepted' AND NOT private;
    ALTER TABLE pictures ADD COLUMN small BLOB NOT NULL DEFAULT x'';    -- a WebP of it, as messages show it
    DROP INDEX jobs_by_state;
    CREATE INDEX jobs_by_state ON jobs (state, told);
    -- What is enlarged is kept until that is done: the button that asked for it finds it again.
    CREATE TRIGGER jobs_enlarged AFTER UPDATE OF state ON jobs
    WHEN NEW.kind = 'enlargement' AND NEW.state IN ('delivered', 'failed', 'cancelled') BEGIN
        DELETE FROM pictures WHERE conversation = NEW.id;
    END;
    """,
    """
    ALTER TABLE jobs ADD COLUMN origin TEXT;    -- JSON: whose press it answers, and what it goes on from
    """,
    """
    ALTER TABLE jobs ADD COLUMN sources TEXT NOT NULL DEFAULT '[]';     -- JSON: where its pictures are read from
    """,
    """
    -- What is kept of one member, and in all, is bounded: see `store.member_bytes`.
    ALTER TABLE pictures ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;   -- of its data and its small copy
    UPDATE pictures SET bytes = length(data) + length(small);
    CREATE INDEX pictures_by_owner ON pictures (owner, bytes, conversation);
    ALTER TABLE jobs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;       -- of its request and its result
    UPDATE jobs SET bytes = length(CAST(request AS BLOB)) + ifnull(length(CAST(result AS BLOB)), 0);
    CREATE INDEX jobs_by_bytes ON jobs (owner, asked, bytes);
    """,
    """
    CREATE TABLE members (
        member INTEGER PRIMARY KEY,
        defaults TEXT NOT NULL      -- JSON: what the member chose; what is not there is as where they ask
    ) STRICT;
    """,
    """
    CREATE TABLE kept (             -- pictures that somebody kept, and the message that shows each
        job TEXT NOT NULL,
        picture INTEGER NOT NULL,   -- from 0
        guild INTEGER NOT NULL,
        channel INTEGER NOT NULL,
        message INTEGER NOT NULL,
        PRIMARY KEY (job, picture)
    ) STRICT;
    CREATE TABLE keepers (          -- who kept them
        job TEXT NOT NULL,
        picture INTEGER NOT NULL,
        member INTEGER NOT NULL,
        since REAL NOT NULL,
        PRIMARY KEY (job, picture, member)
    ) STRICT;
    CREATE INDEX keepers_by_member ON keepers (member);
    CREATE TRIGGER jobs_kept AFTER DELETE ON jobs BEGIN
        DELETE FROM kept WHERE job = OLD.id;
        DELETE FROM keepers WHERE job = OLD.id;
    END;
    """,
    """
    ALTER TABLE uses ADD COLUMN requests INTEGER NOT NULL DEFAULT 1;    -- that it counts as
    """,
)
