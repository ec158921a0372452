#!/bin/sh
exec node server/restore.js
