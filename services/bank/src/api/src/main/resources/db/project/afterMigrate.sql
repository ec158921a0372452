-- In the project's Postgres, the application logs in as a role of its own, which cannot delete anything or change what
-- was transferred. The rights are everybody's, because a backup that names a role can only be restored where it exists.

do $$
begin
  if not exists (select from pg_roles where rolname = 'bank') then
    create role bank login;
  end if;
end
$$;

grant usage on schema bank to public;
grant select, insert on bank.account, bank.transfer to public;
grant update (balance) on bank.account to public;
