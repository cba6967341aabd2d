-- A checksum over all of a resource, which the database by itself may not have; none for those that older versions wrote.
alter table resource add column crc bigint;

-- The data directory whose journal the node's watermarks are of. Another one's process must not fence the node off.
alter table node add column home text;
