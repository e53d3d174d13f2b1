"""What the seeded company's CRM holds: accounts, opportunities and users in Salesforce's own field names.

Multi-valued fields (`OEMs__c`, `Partners__c`) are texts joined by semicolons, first name first; Probability is
0-100; an opportunity's `OwnerId` is a user whose `EmployeeNumber` is the rep.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import numpy as np

from include.sandbox.world_compensation import Deal, Rep
from include.sandbox.world_names import INDUSTRIES, LAST_NAMES, OEMS, PARTNERS, Profile
from include.sandbox.world_shape import AS_OF, Table, WorldSize, to_cents

STAGES = {"Prospecting": 10, "Qualification": 25, "Proposal": 50, "Negotiation": 75}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def salesforce_id(prefix: str, number: int) -> str:
    """An 18-character record id: 15 characters and the checksum that makes it safe to compare without case."""
    head = f"{prefix}5g{number:010d}"
    blocks = (head[i : i + 5] for i in (0, 5, 10))
    return head + "".join(ALPHABET[sum((c.isupper()) << i for i, c in enumerate(block))] for block in blocks)


def stamp(day: date, hour: int = 9, minute: int = 0) -> str:
    """A moment as the REST API writes it."""
    return datetime.combine(day, time(hour, minute)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def users(reps: list[Rep]) -> list[dict[str, object]]:
    """One user per rep."""
    titles = {"AE": "Account Executive", "SE": "Sales Engineer", "Manager": "Regional Sales Manager"}
    return [
        {
            "Id": salesforce_id("005", n), "Name": rep.name, "Email": rep.email, "IsActive": rep.left is None,
            "Title": titles[rep.role], "EmployeeNumber": rep.key, "Region__c": rep.region, "SystemModstamp": stamp(rep.left or rep.hired),
        }
        for n, rep in enumerate(reps, start=1)
    ]  # fmt: skip


def accounts(
    rng: np.random.Generator, size: WorldSize, customers: Table, profile: Profile
) -> list[dict[str, object]]:
    """The retailers of the hierarchy as customers, and prospects and partners beside them."""
    named = [(row[0], row[1]) for row in customers.rows if row[2] in ("Banner", "Bill-to", "Sold-to")]
    others = max(12, size.opportunities // 12)
    kinds = ("Holding", "Stores", "Provisions", "Logistics")
    named += [(None, f"{LAST_NAMES[i % 26]} {kinds[i // 26 % 4]}{f' {i // 104 + 1}' if i >= 104 else ''}")
              for i in range(others)]  # fmt: skip
    records = []
    for n, (customer, name) in enumerate(named, start=1):
        created = date(2021, 1, 4) + timedelta(days=int(rng.integers(0, 1000)))
        changed = date(2026, 1, 5) + timedelta(days=int(rng.integers(0, 290)))
        is_prospect = customer is None and rng.random() < 0.25
        revenue = (
            None if customer is None and rng.random() < 0.05 else int(rng.lognormal(17.2, 1.0)) // 1000 * 1000
        )
        records.append({
            "Id": salesforce_id("001", n), "Name": name, "Industry": "Retail" if customer else INDUSTRIES[n % len(INDUSTRIES)],
            "AnnualRevenue": revenue, "NumberOfEmployees": int(rng.lognormal(5.5, 1.0)) + 5,
            "BillingCountry": profile.country, "Type": "Prospect" if is_prospect else "Customer",
            "Customer_Key__c": customer, "CreatedDate": stamp(created), "LastModifiedDate": stamp(changed, 14, n % 60),
            "SystemModstamp": stamp(changed, 14, n % 60), "IsDeleted": False,
        })  # fmt: skip
    return records


def opportunity_id(number: int) -> str:
    """Record id of the opportunity with this number; won deals come first, under their deal number."""
    return salesforce_id("006", number)


def opportunities(
    rng: np.random.Generator, size: WorldSize, won: list[Deal], reps: list[Rep], account_ids: list[str]
) -> list[dict[str, object]]:
    """Every won deal, about as many lost ones, and the open pipeline; at least `size.opportunities` in all."""
    user_of = {rep.key: salesforce_id("005", n) for n, rep in enumerate(reps, start=1)}
    sellers = [rep for rep in reps if rep.role == "AE"]
    records = [
        _record(rng, d.number, d.owner, user_of, account_ids, d.amount / 100, "Closed Won", 100, d.closed)
        for d in won
    ]
    pipeline = max(10, len(sellers) * 8)
    lost = max(len(won) * 4 // 5, size.opportunities - len(won) - pipeline)
    for n in range(len(won) + 1, len(won) + lost + 1):
        day = date(2024, 1, 8) + timedelta(days=int(rng.integers(0, (AS_OF - date(2024, 1, 8)).days)))
        rep = _employed(rng, sellers, day)
        records.append(_record(rng, n, rep, user_of, account_ids, _amount(rng), "Closed Lost", 0, day))
    staying = [rep for rep in sellers if rep.left is None and rep.hired <= AS_OF]
    for n in range(len(won) + lost + 1, len(won) + lost + pipeline + 1):
        day = AS_OF + timedelta(days=int(rng.integers(-12, 150)))
        stage = list(STAGES)[int(rng.integers(len(STAGES)))]
        rep = staying[int(rng.integers(len(staying)))]
        amount = None if rng.random() < 0.03 else _amount(rng)
        records.append(_record(rng, n, rep, user_of, account_ids, amount, stage, STAGES[stage], day))
    return records


def _employed(rng: np.random.Generator, sellers: list[Rep], day: date) -> Rep:
    there = [rep for rep in sellers if rep.active_in(day, day + timedelta(days=1))]
    return there[int(rng.integers(len(there)))]


def _amount(rng: np.random.Generator) -> float:
    return to_cents(float(rng.lognormal(11.3, 0.7))) / 100


def _record(
    rng, number, owner, user_of, account_ids, amount, stage, probability, closing
) -> dict[str, object]:
    age = int(rng.integers(20, 200))
    created = min(closing, AS_OF) - timedelta(days=age)
    changed = min(closing, AS_OF - timedelta(days=int(rng.integers(0, 20))))
    oems = [
        OEMS[i]
        for i in rng.permutation(len(OEMS))[: int(rng.choice([0, 1, 2, 3, 4], p=[0.1, 0.3, 0.3, 0.25, 0.05]))]
    ]
    partners = [
        PARTNERS[i]
        for i in rng.permutation(len(PARTNERS))[: int(rng.choice([0, 1, 2, 3], p=[0.5, 0.3, 0.15, 0.05]))]
    ]
    modified = stamp(max(created, changed), int(rng.integers(7, 19)), int(rng.integers(0, 60)))
    return {
        "Id": opportunity_id(number), "Name": f"Deal {number:05d}",
        "AccountId": account_ids[int(rng.integers(len(account_ids)))], "Amount": amount, "StageName": stage,
        "CloseDate": closing.isoformat(), "OwnerId": user_of[owner.key], "Probability": probability,
        "Type": ("New Business", "Existing Business", "Renewal")[int(rng.integers(3))],
        "IsWon": stage == "Closed Won", "IsClosed": stage.startswith("Closed"), "CreatedDate": stamp(created),
        "LastModifiedDate": modified, "SystemModstamp": modified, "IsDeleted": False,
        "Region__c": owner.region if rng.random() < 0.97 else None,
        "OEMs__c": ";".join(oems) or None, "Partners__c": ";".join(partners) or None,
    }  # fmt: skip
