"""Files in a SharePoint site's default drive."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from include.publish.destinations import Outcome
from include.publish.exports import Export
from include.publish.graph import GraphClient
from include.publish.items import Item, local_file


def connect(client: GraphClient) -> SharePointDestination:
    """The destination over an open Graph client."""
    return SharePointDestination(client)


class SharePointDestination:
    """Puts each file at the path that is its key."""

    batch_size = 1

    def __init__(self, client: GraphClient):
        self.client = client

    def send(self, export: Export, items: Sequence[Item]) -> list[Outcome]:
        """Upload each file under a temporary name and rename it."""
        outcomes = []
        for item in items:
            stored = self.client.upload(item.key, local_file(item).read_bytes())
            outcomes.append(Outcome(item.key, "confirmed", external_id=stored["id"]))
        return outcomes

    def missing(self, export: Export, items: Sequence[Item]) -> dict[str, str]:
        """Compare the sha256 of what the drive gives back."""
        differences = {}
        for item in items:
            if self.client.item(item.key) is None:
                differences[item.key] = "the file is not there"
                continue
            found = hashlib.sha256(self.client.content(item.key)).hexdigest()
            if found != item.content_sha256:
                differences[item.key] = f"sent {item.content_sha256[:12]}…, found {found[:12]}…"
        return differences
