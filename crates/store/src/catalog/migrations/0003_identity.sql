-- Who this catalog is: by it the place of segments is known for its own. One row.
create table identity (
    one bigint primary key,
    id text not null
);
