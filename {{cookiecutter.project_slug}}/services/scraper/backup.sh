#!/bin/sh
# In: scraper-postgres
exec pg_dump --username analyst --format custom "$POSTGRES_DB"
