"""Deals for tests of pipeline mode: single ones, and the seeded company's rows as the marts would give them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from include.forecast.mart_rows import MartRows
from include.sandbox.world import World

Row = Mapping[str, object]
AS_OF = date(2026, 10, 31)


def mart_rows(world: World, as_of: date) -> MartRows:
    """What transform makes of the company's deliveries, as far as the forecast reads it."""
    tables = {name: table.records() for name, table in world.tables.items()}
    credits = [c for c in tables["sales_credits"] if c["credit_date"] <= as_of]
    rep_of = {u["Id"]: u["EmployeeNumber"] for u in world.salesforce["User"]}
    recent = sum(
        (c["amount"] for c in credits if _is_revenue(c) and c["credit_date"] > as_of - timedelta(days=365)),
        Decimal(0),
    )
    return MartRows(
        sales_reps=tables["sales_reps"],
        quotas=tables["quotas"],
        compensation_plans=tables["compensation_plans"],
        compensation_plan_tiers=tables["compensation_plan_tiers"],
        compensation_plan_components=tables["compensation_plan_components"],
        sales_credits=credits,
        rep_attainment=_attainment(tables["quotas"], tables["sales_credits"], as_of),
        opportunities=[_deal(o, rep_of, world.currency) for o in world.salesforce["Opportunity"]],
        opportunity_history=[_change(h) for h in world.salesforce["OpportunityHistory"]],
        recent_credits=[{"currency": world.currency, "amount": recent}],
    )


def _is_revenue(credit: Row) -> bool:
    return credit["measure"] == "revenue" and credit["credit_type"] == "revenue"


def _attainment(quotas: Sequence[Row], credits: Sequence[Row], as_of: date) -> list[dict[str, object]]:
    by_rep: dict[tuple[object, object], list[Row]] = defaultdict(list)
    for credit in credits:
        if credit["credit_type"] == "revenue":
            by_rep[credit["rep_key"], credit["measure"]].append(credit)
    rows = []
    for quota in quotas:
        start, end = quota["period_start"], quota["period_end"]
        mine = by_rep[quota["rep_key"], quota["measure"]]
        credited = sum((c["amount"] for c in mine if start <= c["credit_date"] < end), Decimal(0))
        if end <= as_of + timedelta(days=1) and quota["quota_amount"]:
            share = (credited / quota["quota_amount"]).quantize(Decimal("0.000000001"))
            rows.append({**quota, "credited_amount": credited, "attainment": share})
    return rows


def _deal(record: Row, rep_of: Mapping[object, object], currency: str) -> dict[str, object]:
    return {
        "opportunity_key": record["Id"],
        "owner_rep_key": rep_of[record["OwnerId"]],
        "amount": _amount(record["Amount"]),
        "currency": currency,
        "stage": record["StageName"],
        "is_won": record["IsWon"],
        "is_closed": record["IsClosed"],
        "probability": Decimal(record["Probability"]) / 100,
        "created_date": date.fromisoformat(record["CreatedDate"][:10]),
        "close_date": date.fromisoformat(record["CloseDate"]),
    }


def _change(record: Row) -> dict[str, object]:
    moment = datetime.strptime(record["CreatedDate"], "%Y-%m-%dT%H:%M:%S.%f%z")
    return {
        "opportunity_key": record["OpportunityId"],
        "changed_at": moment,
        "changed_on": moment.date(),
        "stage": record["StageName"],
        "amount": _amount(record["Amount"]),
        "probability": Decimal(record["Probability"]) / 100,
        "close_date": date.fromisoformat(record["CloseDate"]),
    }


def _amount(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def deal(key: str, *, created: date | None, closes: date | None, **more: object) -> dict[str, object]:
    """A row of planning.opportunities, open unless `won` says how it ended."""
    won = more.pop("won", None)
    stage = {True: "Closed Won", False: "Closed Lost", None: "Proposal"}[won]
    return {
        "opportunity_key": key,
        "owner_rep_key": "R000",
        "amount": Decimal(50_000),
        "currency": "USD",
        "stage": stage,
        "is_won": bool(won),
        "is_closed": won is not None,
        "probability": None,
        "created_date": created,
        "close_date": closes,
        **more,
    }


def change(key: str, day: date, stage: str, **more: object) -> dict[str, object]:
    """A row of planning.opportunity_history."""
    moment = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return {"opportunity_key": key, "changed_at": moment, "changed_on": day, "stage": stage, **more}


def closed(count: int, wins: int, *, age: int, stages: tuple[str, ...] = (), slip: int = 0):
    """Deals that ended 100 days ago at an age, after standing at `stages` in turn, the first of them won.

    The date stated at each stage was missed by `slip` days.
    """
    rows, history = [], []
    end = AS_OF - timedelta(days=100)
    start = end - timedelta(days=age)
    for n in range(count):
        key = f"P{age}-{'-'.join(stages)}-{n}"
        rows.append(deal(key, created=start, closes=end, won=n < wins))
        for at, stage in enumerate(stages):
            entered = start + timedelta(days=at * age // max(len(stages), 1))
            stated = end - timedelta(days=slip)
            history.append(change(key, entered, stage, close_date=stated, amount=Decimal(40_000)))
        if stages:
            history.append(change(key, end, rows[-1]["stage"]))
    return rows, history
