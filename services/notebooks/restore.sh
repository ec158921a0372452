#!/bin/sh
exec python restore.py
