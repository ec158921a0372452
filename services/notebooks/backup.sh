#!/bin/sh
exec python backup.py
