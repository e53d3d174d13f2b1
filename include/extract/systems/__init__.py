"""One module per source system; each defines `SYSTEM`. Nothing here talks to anything."""
