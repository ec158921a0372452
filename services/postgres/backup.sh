#!/bin/sh
exec pg_dump --username analyst --format custom "$POSTGRES_DB"
