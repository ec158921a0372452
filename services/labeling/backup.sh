#!/bin/sh
exec node server/backup.js
