-- SQL that Postgres and Oracle both understand. Oracle counts the bytes of a varchar, and a character has up to four.

create table account (
  id integer generated always as identity (start with 100001) primary key,
  -- The Idempotency-Key of the request that opened it.
  request varchar(64) not null unique,
  owner varchar(400) not null,
  currency varchar(3) not null,
  balance numeric(19, 2) not null check (balance >= 0),
  opened timestamp with time zone default current_timestamp not null
);

create table transfer (
  id integer generated always as identity primary key,
  request varchar(64) unique,
  -- The first deposit of an account has neither a request nor a source.
  source integer references account,
  target integer not null references account,
  amount numeric(19, 2) not null check (amount > 0),
  -- What the accounts had after it.
  source_balance numeric(19, 2) check (source_balance >= 0),
  target_balance numeric(19, 2) not null,
  note varchar(560),
  made timestamp with time zone default current_timestamp not null,
  check (source <> target)
);

create index transfer_source on transfer (source, id);
create index transfer_target on transfer (target, id);
