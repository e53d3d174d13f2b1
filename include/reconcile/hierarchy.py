"""How two customers are related: the same, one above the other, or siblings under one parent.

The tree is numbered here from the parents (nested sets: a subtree is one interval of `lft`), so a wrong or
missing number upstream cannot make strangers relatives. Customers on a cycle are related to nobody but
themselves.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence

RELATIONS = ("same", "descendant", "ancestor", "sibling")


class CustomerTree:
    """The customer forest, from a mapping of customer to parent (None for a root).

    A parent that is not a customer itself still joins its children as siblings.
    """

    def __init__(self, parents: Mapping[str, str | None]):
        self._parents = dict(parents)
        self._children: dict[str, list[str]] = defaultdict(list)
        for customer, parent in sorted(self._parents.items()):
            if parent is not None:
                self._children[parent].append(customer)
        self._interval: dict[str, tuple[int, int]] = {}
        self._number()

    def _number(self) -> None:
        tops = [c for c, parent in self._parents.items() if parent is None]
        tops += [parent for parent in self._children if parent not in self._parents]
        counter = 0
        for top in sorted(tops):
            stack: list[tuple[str, bool]] = [(top, False)]
            opened: dict[str, int] = {}
            while stack:
                customer, done = stack.pop()
                if done:
                    self._interval[customer] = (opened[customer], counter - 1)
                    continue
                opened[customer] = counter
                counter += 1
                stack.append((customer, True))
                stack.extend((child, False) for child in reversed(self._children.get(customer, ())))

    def relation(self, promotion_customer: str, claim_customer: str) -> str | None:
        """What the claim's customer is to the promotion's: one of RELATIONS, or None."""
        if promotion_customer == claim_customer:
            return "same"
        above = self._interval.get(promotion_customer)
        below = self._interval.get(claim_customer)
        if above is None or below is None:
            return None
        if above[0] < below[0] <= above[1]:
            return "descendant"
        if below[0] < above[0] <= below[1]:
            return "ancestor"
        parent = self._parents.get(promotion_customer)
        if parent is not None and parent == self._parents.get(claim_customer):
            return "sibling"
        return None

    def relatives(self, claim_customer: str, among: Relatives) -> list[tuple[int, int]]:
        """(position in `among`, index in RELATIONS) of every promotion customer related to the claim's."""
        found: dict[int, int] = {}
        own = among.positions.get(claim_customer)
        if own is not None:
            found[own] = 0
        interval = self._interval.get(claim_customer)
        if interval is None:
            return sorted(found.items())
        above = self._parents.get(claim_customer)
        while above is not None and above in self._interval:
            if above in among.positions:
                found.setdefault(among.positions[above], 1)
            above = self._parents.get(above)
        first = bisect_left(among.left, interval[0] + 1)
        last = bisect_left(among.left, interval[1] + 1)
        for position in among.by_left[first:last]:
            found.setdefault(position, 2)
        for position in among.by_parent.get(self._parents.get(claim_customer), ()):
            found.setdefault(position, 3)
        return sorted(found.items())

    def index(self, promotion_customers: Sequence[str]) -> Relatives:
        """The distinct customers of promotions, prepared for `relatives`."""
        return Relatives(self, promotion_customers)

    def parent(self, customer: str) -> str | None:
        """The parent of `customer`, None for a root or a stranger."""
        return self._parents.get(customer)

    def root(self, customer: str) -> str:
        """The top of the customer's tree; itself when it is a stranger or on a cycle."""
        if customer not in self._interval:
            return customer
        while (above := self._parents.get(customer)) is not None:
            customer = above
        return customer

    def left(self, customer: str) -> int | None:
        """The left number of `customer`, None when it is not in the tree."""
        interval = self._interval.get(customer)
        return None if interval is None else interval[0]


class Relatives:
    """Promotion customers by position, by left number and by parent."""

    def __init__(self, tree: CustomerTree, customers: Sequence[str]):
        self.positions = {customer: i for i, customer in enumerate(customers)}
        numbered = sorted((tree.left(c), i) for c, i in self.positions.items() if tree.left(c) is not None)
        self.left = [left for left, _ in numbered]
        self.by_left = [i for _, i in numbered]
        self.by_parent: dict[str, list[int]] = defaultdict(list)
        for customer, i in self.positions.items():
            parent = tree.parent(customer)
            if parent is not None and tree.left(customer) is not None:
                self.by_parent[parent].append(i)
