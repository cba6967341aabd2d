-- Small values under sorted keys, far more of them than resources: read by key or by range, never all at once. Keys are bytes,
-- so that both databases order them alike.
create table entry (
    kind text not null,
    key {bytes} not null,
    value {bytes} not null,
    crc bigint not null,
    primary key (kind, key)
) {by_key};
