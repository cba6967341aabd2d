-- The journal of a cluster, for whoever works after its process: frames that were committed together are one row, in the form
-- that they have in a file of the journal.
create table journal_group (
    node text not null,
    first_lsn bigint not null,
    next_lsn bigint not null,
    frames {bytes} not null,
    primary key (node, first_lsn)
);

-- The processes of a cluster, by the addresses at which the others reach them, and when they were last heard of.
create table member (
    address text primary key,
    run bigint not null,
    beat_at bigint not null
);

-- A text sealed with the master key of the cluster's first process: who cannot open it has another key. One row.
create table member_proof (
    one bigint primary key,
    proof text not null
);
