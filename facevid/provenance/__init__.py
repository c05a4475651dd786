"""Provenance of a result: IPTC's digital source type in its metadata, and signed C2PA manifests."""
