-- One text for SQLite and PostgreSQL; {bytes} is the dialect's type for byte strings.

-- Every number that must never be handed out twice: the next block of a counter starts after `value`.
create table counter (
    name text primary key,
    value bigint not null
);

-- A process that writes. Opening the catalog raises the epoch; who holds an older one is fenced off.
create table node (
    name text primary key,
    epoch bigint not null,
    opened_at bigint not null
);

-- All control-plane state. `region` is empty for global resources. Names are bytes, so that both databases order them alike.
create table resource (
    kind text not null,
    account text not null,
    region text not null,
    name {bytes} not null,
    version bigint not null,
    document text not null,
    primary key (kind, account, region, name)
);

-- What a publish made visible. Ids are in commit order, for they come from a locked counter row.
create table snapshot (
    id bigint primary key,
    at bigint not null,
    at_text text not null,
    node text not null,
    schema_version bigint not null
);

-- Published files. Live: `end_snapshot` is null. The keys are unsigned numbers stored by their bits.
create table segment (
    id bigint primary key,
    table_name text not null,
    level bigint not null,
    window_start bigint not null,
    window_ms bigint not null,
    min_time bigint not null,
    max_time bigint not null,
    row_count bigint not null,
    bytes bigint not null,
    raw_bytes bigint not null,
    footer_bytes bigint not null,
    path text not null,
    min_key bigint not null,
    max_key bigint not null,
    column_stats text not null,
    begin_snapshot bigint not null,
    end_snapshot bigint,
    ended_at bigint
);
create index segment_ended on segment (ended_at);

-- The journal frames of this node below `lsn` are in published segments, as far as this table is concerned.
create table watermark (
    node text not null,
    table_id bigint not null,
    lsn bigint not null,
    primary key (node, table_id)
);

-- Who does timed work. The epoch grows with every change of hands.
create table lease (
    name text primary key,
    owner text not null,
    owner_epoch bigint not null,
    epoch bigint not null,
    expires_at bigint not null
);

insert into snapshot (id, at, at_text, node, schema_version) values (0, 0, '1970-01-01T00:00:00Z', '', 0);
insert into counter (name, value) values ('snapshot', 0);
insert into counter (name, value) values ('lake_schema', 0);
