"""What a result says of its origin: IPTC's digital source type in its metadata, and signed C2PA manifests."""
