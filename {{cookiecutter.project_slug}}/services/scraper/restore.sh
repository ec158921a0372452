#!/bin/sh
# In: scraper-postgres
exec pg_restore --username analyst --dbname "$POSTGRES_DB" --clean --if-exists --single-transaction
